"""A thin chart from the same functions: the rendered objects, with a few strings left for ``values.yaml``. Pure functions.

A value that stays open is built in as a mark; marks become the chart's expressions once everything is text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from trainyard import __version__

from trainyard_hub.kubernetes import secrets
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.everything import DATA_KINDS, objects
from trainyard_hub.kubernetes.parts import Object
from trainyard_hub.kubernetes.text import dump

OPEN = {
    "image": ("image",),
    "pullPolicy": ("pull_policy",),
    "address": ("access", "address"),
    "sharedClass": ("storage", "shared_class"),
    "singleClass": ("storage", "single_class"),
    "databaseImage": ("database", "image"),
}
"""What a chart's user may change, and where it stands in the deployment."""
KEEP = {"helm.sh/resource-policy": "keep"}
_MARK = re.compile(r"TRAINYARDVALUE(\w+?)END")


def chart(deployment: Deployment) -> dict[str, str]:
    """The chart's files by their path."""
    marked = _marked(deployment)
    files = {
        "Chart.yaml": dump(_description(deployment)),
        "values.yaml": _values(deployment),
        "templates/secrets.yaml": _secret(deployment),
    }
    for number, one in enumerate(kept_by_chart(marked)):
        about = one["metadata"]["name"].removeprefix(f"{deployment.name}-")
        files[f"templates/{number:02d}-{one['kind'].lower()}-{about}.yaml"] = _template(one)
    return files


def kept_by_chart(deployment: Deployment) -> list[Object]:
    """All objects but the release's own namespace, which the chart's tool makes; data stays when the release goes."""
    own = {"kind": "Namespace", "name": deployment.namespace}
    return [_lasting(one) for one in objects(deployment) if {"kind": one["kind"], "name": one["metadata"]["name"]} != own]


def _lasting(one: Object) -> Object:
    if one["kind"] not in DATA_KINDS:
        return one
    about = one["metadata"]
    return {**one, "metadata": {**about, "annotations": {**about.get("annotations", {}), **KEEP}}}


def write(deployment: Deployment, folder: Path) -> list[Path]:
    """Write the chart into ``folder``; templates of an earlier time go."""
    for old in (folder / "templates").glob("*.yaml"):
        old.unlink()
    written = []
    for name, text in chart(deployment).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _description(deployment: Deployment) -> Object:
    return {
        "apiVersion": "v2",
        "name": deployment.name,
        "description": "Trainyard, made by `trainyard kubernetes render --helm`: change the deployment's file, not this chart.",
        "type": "application",
        "version": __version__,
        "appVersion": __version__,
        "kubeVersion": ">=1.20.0-0",
    }


def _values(deployment: Deployment) -> str:
    told = deployment.model_dump(mode="json")
    values = {name: found for name, path in OPEN.items() if (found := _at(told, path)) is not None}
    lines = ["# Everything else is settled in the deployment's file that this chart was made from."]
    return "\n".join(lines) + "\n" + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _marked(deployment: Deployment) -> Deployment:
    """The deployment with marks where the chart's user has a say. It was checked before, and is not again."""
    for name, path in OPEN.items():
        if _at(deployment.model_dump(mode="json"), path) is None:
            continue
        mark = f"TRAINYARDVALUE{name}END"
        if len(path) == 1:
            deployment = deployment.model_copy(update={path[0]: mark})
        else:
            part = getattr(deployment, path[0])
            deployment = deployment.model_copy(update={path[0]: part.model_copy(update={path[1]: mark})})
    return deployment


def _at(told: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    for name in path:
        told = told[name]
    return told


def _template(one: Object) -> str:
    """An object as a template: what looks like an expression already is kept as it is, marks become expressions."""
    text = dump(one).replace("{{", '{{ "{{" }}')
    text = re.sub(r"(?m)(: |- )TRAINYARDVALUE(\w+?)END$", r"\1{{ .Values.\2 | quote }}", text)
    return _MARK.sub(r"{{ .Values.\1 }}", text)


def _secret(deployment: Deployment) -> str:
    """Made once: what the cluster has already wins, and uninstalling keeps it."""
    name = secrets.name(deployment)
    about = secrets.secret(deployment, ())["metadata"]
    head = _lasting({"apiVersion": "v1", "kind": "Secret", "metadata": about})
    found = f'{{{{- $there := (lookup "v1" "Secret" "{deployment.namespace}" "{name}").data | default dict }}}}\n'
    lines = [
        f'  {one.key}: {{{{ index $there "{one.key}" | default ({one.chart} | b64enc) }}}}' for one in secrets.kept(deployment)
    ]
    return found + dump(head) + "type: Opaque\ndata:\n" + "\n".join(lines) + "\n"
