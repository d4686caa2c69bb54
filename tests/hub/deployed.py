"""A small deployment and its objects, for the tests that look at them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.everything import objects

FOLDER = Path(__file__).parent / "deployments"
SMALL = FOLDER / "small.yaml"


def deployment(**changes: Any) -> Deployment:
    told = yaml.safe_load(SMALL.read_text())
    return Deployment.model_validate({**told, **changes})


def the(wanted: Deployment, kind: str, name: str) -> dict[str, Any]:
    found = [one for one in objects(wanted) if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, [(one["kind"], one["metadata"]["name"]) for one in objects(wanted)]
    return found[0]


def containers(wanted: Deployment) -> dict[str, dict[str, Any]]:
    pod = the(wanted, "Deployment", "trainyard-platform")["spec"]["template"]["spec"]
    return {one["name"]: one for one in (*pod["initContainers"], *pod["containers"])}
