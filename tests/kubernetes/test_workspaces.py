"""Workspaces as pods of a real cluster, the platform outside of it: started in the browser's way, used, killed, stopped.

Each group has a namespace of its own here; ``test_platform_workspaces`` has them in the platform's.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from trainyard.jobs.launch import ON_CLUSTER
from trainyard_hub.kubernetes.restricted import violations

from tests.hub.running import HubPlatform, Person, until
from tests.kubernetes.api_server import api_server_away
from tests.kubernetes.conftest import IMAGE, apply, kubectl, real_gpus, volume_objects
from tests.kubernetes.in_workspace import call, in_terminal
from tests.kubernetes.test_chain import Entrance
from tests.kubernetes.workspace_image import WORKSPACE_IMAGE, make_workspace_image

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]


ONE_GPU = "1GPU1Core2G"


class ClusterPlatform(HubPlatform):
    """A platform of this machine whose state folder is a claim of the cluster, and whose launches are pods."""

    def __init__(self, namespace: str, **settings: str) -> None:
        self.entrance = Entrance()
        super().__init__(TRAINYARD_SERVICE_LAUNCHER=ON_CLUSTER, KUBECONFIG="", **settings)
        self.entrance.port = self.port
        (self.home / "images").unlink()  # the environments of one machine are not for a cluster
        self.name = f"w-{secrets.token_hex(3)}"
        self.namespace = namespace
        apply(*volume_objects(self.name, namespace, self.home))
        told = {
            "name": self.name,
            "namespace": namespace,
            "kubeconfig": os.environ["KUBECONFIG"],
            "platform": self.entrance.address,
            "images": {"workspace:2026.11": WORKSPACE_IMAGE},
            "claims": [{"folder": folder, "claim": self.name, "path": folder} for folder in ("launches", "volume")],
            "start_seconds": 300,
        }
        (self.home / "kubernetes.yaml").write_text(yaml.safe_dump(told))

    def pods(self) -> list[dict[str, Any]]:
        """The pods of this platform's workspaces."""
        chosen = ("-A", "-l", f"component={self.name}-workspace", "-o", "json")
        found: list[dict[str, Any]] = json.loads(kubectl("get", "pods", *chosen))["items"]
        return found

    def workspace(self) -> dict[str, Any]:
        """The administrator's workspace, as the service tells it."""
        told: dict[str, Any] = self.ask("GET", "/workspace")
        return told


class PlatformOfGroups(ClusterPlatform):
    """One whose groups have a namespace each, over the folders of this machine."""

    def __init__(self, namespace: str) -> None:
        packages = json.dumps(["1Core2G", ONE_GPU, f"{real_gpus()}GPU1Core2G"])
        super().__init__(namespace, TRAINYARD_SERVICE_PACKAGES=packages)
        file = self.home / "kubernetes.yaml"
        told = yaml.safe_load(file.read_text())
        del told["claims"]
        told |= {"group_namespaces": f"{self.name}-{{group}}", "source": {"volume": {"hostPath": {"path": str(self.home)}}}}
        file.write_text(yaml.safe_dump(told))


@pytest.fixture(scope="module")
def platform(namespace: str) -> Iterator[ClusterPlatform]:
    running = PlatformOfGroups(namespace)
    try:
        make_workspace_image()
        running.start()
        running.ask("POST", "/groups", {"name": "vision"})
        running.ask("POST", "/groups", {"name": "sound"})
        running.ask("PUT", "/groups/vision/members/1", {})
        yield running
    finally:
        kubectl("delete", "pods", "-A", "-l", f"app.kubernetes.io/instance={running.name}", "--wait=false")
        running.stop()
        kubectl("delete", "pvc", running.name, "-n", namespace, "--wait=false")
        kubectl("delete", "pv", running.name, "--wait=false")
        kubectl("delete", "namespaces,pv", "-l", f"app.kubernetes.io/instance={running.name}", "--wait=false")


@pytest.fixture(scope="module")
def admin(platform: ClusterPlatform) -> Person:
    person = Person(platform)
    assert person.sign_in("admin", platform.secret("administrator-password")).status_code == 200
    return person


@pytest.fixture
def workspace(platform: ClusterPlatform, admin: Person) -> dict[str, Any]:
    """The pod of a running workspace; one that runs already is used again."""
    if platform.workspace()["state"] != "running":
        until(lambda: platform.workspace()["state"] == "stopped")
        admin.spawn("vision")
    assert until(admin.lab_answers), (admin.seen, platform.said()[-2000:])
    (pod,) = platform.pods()
    return pod


def test_it_is_a_restricted_pod_of_the_person_in_the_namespace_of_the_group(
    platform: ClusterPlatform, workspace: dict[str, Any]
) -> None:
    assert workspace["metadata"]["namespace"] == f"{platform.name}-{platform.ask('GET', '/groups/vision')['id']}"
    assert workspace["metadata"]["name"] == "workspace-1-1"
    assert violations(workspace["spec"]) == []
    assert [volume for volume in workspace["spec"]["volumes"] if "projected" in volume or "token" in volume["name"]] == []


def test_its_terminal_is_the_persons_and_sees_their_group_only(
    platform: ClusterPlatform, admin: Person, workspace: dict[str, Any]
) -> None:
    said = in_terminal(admin, "ls /workspace/mnt/group; echo from the pod > /workspace/mnt/group/vision/admin/made; id -u")
    assert "vision" in said
    assert "sound" not in said
    assert str(workspace["spec"]["securityContext"]["runAsUser"]) in said
    group = platform.ask("GET", "/groups/vision")["id"]
    assert (platform.home / f"volume/groups/{group}/admin/made").read_text() == "from the pod\n"


def test_what_the_page_saves_lies_on_the_share(platform: ClusterPlatform, admin: Person, workspace: dict[str, Any]) -> None:
    call(admin, "PUT", "contents/notes.txt", {"type": "file", "format": "text", "content": "saved"})
    group = platform.ask("GET", "/groups/vision")["id"]
    saved = platform.home / f"volume/groups/{group}/admin/notes.txt"
    assert saved.read_text() == "saved"
    assert saved.stat().st_uid == workspace["spec"]["securityContext"]["runAsUser"]


def test_it_reaches_the_platform_from_inside(platform: ClusterPlatform, admin: Person, workspace: dict[str, Any]) -> None:
    ask = "python -c 'from trainyard.client import Client; print([one.name for one in Client().groups()])'"
    assert "vision" in in_terminal(admin, ask)


@pytest.mark.parametrize("name", ["hub", "service"])
def test_it_stays_when_a_process_of_the_platform_is_killed(
    platform: ClusterPlatform, admin: Person, workspace: dict[str, Any], name: str
) -> None:
    old = platform.kill(name)
    assert until(lambda: platform.pid(name) not in (0, old))
    assert until(platform.is_well)
    assert until(admin.lab_answers), admin.seen
    assert until(lambda: platform.workspace()["state"] == "running")
    assert [pod["metadata"]["uid"] for pod in platform.pods()] == [workspace["metadata"]["uid"]]


def test_a_pod_deleted_by_hand_is_told_and_started_again(
    platform: ClusterPlatform, admin: Person, workspace: dict[str, Any]
) -> None:
    kubectl("delete", "pod", workspace["metadata"]["name"], "-n", workspace["metadata"]["namespace"])
    assert until(lambda: platform.workspace()["state"] == "stopped")
    assert platform.workspace()["ending"]["cause"] == "node-evicted"
    assert until(lambda: not admin.lab_answers())
    admin.spawn("vision")
    assert until(admin.lab_answers), admin.seen
    assert [pod["metadata"]["name"] for pod in platform.pods()] == ["workspace-1-2"]


def test_it_stays_when_the_api_server_starts_again(platform: ClusterPlatform, admin: Person, workspace: dict[str, Any]) -> None:
    with api_server_away():
        time.sleep(5)  # the Hub asks after its servers, the service after its launches
        assert admin.lab_answers(), admin.seen
        assert platform.workspace()["state"] == "running"
    assert until(admin.lab_answers), admin.seen
    assert [pod["metadata"]["uid"] for pod in platform.pods()] == [workspace["metadata"]["uid"]]
    stop(platform)
    admin.spawn("vision")
    assert until(admin.lab_answers), admin.seen


def stop(platform: ClusterPlatform) -> None:
    """The workspace is stopped, and nothing of it is left."""
    platform.ask("POST", "/workspace/stop")
    assert until(lambda: platform.workspace()["state"] == "stopped")
    assert until(lambda: platform.pods() == [])


def test_stopped_it_leaves_nothing_on_the_cluster(platform: ClusterPlatform, admin: Person, workspace: dict[str, Any]) -> None:
    platform.ask("POST", "/workspace/stop")
    assert until(lambda: platform.workspace()["state"] == "stopped")
    assert platform.workspace()["ending"]["text"] == "Stopped by admin."
    assert until(lambda: platform.pods() == [])
    left = ("get", "secrets", "-n", workspace["metadata"]["namespace"], "-l", "trainyard.io/launch", "-o", "name")
    assert until(lambda: kubectl(*left) == "")
    # the cluster is done before the Hub has told the service so
    assert until(lambda: not (platform.home / "launches" / workspace["metadata"]["name"]).exists())


@pytest.fixture
def stopped(platform: ClusterPlatform) -> None:
    """No workspace, so that one with a GPU can be started."""
    if platform.workspace()["state"] != "stopped":
        stop(platform)


def asked_for(pod: dict[str, Any]) -> str:
    """GPUs that the cluster was asked for."""
    return str(pod["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"])


def test_a_package_with_a_gpu_is_refused_in_numbers_while_jobs_have_them_all_and_starts_when_one_is_free(
    platform: ClusterPlatform, admin: Person, stopped: None
) -> None:
    count = real_gpus()
    name = f"holds-{secrets.token_hex(3)}"
    wanted = {"name": name, "group": "vision", "image": "workspace", "package": f"{count}GPU1Core2G", "entry": "sleep 3000"}
    job = platform.ask("POST", "/trainings", wanted)["job"]["id"]
    try:
        assert until(lambda: platform.ask("GET", f"/jobs/{job}")["state"] == "running")
        assert f"{count} GPUs; {count} in use, 1 asked for" in admin.spawn("vision", ONE_GPU).text
        assert (platform.workspace()["state"], platform.pods()) == ("stopped", [])
    finally:
        platform.ask("POST", f"/jobs/{job}/stop")
    assert until(lambda: platform.ask("GET", f"/jobs/{job}")["state"] == "stopped")
    admin.spawn("vision", ONE_GPU)
    assert until(admin.lab_answers), admin.seen
    (pod,) = platform.pods()
    assert asked_for(pod) == "1"
    stop(platform)


def test_who_waits_for_a_gpu_that_others_of_the_cluster_have_is_told_where_they_are_until_one_is_free(
    platform: ClusterPlatform, admin: Person, stopped: None, others_pod: str
) -> None:
    told = []
    for event in admin.progress(admin.spawn("vision", ONE_GPU)):
        told.append(event)
        if "Waiting for 1 GPUs: 0 free on node" in event.get("message", ""):
            kubectl("delete", "pod", others_pod, "-n", platform.namespace, "--ignore-not-found", "--wait=false")
    assert any("Waiting for 1 GPUs: 0 free on node" in event.get("message", "") for event in told), told
    assert told[-1].get("ready"), told
    assert until(admin.lab_answers), admin.seen
    (pod,) = platform.pods()
    assert asked_for(pod) == "1"
    stop(platform)


@pytest.fixture
def others_pod(platform: ClusterPlatform) -> Iterator[str]:
    """The name of a pod that is nobody's of the platform and has all GPUs of the cluster."""
    name, amount = f"others-{secrets.token_hex(3)}", {"nvidia.com/gpu": str(real_gpus())}
    container = {"name": "holds", "image": IMAGE, "command": ["sleep", "3000"], "resources": {"limits": amount}}
    about = {"name": name, "namespace": platform.namespace}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    apply({"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec})
    running = ("get", "pod", name, "-n", platform.namespace, "-o", "jsonpath={.status.phase}")
    try:
        assert until(lambda: kubectl(*running) == "Running")
        yield name
    finally:
        kubectl("delete", "pod", name, "-n", platform.namespace, "--ignore-not-found", "--wait=false")
