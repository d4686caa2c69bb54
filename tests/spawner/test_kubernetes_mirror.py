"""The copy of a cluster's Jobs and pods stays right over broken watches, old versions and servers that are away.

The other side is a small HTTP server that speaks the watch protocol: a real API server forgets versions and breaks connections
when it likes, not when a test does. The same mirror is tested on a real cluster by ``tests/kubernetes``.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from trainyard.errors import Unavailable
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import Cause
from trainyard_spawner.kubernetes import mirror as mirrors
from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.mirror import Mirror
from trainyard_spawner.kubernetes.verdicts import Verdict, state_of

from tests.spawner.api_server import Served


def one(name: str, version: int, uid: str = "", **more: Any) -> dict[str, Any]:
    """A Job."""
    metadata = {
        "name": name,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
        "labels": names.labels("trainyard", name),
    }
    return {"metadata": metadata, "spec": {"parallelism": 1}, "status": {}, **more}


class Server(Served):
    """An API server that lists ``jobs``, and answers each watch of Jobs by the next of ``answers``; then it stays silent."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []
        self.version = 1
        self.answers: list[list[dict[str, Any]] | int] = []
        self.asked: list[str] = []
        self.lists = 0
        self.heard = threading.Condition()
        super().__init__()

    def wait(self, reached: Callable[[], object]) -> None:
        """Until it holds."""
        with self.heard:
            assert self.heard.wait_for(reached, 120)

    def routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/apis/batch/v1/namespaces/trainyard/jobs", self._jobs)
        router.add_get("/api/v1/namespaces/trainyard/pods", self._pods)

    async def _jobs(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            with self.heard:
                self.lists += 1
                self.heard.notify_all()
            return web.json_response({"metadata": {"resourceVersion": str(self.version)}, "items": self.jobs})
        with self.heard:
            self.asked.append(request.query["resourceVersion"])
            answer = self.answers.pop(0) if self.answers else None
            self.heard.notify_all()
        if isinstance(answer, int):
            return web.json_response({"reason": "Expired", "message": "too old"}, status=answer)
        return await self._stream(request, answer)

    async def _stream(self, request: web.Request, events: list[dict[str, Any]] | None) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for event in events or ():
            line = json.dumps(event).encode() + b"\n"
            # in two pieces, as networks do
            await response.write(line[:7])
            await response.write(line[7:])
        if events is None:
            await asyncio.sleep(3600)
        return response

    async def _pods(self, request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            return await self._stream(request, None)
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def mirror(server: Server, tmp_path: Path) -> Iterator[Mirror]:
    made = Mirror(Configuration(kubeconfig=server.kubeconfig(tmp_path)))
    yield made
    made.close()


def told(kind: str, job: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": job}


def keys(mirror: Mirror) -> list[str]:
    return [job["metadata"]["name"] for job, _ in mirror.jobs()]


def test_events_change_what_was_listed(server: Server, mirror: Mirror) -> None:
    server.jobs = [one("a", 1), one("b", 1)]
    server.answers = [[told("ADDED", one("c", 2)), told("DELETED", one("a", 3))]]
    mirror.wait()
    server.wait(lambda: len(server.asked) == 2)
    assert keys(mirror) == ["b", "c"]


def test_a_watch_goes_on_from_the_last_bookmark(server: Server, mirror: Mirror) -> None:
    server.answers = [[told("ADDED", one("c", 2)), {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "77"}}}]]
    mirror.wait()
    server.wait(lambda: server.asked[1:2] == ["77"])
    assert server.lists == 1


@pytest.mark.parametrize(
    "forgotten", [410, [{"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "old"}}]]
)
def test_a_version_that_is_too_old_means_listing_again(server: Server, mirror: Mirror, forgotten: Any) -> None:
    server.jobs = [one("a", 1)]
    server.answers = [[told("ADDED", one("b", 5))], forgotten]
    server.version = 9
    mirror.wait()
    server.wait(lambda: len(server.asked) == 3)
    assert server.asked == ["9", "5", "9"]
    assert keys(mirror) == ["a"]


def test_a_server_that_is_away_is_asked_again_from_where_it_was(server: Server, mirror: Mirror) -> None:
    server.jobs = [one("a", 1)]
    server.answers = [[told("ADDED", one("b", 5))], 503, 503]
    mirror.wait()
    server.wait(lambda: len(server.asked) == 4)
    assert server.asked[1:] == ["5", "5", "5"]
    assert (server.lists, keys(mirror)) == (1, ["a", "b"])


def test_what_was_forgotten_does_not_come_back_by_old_news(server: Server, mirror: Mirror) -> None:
    server.jobs = [one("a", 1)]
    mirror.wait()
    mirror.forget(one("a", 1))
    mirror._hear("jobs", "MODIFIED", one("a", 2))
    assert keys(mirror) == []
    mirror._hear("jobs", "ADDED", one("a", 3, uid="another"))
    assert keys(mirror) == ["a"]


def test_only_the_last_forgotten_are_kept_in_mind_since_of_some_no_news_ever_comes(
    server: Server, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrors, "MOST_FORGOTTEN", 2)
    mirror.wait()
    for name in "abc":
        mirror.forget(one(name, 1))
    assert list(mirror._forgotten) == ["uid-b", "uid-c"]


def pod_of(job: dict[str, Any], version: int, state: dict[str, Any]) -> dict[str, Any]:
    """The pod of a Job."""
    owner = {"kind": "Job", "uid": job["metadata"]["uid"]}
    born = {"creationTimestamp": "2026-11-21T10:00:00Z", "ownerReferences": [owner]}
    about = {**job["metadata"], **born, "name": f"{job['metadata']['name']}-x", "uid": "pod", "resourceVersion": str(version)}
    status = {"phase": "Running", "containerStatuses": [{"name": "main", "state": state}]}
    return {"metadata": about, "spec": {"nodeName": "node-a", "containers": [{}]}, "status": status}


RUNS = {"running": {"startedAt": "2026-11-21T10:00:05Z"}}
SAVED = {"terminated": {"exitCode": 3, "message": json.dumps({"cause": "terminated", "exit_code": 3})}}


def state(mirror: Mirror) -> LaunchState | None:
    found = mirror.job("a")
    return None if found is None else state_of(*found)


def test_a_job_deleted_by_somebody_runs_until_its_pod_has_ended_and_that_tells_how(server: Server, mirror: Mirror) -> None:
    server.jobs = [one("a", 1)]
    mirror.wait()
    mirror._hear("pods", "ADDED", pod_of(one("a", 1), 2, RUNS))
    mirror._hear("jobs", "DELETED", one("a", 3))
    assert (seen := state(mirror)) is not None
    assert seen.phase == "running"
    mirror._hear("pods", "MODIFIED", pod_of(one("a", 1), 4, SAVED))
    mirror._hear("pods", "DELETED", pod_of(one("a", 1), 5, SAVED))
    assert (seen := state(mirror)) is not None
    assert (seen.cause, seen.exit_code) == (Cause.NODE_EVICTED, 3)
    mirror.forget(one("a", 1))
    assert keys(mirror) == []


def test_pods_that_the_cluster_takes_away_after_their_forgotten_job_are_not_remembered(server: Server, mirror: Mirror) -> None:
    server.jobs = [one("a", 1)]
    mirror.wait()
    mirror._hear("pods", "ADDED", pod_of(one("a", 1), 2, SAVED))
    mirror.forget(one("a", 1))
    mirror._hear("jobs", "DELETED", one("a", 3))
    mirror._hear("pods", "MODIFIED", pod_of(one("a", 1), 4, SAVED))
    mirror._hear("pods", "DELETED", pod_of(one("a", 1), 5, SAVED))
    assert mirror._pods == {}


def test_the_deletion_of_a_job_is_its_end_where_no_pod_tells_another(server: Server, mirror: Mirror) -> None:
    server.jobs = [one("a", 1)]
    mirror.wait()
    mirror._hear("pods", "ADDED", pod_of(one("a", 1), 2, RUNS))
    mirror._hear("jobs", "DELETED", one("a", 3))
    mirror._hear("pods", "DELETED", pod_of(one("a", 1), 4, RUNS))
    assert (seen := state(mirror)) is not None
    assert (seen.cause, seen.message) == (Cause.NODE_EVICTED, "its Job was deleted")


def test_a_deleted_job_whose_node_does_not_answer_is_given_up(server: Server, mirror: Mirror) -> None:
    server.jobs = [one("a", 1)]
    mirror.wait()
    mirror._hear("pods", "ADDED", pod_of(one("a", 1), 2, RUNS))
    mirror._hear("jobs", "DELETED", one("a", 3))
    mirror.note(one("a", 1), {names.VERDICT: Verdict(Cause.NODE_LOST, "node-a").as_annotation()})
    assert (seen := state(mirror)) is not None
    assert seen.cause is Cause.NODE_LOST


def test_a_job_that_is_missing_from_a_later_list_was_deleted(server: Server, mirror: Mirror) -> None:
    server.jobs = [one("a", 1), one("b", 1)]
    mirror.wait()
    mirror._hear("pods", "ADDED", pod_of(one("a", 1), 2, RUNS))
    server.jobs = []
    mirror.run(lambda cluster: mirror._list(cluster, "jobs"))
    assert keys(mirror) == ["a"]


async def test_changes_are_told_from_the_call_on(server: Server, mirror: Mirror) -> None:
    await asyncio.to_thread(mirror.wait)
    changes = mirror.changes()
    mirror._hear("jobs", "ADDED", one("a", 3))
    async with asyncio.timeout(120):
        assert await anext(changes) == "a"


def test_without_a_cluster_it_is_said_at_once(tmp_path: Path) -> None:
    mirror = Mirror(Configuration(kubeconfig=tmp_path / "nowhere"))
    with pytest.raises(Unavailable) as refused:
        mirror.wait()
    assert refused.value.code == "no-cluster"
    mirror.close()
