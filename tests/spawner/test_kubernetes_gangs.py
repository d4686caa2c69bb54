"""What replicas share on a cluster ends with the first one's Job, and is not left where that one cannot be made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from trainyard.errors import Unavailable
from trainyard.home import Home
from trainyard.jobs.launch import Identity, LaunchSpec, Resources
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher

from tests.spawner.api_server import ApiServer

GANG = ("job-1-1-worker0", "job-1-1-worker1")
SHARED = ("services", "networkpolicies", "secrets")


def replica(place: int) -> LaunchSpec:
    return LaunchSpec(
        key=GANG[place],
        gang=GANG,
        image="mxnet:1.9.1",
        argv=("true",),
        environment={"TRAINYARD_PORT": str(20_000 + place), "MASTER_ADDR": GANG[0]},
        working_directory=Path("/tmp"),
        resources=Resources(cpu=1, memory=1 << 30),
        identity=Identity(name="alice", uid=20007, gid=20007),
    )


@pytest.fixture
def launcher(server: ApiServer, tmp_path: Path) -> Iterator[KubernetesLauncher]:
    images = {"mxnet:1.9.1": "registry.example/mxnet:1.9.1"}
    configuration = Configuration(kubeconfig=server.kubeconfig(tmp_path), images=images, policies=True)
    made = KubernetesLauncher(Home(tmp_path), configuration)
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["jobs", "networkpolicies", "secrets"])
def test_nothing_is_left_of_a_gang_whose_first_job_cannot_be_made(
    server: ApiServer, launcher: KubernetesLauncher, kind: str
) -> None:
    server.refused = {kind}
    with pytest.raises(Unavailable, match="exceeded quota"):
        launcher.start(replica(0))
    server.wait(lambda: not [one for shared in SHARED for one in server.of_kind(shared)])
    assert "POST /api/v1/namespaces/trainyard/services" in server.asked


def test_everything_replicas_share_ends_with_the_first_ones_job(server: ApiServer, launcher: KubernetesLauncher) -> None:
    launcher.start(replica(0))
    (job,) = server.of_kind("jobs")
    shared = (*GANG, GANG[0])

    def owners() -> list[str]:
        several = [*server.of_kind("services"), *server.of_kind("networkpolicies")]
        return [one["metadata"].get("ownerReferences", [{"uid": ""}])[0]["uid"] for one in several]

    server.wait(lambda: owners() == [job["metadata"]["uid"]] * len(shared))


def test_what_a_gang_shares_stays_where_a_later_replica_is_refused(server: ApiServer, launcher: KubernetesLauncher) -> None:
    launcher.start(replica(0))
    server.refused = {"jobs"}
    with pytest.raises(Unavailable, match="exceeded quota"):
        launcher.start(replica(1))
    assert [one["metadata"]["name"] for one in server.of_kind("services")] == list(GANG)
    assert [one["metadata"]["name"] for one in server.of_kind("secrets")] == [GANG[0]]
