"""The objects as YAML, for people and for pipes. No secret is ever in it. Pure functions."""

from __future__ import annotations

import yaml

from trainyard_hub.kubernetes import secrets
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.everything import objects
from trainyard_hub.kubernetes.parts import Object


class _Plain(yaml.SafeDumper):
    """No anchors: what is shared here is not shared there."""

    def ignore_aliases(self, data: object) -> bool:
        """Write everything out."""
        return True


def _lines(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Files inside of objects line by line."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Plain.add_representer(str, _lines)


def dump(one: Object) -> str:
    """One object as YAML; its keys in the order they were built in."""
    return yaml.dump(one, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


def render(deployment: Deployment) -> str:
    """All objects, and in words the Secret that only `apply` makes."""
    keys = ", ".join(one.key for one in secrets.kept(deployment))
    told = (
        f"# The Secret {secrets.name(deployment)} in the namespace {deployment.namespace} is not printed.\n"
        f"# `trainyard kubernetes apply` makes what is missing of it, once: {keys}\n"
    )
    return told + "".join(f"---\n{dump(one)}" for one in objects(deployment))
