"""Admission is handed to Kueue where it is installed and wished, and stays ours where it is not."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from trainyard.home import Home
from trainyard.jobs.launch import Identity, LaunchSpec, Resources
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher

from tests.spawner.api_server import ApiServer

SPEC = LaunchSpec(
    key="job-1-1",
    image="mxnet:1.9.1",
    argv=("true",),
    environment={},
    working_directory=Path("/tmp"),
    resources=Resources(cpu=1, memory=1 << 30),
    identity=Identity(name="alice", uid=20007, gid=20007),
)


@pytest.mark.parametrize(
    ("groups", "queue", "suspended"),
    [(["batch", "kueue.x-k8s.io"], "people", True), (["batch"], "people", None), (["batch", "kueue.x-k8s.io"], "", None)],
    ids=["installed", "not-installed", "not-wished"],
)
def test_a_job_is_handed_over_where_the_api_has_kueue(
    server: ApiServer, tmp_path: Path, groups: list[str], queue: str, suspended: bool | None
) -> None:
    server.groups = groups
    images = {"mxnet:1.9.1": "registry.example/mxnet:1.9.1"}
    configuration = Configuration(kubeconfig=server.kubeconfig(tmp_path), images=images, kueue_queue=queue)
    with closing(KubernetesLauncher(Home(tmp_path), configuration)) as launcher:
        launcher.start(SPEC)
    (job,) = server.of_kind("jobs")
    assert (job["spec"].get("suspend"), job["metadata"]["labels"].get("kueue.x-k8s.io/queue-name")) == (
        suspended,
        queue if suspended else None,
    )
