"""What applying a deployment makes of what is on the cluster already."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.onto_cluster import apply, as_bound
from trainyard_spawner.kubernetes.cluster import Cluster

from tests.spawner.api_server import ApiServer

SMALL = yaml.safe_load((Path(__file__).parent / "deployments" / "small.yaml").read_text(encoding="utf-8"))
DEPLOYMENT = Deployment.model_validate({**SMALL, "groups": [7]})
SHARE = "/apis/batch/v1/namespaces/trainyard/jobs/trainyard-share-7"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    running = ApiServer()
    yield running
    running.close()


async def applied(server: ApiServer, folder: Path) -> dict[str, str]:
    cluster = await Cluster.connect(server.kubeconfig(folder), None)
    try:
        return {one.name: one.action async for one in apply(cluster, DEPLOYMENT) if one.kind == "Job"}
    finally:
        await cluster.close()


@pytest.mark.parametrize(
    ("conditions", "action"),
    [
        ([], "kept"),
        ([{"type": "Complete", "status": "True"}], "kept"),
        ([{"type": "Failed", "status": "True"}], "changed"),
    ],
    ids=["on-its-way", "done", "failed"],
)
def test_the_job_that_prepares_a_share_is_made_anew_only_where_it_failed(
    server: ApiServer, tmp_path: Path, conditions: list[dict[str, Any]], action: str
) -> None:
    assert asyncio.run(applied(server, tmp_path)) == {"trainyard-share-7": "added"}
    server.objects[SHARE]["status"] = {"conditions": conditions}
    before = server.objects[SHARE]["metadata"]["uid"]
    assert asyncio.run(applied(server, tmp_path)) == {"trainyard-share-7": action}
    assert (server.objects[SHARE]["metadata"]["uid"] == before) is (action == "kept")


MEANT = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "trainyard", "name": "trainyard-volume"}
BOUND = {**MEANT, "uid": "3a8f", "resourceVersion": "512"}


def volume(reference: dict[str, str] | None) -> dict[str, Any]:
    spec = {"capacity": {"storage": "1Ti"}, **({"claimRef": reference} if reference else {})}
    return {"kind": "PersistentVolume", "metadata": {"name": "trainyard-volume"}, "spec": spec}


@pytest.mark.parametrize(
    ("there", "applied"),
    [(None, MEANT), (volume(None), MEANT), (volume(BOUND), BOUND), (volume({**BOUND, "name": "another"}), MEANT)],
    ids=["new", "free", "bound-to-its-claim", "bound-to-another"],
)
def test_a_volume_keeps_what_the_cluster_wrote_when_it_bound_its_claim(
    there: dict[str, Any] | None, applied: dict[str, str]
) -> None:
    assert as_bound(volume(MEANT), there) == volume(applied)
