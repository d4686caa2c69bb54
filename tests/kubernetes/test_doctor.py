"""The doctor tries a deployment out on a real cluster, with small pods, and leaves nothing behind."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainyard_hub.kubernetes import main
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.doctor import collect
from trainyard_hub.kubernetes.main import Where
from trainyard_spawner.doctor import Finding

from tests.kubernetes.conftest import IMAGE, kubectl

pytestmark = pytest.mark.cluster
PROBE = "trainyard-test/probe:1"
RECIPE = f"FROM {IMAGE}\nRUN mkdir -p /opt/trainyard/bin && ln -s /usr/bin/python3 /opt/trainyard/bin/python\n"
NOWHERE = "localhost:1/nowhere:1"


@pytest.fixture(scope="module")
def told(namespace: str) -> dict[str, Any]:
    """A deployment whose image has nothing but Python."""
    subprocess.run(["docker", "build", "-q", "-t", PROBE, "-"], input=RECIPE.encode(), check=True, capture_output=True)
    return {
        "name": f"p-{secrets.token_hex(3)}",
        "namespace": namespace,
        "image": PROBE,
        "access": {"address": "http://127.0.0.1:8000"},
        "launches": {"images": {"tiny:1": IMAGE, "nowhere:1": NOWHERE}},
    }


def examined(file: Path, told: dict[str, Any]) -> dict[str, Finding]:
    file.write_text(yaml.safe_dump(told))
    deployment = Deployment.model_validate(told)
    return {one.topic: one for one in main.with_cluster(Where(file), lambda cluster: collect(cluster, deployment))}


def test_what_a_cluster_promises_is_tried_out(tmp_path: Path, told: dict[str, Any]) -> None:
    found = examined(tmp_path / "deployment.yaml", told)
    assert found["pulls"].state == "bad"
    assert NOWHERE in found["pulls"].text("en")
    assert IMAGE not in found["pulls"].text("en")
    # whichever network the cluster has, the question was answered
    assert found["network"].state in ("good", "bad"), found["network"].text("en")
    assert found["deploying"].state == "good"
    assert {"version", "rights", "gpu", "clock", "images", "storage", "security"} <= found.keys()
    left = kubectl(
        "get", "pods,networkpolicies", "-n", told["namespace"], "-l", f"app.kubernetes.io/instance={told['name']}", "-o", "name"
    )
    assert left == ""


def test_before_there_is_a_namespace_it_says_what_is_asked_later(tmp_path: Path, told: dict[str, Any]) -> None:
    found = examined(tmp_path / "deployment.yaml", told | {"namespace": f"{told['name']}-later"})
    assert {topic: found[topic].state for topic in ("security", "pulls", "network")} == dict.fromkeys(
        ("security", "pulls", "network"), "note"
    )
