"""What a start leaves that is killed between its Secret and its Job, or before it has given the one to the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec
from trainyard_spawner.kubernetes import left_secrets, names
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher

from tests.kubernetes.conftest import apply, kubectl, launching, until

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(left_secrets, "LOOK_SECONDS", 5)


def secrets(configuration: Configuration) -> list[dict[str, Any]]:
    ours = ("-n", configuration.namespace, "-l", f"{names.INSTANCE}={configuration.name}", "-o", "json")
    found: list[dict[str, Any]] = json.loads(kubectl("get", "secrets", *ours))["items"]
    return found


def test_a_secret_whose_job_was_never_made_goes(launcher: KubernetesLauncher, configuration: Configuration) -> None:
    about = {"name": "job-9-1", "namespace": configuration.namespace, "labels": names.labels(configuration.name, "job-9-1")}
    apply({"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": {}})
    assert launcher.states() == []
    until(lambda: not secrets(configuration))


def test_a_secret_that_was_not_given_to_its_job_is_given_to_it(
    home: Home, configuration: Configuration, make: Callable[..., LaunchSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: object) -> None:
        """Before it does anything."""

    monkeypatch.setattr(KubernetesLauncher, "_give_away", killed)
    with launching(home, configuration) as launcher:
        launcher.start(make("sleep 3000"))
        until(
            lambda: [one["metadata"].get("ownerReferences", [{}])[0].get("kind") for one in secrets(configuration)] == ["Job"]
        )
