"""A Secret whose start was killed before it belonged to something goes, or is given to what it is for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.cluster import Cluster
from trainyard_spawner.kubernetes.configuration import Configuration, Source
from trainyard_spawner.kubernetes.left_secrets import settle

from tests.spawner.api_server import ApiServer

ALONE = Configuration()
GROUPS = Configuration(group_namespaces="lab-{group}", source=Source(volume={"nfs": {"server": "a", "path": "/export"}}))
SEEN = frozenset({"uid-of-job-1-1"})
Look = Callable[..., frozenset[str]]


@pytest.fixture
def look(server: ApiServer, tmp_path: Path) -> Look:
    """One look, with what the last one saw."""

    async def work(seen: frozenset[str], configuration: Configuration) -> frozenset[str]:
        cluster = await Cluster.connect(server.kubeconfig(tmp_path), None)
        try:
            return await settle(cluster, configuration, seen)
        finally:
            await cluster.close()

    return lambda seen=SEEN, configuration=ALONE: asyncio.run(work(seen, configuration))


def secret(server: ApiServer, namespace: str = "trainyard", **changed: Any) -> str:
    """A Secret of a launch; its path."""
    labels = names.labels("trainyard", "job-1-1") | {names.HOME: "trainyard"}
    about = {"name": "job-1-1", "namespace": namespace, "uid": "uid-of-job-1-1", "resourceVersion": "5", "labels": labels}
    path = f"/api/v1/namespaces/{namespace}/secrets/job-1-1"
    server.objects[path] = {"kind": "Secret", "metadata": {**about, **changed}, "data": {}}
    return path


def test_one_without_a_job_goes_at_the_second_look(server: ApiServer, look: Look) -> None:
    path = secret(server)
    seen = look(frozenset())
    assert path in server.objects
    assert look(seen) == SEEN
    assert server.of_kind("secrets") == []


def test_one_that_a_start_has_made_anew_stays(server: ApiServer, look: Look) -> None:
    path = secret(server, uid="uid-of-a-later-start")
    look()
    assert path in server.objects


def test_where_there_is_none_the_api_server_says_null(server: ApiServer, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_get", lambda *_: {"metadata": {}, "items": None})
    assert look() == frozenset()


@pytest.mark.parametrize(
    ("place", "spec", "kind"),
    [
        ("/apis/batch/v1/namespaces/trainyard/jobs", {"parallelism": 1}, "Job"),
        ("/api/v1/namespaces/trainyard/pods", {"containers": []}, "Pod"),
    ],
    ids=["job", "workspace"],
)
def test_one_whose_launch_is_there_is_given_to_it(
    server: ApiServer, look: Look, place: str, spec: dict[str, Any], kind: str
) -> None:
    path = secret(server)
    server.objects[f"{place}/job-1-1"] = {"metadata": {"name": "job-1-1", "uid": "uid-h"}, "spec": spec}
    look()
    (owner,) = server.objects[path]["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == (kind, "job-1-1", "uid-h")


def test_one_whose_job_is_being_deleted_waits_for_the_next_look(server: ApiServer, look: Look) -> None:
    path = secret(server)
    about = {"name": "job-1-1", "uid": "uid-h", "deletionTimestamp": "2026-11-22T14:00:00Z"}
    server.objects["/apis/batch/v1/namespaces/trainyard/jobs/job-1-1"] = {"metadata": about, "spec": {}}
    look()
    assert "ownerReferences" not in server.objects[path]["metadata"]


def test_one_that_belongs_to_something_is_nobodys_business(server: ApiServer, look: Look) -> None:
    path = secret(server, ownerReferences=[{"kind": "Job", "name": "job-1-1", "uid": "uid-h"}])
    assert look() == frozenset()
    assert path in server.objects


@pytest.mark.parametrize(
    "labels",
    [
        names.labels("another", "job-1-1"),
        names.labels("trainyard"),
        {"app.kubernetes.io/instance": "trainyard", "trainyard.io/launch": "job-1-1"},
    ],
    ids=["another-platforms", "no-launchs", "not-made-by-us"],
)
def test_what_is_not_ours_stays(server: ApiServer, look: Look, labels: dict[str, str]) -> None:
    path = secret(server, labels=labels)
    look()
    assert path in server.objects


@pytest.mark.parametrize(("home", "goes"), [("trainyard", True), ("elsewhere", False)])
def test_in_namespaces_of_groups_the_home_tells_whose_it_is(server: ApiServer, look: Look, home: str, goes: bool) -> None:
    path = secret(server, "lab-7", labels=names.labels("trainyard", "job-1-1") | {names.HOME: home})
    look(configuration=GROUPS)
    assert (path not in server.objects) is goes
