"""What the doctor asks of a cluster and what it makes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from aiohttp import web
from kubernetes_asyncio.client import ApiClient
from kubernetes_asyncio.client import Configuration as KubernetesConfiguration
from trainyard_spawner.doctor import Finding
from trainyard_spawner.kubernetes import doctor
from trainyard_spawner.kubernetes.cluster import Cluster
from trainyard_spawner.kubernetes.configuration import BucketClaim, Claim, Configuration, Source

from tests.spawner.api_server import ApiServer

CLAIMS = "/api/v1/namespaces/trainyard/persistentvolumeclaims"
Ask = Callable[[doctor.Examination, Configuration], Finding]


class Authorizer(ApiServer):
    """Allows everything, and remembers which right was asked after where."""

    def __init__(self) -> None:
        self.reviewed: set[tuple[str, str]] = set()
        super().__init__()

    def _post(self, _: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        asked = body["spec"]["resourceAttributes"]
        self.reviewed.add((asked["namespace"], f"{asked['verb']} {asked['resource']}"))
        return {"status": {"allowed": True}}


@pytest.fixture
def server() -> Iterator[Authorizer]:
    with closing(Authorizer()) as running:
        yield running


@pytest.fixture
def ask(server: Authorizer) -> Ask:
    """One examination of this server."""

    async def work(examine: doctor.Examination, configuration: Configuration) -> Finding:
        async with ApiClient(KubernetesConfiguration(host=f"http://127.0.0.1:{server.port}")) as client:
            return await examine(Cluster(client), configuration)

    return lambda examine, configuration: asyncio.run(work(examine, configuration))


def test_the_right_to_make_volumes_is_one_of_the_whole_cluster_and_that_to_make_claims_of_the_namespace(
    server: Authorizer, ask: Ask
) -> None:
    source = Source(volume={"nfs": {"server": "files.example", "path": "/export"}})
    assert ask(doctor.rights, Configuration(source=source)).state == "good"
    assert {where for where, what in server.reviewed if "persistentvolumes" in what.split()} == {""}
    assert {where for where, what in server.reviewed if "persistentvolumes" not in what.split()} == {"trainyard"}
    assert ("trainyard", "create persistentvolumeclaims") in server.reviewed


def test_only_with_namespaces_of_groups_the_secrets_images_are_pulled_with_must_be_readable(
    server: Authorizer, ask: Ask
) -> None:
    source = Source(volume={"nfs": {"server": "files.example", "path": "/export"}})
    ask(doctor.rights, Configuration(source=source, pull_secrets=("registry",)))
    assert ("trainyard", "get secrets") not in server.reviewed
    ask(doctor.rights, Configuration(source=source, pull_secrets=("registry",), group_namespaces="lab-{group}"))
    assert ("trainyard", "get secrets") in server.reviewed


@pytest.mark.parametrize(
    ("read_only", "mode", "state"),
    [
        (True, "ReadOnlyMany", "good"),
        (True, "ReadWriteMany", "good"),
        (True, "ReadWriteOnce", "bad"),
        (False, "ReadOnlyMany", "bad"),
    ],
)
def test_a_claim_of_a_bucket_that_is_only_read_need_not_be_writable(
    server: Authorizer, ask: Ask, read_only: bool, mode: str, state: str
) -> None:
    for name, one in (("volume", "ReadWriteMany"), ("photos", mode)):
        bound = {"metadata": {"name": name}, "spec": {"accessModes": [one]}, "status": {"phase": "Bound"}}
        server.objects[f"{CLAIMS}/{name}"] = bound
    bucket = BucketClaim(endpoint="https://s3.example", bucket="photos", claim="photos", read_only=read_only)
    told = ask(doctor.claims, Configuration(claims=(Claim(folder="volume", claim="volume"),), buckets=(bucket,)))
    assert told.state == state


def test_the_claim_of_the_volume_must_be_writable(server: Authorizer, ask: Ask) -> None:
    bound = {"metadata": {"name": "volume"}, "spec": {"accessModes": ["ReadOnlyMany"]}, "status": {"phase": "Bound"}}
    server.objects[f"{CLAIMS}/volume"] = bound
    assert ask(doctor.claims, Configuration(claims=(Claim(folder="volume", claim="volume"),))).state == "bad"
