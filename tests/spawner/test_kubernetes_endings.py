"""Whoever is to end is told so in its pod, where somebody can hear it; what cannot hear is taken away."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from trainyard.jobs.states import Cause
from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.cluster import Cluster
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.ending import Endings
from trainyard_spawner.kubernetes.mirror import Mirror
from trainyard_spawner.kubernetes.verdicts import state_of

BORN = "2026-11-21T10:00:00Z"
CREATING = {"phase": "Pending", "containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ContainerCreating"}}}]}
RUNNING = {"phase": "Running", "containerStatuses": [{"name": "main", "state": {"running": {"startedAt": BORN}}}]}


def pod(status: dict[str, Any], node: str = "node-a") -> dict[str, Any]:
    spec = {"containers": [{"name": "main"}], "terminationGracePeriodSeconds": 20} | ({"nodeName": node} if node else {})
    return {"metadata": {"name": "a-x", "namespace": "trainyard", "creationTimestamp": BORN}, "spec": spec, "status": status}


class Api:
    """The cluster and the copy of it: one Job that somebody wishes to end, and ``pod``; ``hears``: programs run in it."""

    def __init__(self, pod: dict[str, Any], *, hears: bool) -> None:
        wished = {names.STOP: json.dumps({"grace": 5, "at": time.time()})}
        self.stored: dict[str, Any] = {
            "metadata": {"name": "a", "uid": "u", "namespace": "trainyard", "annotations": wished},
            "spec": {"parallelism": 1},
        }
        self.pod, self.hears = pod, hears
        self.told: list[tuple[str, ...]] = []
        self.deleted: list[str] = []

    def job(self, key: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return self.stored, [self.pod]

    def put(self, job: dict[str, Any]) -> None:
        self.stored = job

    async def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        annotations = self.stored["metadata"]["annotations"] | body["metadata"]["annotations"]
        return {**self.stored, "metadata": {**self.stored["metadata"], "annotations": annotations}}

    async def delete(self, path: str, how: dict[str, Any]) -> None:
        self.deleted.append(path.rpartition("/")[2])

    @asynccontextmanager
    async def execute(self, pod: str, container: str, command: tuple[str, ...], *, terminal: bool) -> AsyncIterator[Any]:
        if not self.hears:
            raise aiohttp.ClientConnectionError("container not found")
        self.told.append(command[len(names.COMMAND) :])

        async def receive() -> Any:
            return SimpleNamespace(type=aiohttp.WSMsgType.CLOSED)

        yield SimpleNamespace(receive=receive)


async def see_to(api: Api) -> None:
    await Endings(Configuration(), cast(Mirror, api))._see_to(cast(Cluster, api), "a")


@pytest.mark.parametrize("status", [RUNNING, CREATING], ids=["runs", "runs already, which its node has not told yet"])
async def test_what_hears_that_it_is_to_end_keeps_its_pod_and_tells_how_it_ended(status: dict[str, Any]) -> None:
    api = Api(pod(status), hears=True)
    await see_to(api)
    assert (api.told, api.deleted) == ([("stop", "5.0")], [])


@pytest.mark.parametrize(("status", "node"), [(CREATING, "node-a"), ({"phase": "Pending"}, "")], ids=["is made", "waits"])
async def test_where_nobody_hears_it_and_nothing_runs_the_pod_is_taken_away(status: dict[str, Any], node: str) -> None:
    api = Api(pod(status, node), hears=False)
    await see_to(api)
    assert (api.told, api.deleted) == ([], ["a-x"])
    assert state_of(api.stored, []).cause is Cause.STOPPED


async def test_what_runs_and_does_not_hear_it_is_told_again_and_not_taken_away() -> None:
    api = Api(pod(RUNNING), hears=False)
    await see_to(api)
    assert api.deleted == []
