"""What the doctor says of storage before a deployment: a small claim tells, and nothing of it stays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from trainyard_hub.kubernetes import storage_doctor
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.restricted import violations
from trainyard_hub.kubernetes.storage_doctor import small_claim, storage, user_of
from trainyard_spawner.doctor import Finding
from trainyard_spawner.kubernetes.cluster import Cluster

from tests.spawner.api_server import ApiServer, Object

SIZES = {"volume": "100Gi", "launches": "1Gi"}


class Storage(ApiServer):
    """Binds a claim at once, or only once a pod is shown it, or says why it does not."""

    def __init__(self) -> None:
        self.refusal: tuple[str, str] | None = None
        self.waits_for_pod = False
        super().__init__()
        self.objects["/apis/storage.k8s.io/v1/storageclasses/files"] = {"metadata": {"name": "files"}}

    def _made(self, path: str, body: Object) -> Object:
        made = super()._made(path, body)
        name = body["metadata"]["name"]
        if body["kind"] == "Pod":
            self._bind(self.of_kind("persistentvolumeclaims")[0])
        elif self.refusal is not None:
            self._say(name, *self.refusal)
        elif self.waits_for_pod:
            self._say(name, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")
        else:
            self._bind(made)
        return made

    def _bind(self, claim: Object) -> None:
        name = f"pv-of-{claim['metadata']['name']}"
        claim["status"], claim["spec"]["volumeName"] = {"phase": "Bound"}, name
        about = {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": "files.example"}}
        spec = {"persistentVolumeReclaimPolicy": "Retain", "accessModes": ["ReadWriteMany"]}
        self.objects[f"/api/v1/persistentvolumes/{name}"] = {"metadata": about, "spec": spec, "status": {"phase": "Bound"}}

    def _say(self, name: str, reason: str, message: str) -> None:
        event = {"involvedObject": {"name": name}, "reason": reason, "message": message, "metadata": {}}
        self.objects["/api/v1/namespaces/trainyard/events/one"] = event


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    monkeypatch.setattr(storage_doctor, "AGAIN_SECONDS", 0.1)
    with closing(Storage()) as running:
        yield running


def deployment(**about_storage: Any) -> Deployment:
    access, told = {"address": "http://trainyard"}, {"shared_class": "files", **SIZES, **about_storage}
    return Deployment.model_validate({"image": "platform:1", "access": access, "storage": told})


def told(server: ApiServer, folder: Path, wanted: Deployment) -> Finding:
    async def asked() -> Finding:
        cluster = await Cluster.connect(server.kubeconfig(folder), None)
        try:
            return await storage(cluster, wanted)
        finally:
            await cluster.close()

    return asyncio.run(asked())


def by_hand(server: ApiServer, **sizes: str) -> None:
    for name, size in sizes.items():
        spec = {"accessModes": ["ReadWriteMany"], "capacity": {"storage": size}, "storageClassName": "files"}
        about = {"metadata": {"name": name}, "spec": spec, "status": {"phase": "Available"}}
        server.objects[f"/api/v1/persistentvolumes/{name}"] = about


def test_a_claim_is_bound_and_removed(server: Storage, tmp_path: Path) -> None:
    found = told(server, tmp_path, deployment())
    assert found.state == "good"
    assert found.text("en") == "A small ReadWriteMany claim of the storage class files was bound, and removed again."
    assert server.of_kind("persistentvolumeclaims") == []


def test_a_volume_that_its_class_would_keep_goes_with_the_claim(server: Storage, tmp_path: Path) -> None:
    told(server, tmp_path, deployment())
    (volume,) = server.of_kind("persistentvolumes")
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"


def test_a_class_that_waits_for_a_pod_is_given_one(server: Storage, tmp_path: Path) -> None:
    server.waits_for_pod = True
    assert told(server, tmp_path, deployment()).state == "good"
    assert any(one.startswith("POST") and one.endswith("/pods") for one in server.asked)
    assert server.of_kind("persistentvolumeclaims") == server.of_kind("pods") == []


def test_a_class_for_one_node_only_is_told_in_its_own_words(server: Storage, tmp_path: Path) -> None:
    server.refusal = ("ProvisioningFailed", "only ReadWriteOnce is supported")
    found = told(server, tmp_path, deployment())
    words = "A small ReadWriteMany claim of the storage class files was not bound: only ReadWriteOnce is supported"
    assert (found.state, found.text("en")) == ("bad", words)
    assert "Name a class whose volumes many nodes can write" in found.step("en")
    assert server.of_kind("persistentvolumeclaims") == []


def test_a_claim_is_removed_also_where_ctrl_c_came_while_it_was_made(
    server: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Cluster.post

    async def interrupted(cluster: Cluster, path: str, body: Object) -> Object:
        await post(cluster, path, body)
        raise asyncio.CancelledError

    monkeypatch.setattr(Cluster, "post", interrupted)
    with pytest.raises(asyncio.CancelledError):
        told(server, tmp_path, deployment())
    assert server.of_kind("persistentvolumeclaims") == []


def test_without_a_class_there_is_nothing_to_try(server: Storage, tmp_path: Path) -> None:
    found = told(server, tmp_path, deployment(shared_class=None))
    assert (found.state, found.text("en")) == ("bad", "No storage class can be used; there are: files.")


def test_the_usual_class_is_tried_where_none_is_named(server: Storage, tmp_path: Path) -> None:
    usual = {"storageclass.kubernetes.io/is-default-class": "true"}
    server.objects["/apis/storage.k8s.io/v1/storageclasses/files"]["metadata"]["annotations"] = usual
    assert told(server, tmp_path, deployment(shared_class=None)).state == "good"


def test_volumes_made_by_hand_are_looked_at_and_not_used_up(server: Storage, tmp_path: Path) -> None:
    by_hand(server, large="100Gi", small="2Gi")
    found = told(server, tmp_path, deployment())
    words = "Volumes that are there fit the claims: small, large. A trial would use them up, so they were not tried."
    assert (found.state, found.text("en")) == ("good", words)
    assert [one for one in server.asked if one.startswith("POST")] == []


def test_volumes_made_by_hand_must_be_large_enough(server: Storage, tmp_path: Path) -> None:
    by_hand(server, one="10Gi", two="20Gi")
    found = told(server, tmp_path, deployment())
    words = "Of the volumes that are there (one, two) none is left that is large enough for trainyard-volume."
    assert (found.state, found.text("en")) == ("bad", words)


@pytest.mark.parametrize(
    "changed",
    [
        {"status": {"phase": "Bound"}},
        {"spec": {"accessModes": ["ReadWriteOnce"]}},
        {"spec": {"storageClassName": "others"}},
        {"spec": {"claimRef": {"name": "somebody"}}},
    ],
    ids=["taken", "for-one-node", "of-another-class", "promised"],
)
def test_a_volume_that_no_claim_of_ours_gets_does_not_count(server: Storage, tmp_path: Path, changed: Object) -> None:
    by_hand(server, large="100Gi", small="2Gi")
    for name in ("large", "small"):
        one = server.objects[f"/api/v1/persistentvolumes/{name}"]
        server.objects[f"/api/v1/persistentvolumes/{name}"] = {**one, **{k: {**one[k], **v} for k, v in changed.items()}}
    assert "was bound, and removed again" in told(server, tmp_path, deployment()).text("en")


def test_without_a_namespace_it_says_what_is_to_be_made(server: Storage, tmp_path: Path) -> None:
    class Absent(Storage):
        def _post(self, request: web.Request, body: Object) -> Object:
            raise KeyError(request.path)

    with closing(Absent()) as other:
        found = told(other, tmp_path, deployment())
    assert (found.state, "kubectl create namespace trainyard" in found.step("en")) == ("note", True)


def test_what_is_tried_is_what_the_platform_asks_for_but_small() -> None:
    claim = small_claim(deployment())
    assert claim["metadata"]["namespace"] == "trainyard"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "files",
    }


def test_the_pod_that_a_class_waits_for_is_shown_the_claim_and_is_restricted() -> None:
    claim = small_claim(deployment())
    pod = user_of(claim, deployment())["spec"]
    assert pod["volumes"] == [{"name": "shared", "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}}]
    assert violations(pod) == []
