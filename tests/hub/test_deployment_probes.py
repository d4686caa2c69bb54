"""What the doctor's probes are, and what their pods' states are taken to mean."""

from __future__ import annotations

from typing import Any

import pytest
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.probes import Fate, fate_of, probe
from trainyard_hub.kubernetes.restricted import violations

DEPLOYMENT = Deployment.model_validate(
    {"image": "platform:1", "access": {"address": "http://trainyard"}, "pull_secrets": ["key"]}
)


def pod(**state: Any) -> dict[str, Any]:
    return {"status": {"podIP": "10.42.0.9", "containerStatuses": [{"state": state}]}}


@pytest.mark.parametrize(
    ("told", "fate"),
    [
        ({"status": {"phase": "Pending"}}, Fate(started=False)),
        (pod(waiting={"reason": "ContainerCreating"}), Fate(started=False)),
        (pod(waiting={"reason": "ErrImagePull", "message": "no such host"}), Fate(started=False, why="no such host")),
        (pod(waiting={"reason": "ErrImageNeverPull"}), Fate(started=False, why="ErrImageNeverPull")),
        (pod(running={"startedAt": "2026-11-21T18:00:00Z"}), Fate(started=True, address="10.42.0.9")),
        (pod(terminated={"exitCode": 7}), Fate(started=True, code=7, address="10.42.0.9")),
        (pod(waiting={"reason": "RunContainerError"}), Fate(started=True, code=127, address="10.42.0.9")),
    ],
)
def test_a_pods_state_says_how_it_went(told: dict[str, Any], fate: Fate) -> None:
    assert fate_of(told) == fate


def test_a_probe_meets_the_restricted_standard() -> None:
    made = probe(DEPLOYMENT, "platform:1", ["true"], "image")
    assert violations(made["spec"]) == []
    assert made["spec"]["imagePullSecrets"] == [{"name": "key"}]


def test_no_policy_of_ours_chooses_a_probe() -> None:
    assert "trainyard.io/launch" not in probe(DEPLOYMENT, "platform:1", ["true"], "image")["metadata"]["labels"]
