"""The Kubernetes launcher keeps the launcher's contract on a real cluster, and tells what only clusters do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from trainyard.errors import Unavailable
from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec, LaunchState, Resources
from trainyard.jobs.states import Cause
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher

from tests.contracts.launcher import LauncherContract, says, wait_for
from tests.kubernetes.api_server import api_server_away
from tests.kubernetes.conftest import apply, kubectl, real_gpus, until

pytestmark = pytest.mark.cluster
Make = Callable[..., LaunchSpec]
# the first replica listens at its own name; the other one goes on asking until it does
MEETS = """
import os, socket, time
place = (os.environ["MASTER_ADDR"], 20000)
if os.environ["RANK"] == "0":
    with socket.create_server(place) as server, server.accept()[0] as other:
        print("told", other.recv(1)[0])
        other.sendall(b"!")
else:
    while True:  # until it is heard: whoever answers before the Service is in place is not the first
        try:
            with socket.create_connection(place, 5) as first:
                first.sendall(b"\\1")
                if first.recv(1) == b"!":
                    break
        except OSError:
            pass
        time.sleep(0.1)
"""


class TestKubernetesLauncher(LauncherContract):
    """The contract."""

    def test_an_image_that_cannot_be_pulled_ends_it_with_the_clusters_words(
        self, launcher: KubernetesLauncher, make: Make
    ) -> None:
        launcher.start(make("true", image="unpullable:1"))
        ended = wait_for(launcher, "launch", "ended")
        assert ended.cause is Cause.IMAGE_FAILED
        assert "localhost:1/nowhere:1" in ended.message

    def test_gpus_that_no_node_has_are_waited_for_and_then_given_up(
        self, make: Make, home: Home, configuration: Configuration
    ) -> None:
        impatient = KubernetesLauncher(home, configuration.model_copy(update={"start_seconds": 4}))
        impatient.start(make("true", resources=Resources(cpu=0.1, memory=64 << 20, gpu=64)))
        until(lambda: "Insufficient nvidia.com/gpu" in told(impatient).message)
        ended = wait_for(impatient, "launch", "ended")
        assert ended.cause is Cause.UNSCHEDULABLE
        assert "Insufficient nvidia.com/gpu" in ended.message
        impatient.forget("launch")
        impatient.close()

    def test_what_no_node_has_is_told_with_the_node_that_comes_nearest(self, launcher: KubernetesLauncher) -> None:
        nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
        found = launcher.nearest(Resources(cpu=10_000, memory=64 << 20))
        assert found is not None
        assert found.name in [node["metadata"]["name"] for node in nodes]
        assert (found.cpu >= 1, found.memory > 1 << 30) == (True, True)

    def test_a_job_waits_for_a_gpu_and_runs_when_one_is_free(self, launcher: KubernetesLauncher, make: Make) -> None:
        one = Resources(cpu=0.1, memory=64 << 20, gpu=1)
        launcher.start(make("sleep 3000", key="holder", resources=one.model_copy(update={"gpu": real_gpus()})))
        wait_for(launcher, "holder", "running")
        launcher.start(make("true", resources=one))
        until(lambda: "Insufficient nvidia.com/gpu" in told(launcher).message)
        launcher.stop("holder", grace=0)
        assert wait_for(launcher, "launch", "ended").exit_code == 0

    def test_what_waits_for_a_node_is_stopped_at_once(self, launcher: KubernetesLauncher, make: Make) -> None:
        launcher.start(make("true", resources=Resources(cpu=0.1, memory=64 << 20, gpu=64)))
        launcher.stop("launch")
        assert wait_for(launcher, "launch", "ended").cause is Cause.STOPPED

    def test_a_pod_deleted_by_hand_ends_the_launch_and_nothing_runs_twice(
        self, launcher: KubernetesLauncher, make: Make, namespace: str
    ) -> None:
        spec = make("trap 'echo saved; exit 3' TERM; echo began; while :; do sleep 0.1; done")
        launcher.start(spec)
        assert spec.output is not None
        says(spec.output, "began")
        wait_for(launcher, "launch", "running")  # its node may be late in telling
        kubectl("delete", "pod", "-n", namespace, "-l", "trainyard.io/launch=launch", "--wait=false")
        ended = wait_for(launcher, "launch", "ended")
        assert (ended.cause, ended.exit_code) == (Cause.NODE_EVICTED, 3)
        until(lambda: "active" not in json.loads(kubectl("get", "job", "launch", "-n", namespace, "-o", "json"))["status"])
        assert [line for line in spec.output.read_text().splitlines() if line != "Terminated"] == ["began", "saved"]

    def test_a_job_deleted_by_hand_runs_until_its_program_has_ended_and_tells_how(
        self, launcher: KubernetesLauncher, make: Make, namespace: str
    ) -> None:
        spec = make("trap 'echo saved; exit 3' TERM; echo began; while :; do sleep 0.1; done")
        launcher.start(spec)
        assert spec.output is not None
        says(spec.output, "began")
        wait_for(launcher, "launch", "running")  # its node may be late in telling
        kubectl("delete", "job", "launch", "-n", namespace)
        assert told(launcher).phase == "running" or "saved" in spec.output.read_text()
        ended = wait_for(launcher, "launch", "ended")
        assert (ended.cause, ended.exit_code) == (Cause.NODE_EVICTED, 3)
        launcher.forget("launch")
        assert launcher.states() == []

    def test_what_ended_while_the_api_server_was_away_is_told_when_it_is_back(
        self, launcher: KubernetesLauncher, make: Make, home: Home
    ) -> None:
        waits = "until [ -e /workspace/mnt/group/g/go ]; do sleep 0.1; done; touch /workspace/mnt/group/g/gone; exit 3"
        launcher.start(make(waits))
        wait_for(launcher, "launch", "running")
        with api_server_away():
            (home.group_share(1) / "go").touch()
            until((home.group_share(1) / "gone").exists)
            assert told(launcher).phase == "running"
            with pytest.raises(Unavailable) as refused:
                launcher.start(make("true", key="other"))
            assert refused.value.code == "cluster-away"
        assert wait_for(launcher, "launch", "ended").exit_code == 3
        launcher.start(make("true", key="other"))
        assert wait_for(launcher, "other", "ended").exit_code == 0

    def test_another_service_tells_the_same_and_goes_on(
        self, launcher: KubernetesLauncher, make: Make, home: Home, configuration: Configuration
    ) -> None:
        spec = make("echo began; while :; do sleep 0.1; done")
        launcher.start(spec)
        wait_for(launcher, "launch", "running")
        other = KubernetesLauncher(home, configuration)
        assert other.start(spec).phase == "running"
        other.stop("launch", grace=0)
        assert wait_for(launcher, "launch", "ended").cause is Cause.STOPPED
        assert wait_for(other, "launch", "ended").cause is Cause.STOPPED
        other.close()

    def test_the_platform_is_reached_on_the_pods_own_loopback(
        self, launcher: KubernetesLauncher, make: Make, home: Home, configuration: Configuration
    ) -> None:
        # no cluster DNS here: the API server's service address is one every pod reaches
        address = kubectl("get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}")
        reached = configuration.model_copy(update={"name": "t-relay", "platform": f"https://{address}"})
        with_platform = KubernetesLauncher(home, reached)
        ask = "import socket; s = socket.create_connection(('127.0.0.1', 8000)); s.sendall(b'x\\r\\n\\r\\n'); print(s.recv(8))"
        spec = make("", argv=("python3", "-c", ask), platform_port=8000, key="relay")
        with_platform.start(spec)
        assert wait_for(with_platform, "relay", "ended").exit_code == 0
        with_platform.forget("relay")
        with_platform.close()

    def test_replicas_meet_at_the_first_one(self, make: Make, home: Home, configuration: Configuration, namespace: str) -> None:
        launcher = KubernetesLauncher(home, configuration.model_copy(update={"policies": True}))
        gang = ("gang-worker0", "gang-worker1")
        for place, key in enumerate(gang):
            environment = {"TRAINYARD_PORT": str(20_000 + place), "MASTER_ADDR": gang[0], "RANK": str(place)}
            launcher.start(make("", key=key, gang=gang, environment=environment, argv=("python3", "-c", MEETS), output=None))
        assert [wait_for(launcher, key, "ended").exit_code for key in gang] == [0, 0]
        assert [(home.launches / key / "output.log").read_text() for key in gang] == ["told 1\n", ""]
        for key in gang:
            launcher.forget(key)
        left = (
            "get",
            "services,networkpolicies,secrets",
            "-n",
            namespace,
            "-l",
            f"app.kubernetes.io/instance={configuration.name}",
        )
        until(lambda: kubectl(*left, "-o", "name") == "")
        launcher.close()

    def test_nothing_is_left_of_replicas_whose_jobs_the_cluster_refuses(
        self, make: Make, home: Home, configuration: Configuration, namespace: str
    ) -> None:
        launcher = KubernetesLauncher(home, configuration.model_copy(update={"policies": True}))
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "no-jobs", "namespace": namespace}}
        apply({**quota, "spec": {"hard": {"count/jobs.batch": "0"}}})
        gang = ("refused-worker0", "refused-worker1")
        environment = {"TRAINYARD_PORT": "20000", "MASTER_ADDR": gang[0], "RANK": "0"}
        with pytest.raises(Unavailable) as refused:
            launcher.start(make("true", key=gang[0], gang=gang, environment=environment, output=None))
        assert refused.value.code == "cluster-refused"
        mine = f"app.kubernetes.io/instance={configuration.name}"
        kinds = "services,networkpolicies,secrets,jobs"
        until(lambda: kubectl("get", kinds, "-n", namespace, "-l", mine, "-o", "name") == "")
        kubectl("delete", "resourcequota", "no-jobs", "-n", namespace)
        launcher.close()

    def test_the_secret_goes_with_the_job(self, launcher: KubernetesLauncher, make: Make, namespace: str) -> None:
        launcher.start(make("true", files={}))
        wait_for(launcher, "launch", "ended")
        launcher.forget("launch")
        until(
            lambda: kubectl("get", "secrets,jobs,pods", "-n", namespace, "-l", "trainyard.io/launch=launch", "-o", "name") == ""
        )

    def test_gpus_are_counted_over_the_nodes(self, launcher: KubernetesLauncher) -> None:
        nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
        count = sum(int(node["status"]["allocatable"].get("nvidia.com/gpu", 0)) for node in nodes)
        assert len(launcher.devices()) == count

    def test_the_doctor_finds_what_is_there_and_what_is_not(self, launcher: KubernetesLauncher) -> None:
        found = {one.topic: one for one in launcher.findings("en")}
        assert {topic: one.state for topic, one in found.items() if topic not in ("gpu", "version")} == {
            "rights": "good",
            "claims": "good",
            "clock": "good",
            "images": "good",
        }


def told(launcher: KubernetesLauncher) -> LaunchState:
    """The state of the one launch."""
    state = launcher.state("launch")
    assert state is not None
    return state
