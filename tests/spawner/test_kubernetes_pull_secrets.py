"""The Secrets that images are pulled with are copied into a group's namespace, and follow their originals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trainyard_spawner.kubernetes import group_namespace, pull_secrets
from trainyard_spawner.kubernetes.cluster import Cluster
from trainyard_spawner.kubernetes.configuration import Configuration, Source, of_group

from tests.spawner.api_server import ApiServer, Object

HERE = of_group(
    Configuration(
        group_namespaces="lab-{group}",
        source=Source(volume={"nfs": {"server": "10.0.0.5", "path": "/export"}}),
        pull_secrets=("registry",),
    ),
    7,
)
OURS = {
    "app.kubernetes.io/managed-by": "trainyard",
    "app.kubernetes.io/instance": "trainyard",
    "trainyard.io/home": "trainyard",
}
ORIGINAL = "/api/v1/namespaces/trainyard/secrets/registry"
COPY = "/api/v1/namespaces/lab-7/secrets/registry"
Launch = Callable[[], None]


@pytest.fixture
def launch(server: ApiServer, tmp_path: Path) -> Launch:
    """Make ready what a launch of group 7 needs, as a process that knows nothing yet."""

    async def ready() -> None:
        cluster = await Cluster.connect(server.kubeconfig(tmp_path), None)
        try:
            await group_namespace.Namespaces().ready(cluster, HERE, ())
        finally:
            await cluster.close()

    return lambda: asyncio.run(ready())


def original(server: ApiServer, version: str, data: dict[str, str], kind: str = "kubernetes.io/dockerconfigjson") -> None:
    about = {"name": "registry", "namespace": "trainyard", "resourceVersion": version}
    server.objects[ORIGINAL] = {"metadata": about, "type": kind, "data": data}


def test_a_copy_is_ours_and_holds_what_its_original_does() -> None:
    held = {"type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": "e30="}}
    there = {"metadata": {"name": "registry", "namespace": "trainyard", "uid": "u", "resourceVersion": "5"}, **held}
    assert pull_secrets.copy_of(there, "lab-7", OURS) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "registry",
            "namespace": "lab-7",
            "labels": OURS,
            "annotations": {"trainyard.io/copied": "5"},
        },
        **held,
    }


def test_a_groups_namespace_has_a_copy_before_a_launch_runs_there(server: ApiServer, launch: Launch) -> None:
    original(server, "5", {".dockerconfigjson": "e30="})
    launch()
    assert server.objects[COPY]["data"] == {".dockerconfigjson": "e30="}
    assert server.objects[COPY]["metadata"]["labels"] == OURS


def test_a_copy_follows_what_changed_in_its_original(server: ApiServer, launch: Launch) -> None:
    original(server, "5", {".dockerconfigjson": "old", "more": "x"})
    launch()
    original(server, "6", {".dockerconfigjson": "new"})
    launch()
    assert server.objects[COPY]["data"] == {".dockerconfigjson": "new"}


def test_a_copy_that_fits_is_left_alone(server: ApiServer, launch: Launch) -> None:
    original(server, "5", {".dockerconfigjson": "e30="})
    launch()
    server.objects[COPY]["data"][".dockerconfigjson"] = "as it was"
    launch()
    assert server.objects[COPY]["data"] == {".dockerconfigjson": "as it was"}


def test_a_copy_of_another_type_is_made_anew_since_a_type_never_changes(server: ApiServer, launch: Launch) -> None:
    original(server, "5", {".dockercfg": "e30="}, kind="kubernetes.io/dockercfg")
    launch()
    original(server, "6", {".dockerconfigjson": "e30="})
    launch()
    copy = server.objects[COPY]
    assert (copy["type"], copy["data"]) == ("kubernetes.io/dockerconfigjson", {".dockerconfigjson": "e30="})
    assert f"DELETE {COPY}" in server.asked


@pytest.mark.parametrize("labels", [{}, {**OURS, "trainyard.io/home": "another"}], ids=["nobodys", "another-platforms"])
def test_a_secret_of_that_name_that_is_not_ours_is_never_touched(
    server: ApiServer, launch: Launch, labels: dict[str, str]
) -> None:
    original(server, "5", {".dockerconfigjson": "ours"})
    theirs: Object = {"metadata": {"name": "registry", "labels": labels}, "type": "Opaque", "data": {"a": "theirs"}}
    server.objects[COPY] = theirs
    launch()
    assert (server.objects[COPY]["type"], server.objects[COPY]["data"]) == ("Opaque", {"a": "theirs"})


def test_a_missing_original_is_told_and_keeps_nobody_from_starting(
    server: ApiServer, launch: Launch, caplog: pytest.LogCaptureFixture
) -> None:
    launch()
    assert "the pull Secret registry is not copied to lab-7" in caplog.text
    assert server.of_kind("secrets") == []


def test_in_the_one_namespace_nothing_is_copied(server: ApiServer, tmp_path: Path) -> None:
    alone = Configuration(source=HERE.source, pull_secrets=("registry",))

    async def ready() -> Any:
        cluster = await Cluster.connect(server.kubeconfig(tmp_path), None)
        try:
            await group_namespace.Namespaces().ready(cluster, alone, ())
        finally:
            await cluster.close()

    asyncio.run(ready())
    assert not [one for one in server.asked if "secrets" in one]
