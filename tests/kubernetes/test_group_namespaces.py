"""With a namespace for each group, on a real cluster: jobs of two groups run apart, over their own shares of one storage."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trainyard.errors import Conflict
from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec, Mount
from trainyard.jobs.states import Cause
from trainyard_hub.kubernetes.restricted import violations
from trainyard_spawner.kubernetes.configuration import Configuration, Source
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher

from tests.contracts.launcher import says, wait_for
from tests.kubernetes.conftest import IMAGE, PERSON, apply, kubectl, until

pytestmark = pytest.mark.cluster
LOOKS = "ls /workspace/mnt/group; echo $(id -g) > /workspace/mnt/group/g/told"
WAITS = "echo began; while :; do sleep 0.1; done"


@pytest.fixture
def apart(home: Home, namespace: str) -> Iterator[Configuration]:
    """A platform whose groups have namespaces; what it made is taken away, which it never does itself."""
    name = f"g-{secrets.token_hex(3)}"
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "pods"}, "spec": {"hard": {"pods": "5"}}}
    yield Configuration(
        name=name,
        namespace=namespace,
        images={"tiny:1": IMAGE},
        group_namespaces=f"{name}-{{group}}",
        group_objects=(quota,),
        source=Source(volume={"hostPath": {"path": str(home.root)}}),
        pull_secrets=("registry",),
        start_seconds=300,
    )
    for kind in ("namespaces", "persistentvolumes"):
        kubectl("delete", kind, "-l", f"app.kubernetes.io/instance={name}", "--wait=false")


@pytest.fixture
def launcher(home: Home, apart: Configuration) -> Iterator[KubernetesLauncher]:
    launcher = KubernetesLauncher(home, apart)
    yield launcher
    launcher.close()


Job = Callable[..., LaunchSpec]


@pytest.fixture
def job(home: Home, make: Callable[..., LaunchSpec]) -> Job:
    """A job of one group that is shown the group's share."""

    def of_group(group: int, command: str, **changed: Any) -> LaunchSpec:
        person = PERSON.model_copy(update={"groups": (30000 + group,)})
        share = home.group_share(group)
        share.mkdir(parents=True, exist_ok=True)
        os.chown(share, 0, 30000 + group)
        share.chmod(0o2770)
        own = Mount(source=share, target=Path("/workspace/mnt/group/g"), read_only=False)
        given = {"key": f"job-{group}", "group_number": group, "mounts": (own,), "output": None, "identity": person}
        return make(command, **{**given, **changed})

    return of_group


def found(configuration: Configuration, group: int, kind: str) -> list[dict[str, Any]]:
    """What lies in a group's namespace of this platform's."""
    chosen = ("-l", f"app.kubernetes.io/instance={configuration.name}", "-o", "json")
    items: list[dict[str, Any]] = json.loads(kubectl("get", kind, "-n", f"{configuration.name}-{group}", *chosen))["items"]
    return items


def test_jobs_of_two_groups_run_apart_over_their_own_shares(
    launcher: KubernetesLauncher, apart: Configuration, job: Job, home: Home
) -> None:
    for group in (1, 2):
        launcher.start(job(group, LOOKS))
    assert [wait_for(launcher, f"job-{group}", "ended").exit_code for group in (1, 2)] == [0, 0]
    for group in (1, 2):
        (pod,) = found(apart, group, "pods")
        assert violations(pod["spec"]) == []
        assert pod["metadata"]["labels"]["trainyard.io/launch"] == f"job-{group}"
        claims = [claim["metadata"]["name"] for claim in found(apart, group, "persistentvolumeclaims")]
        assert claims == [f"trainyard-group-{group}", "trainyard-launches"]
        assert (home.group_share(group) / "told").exists()
    kept = json.loads(kubectl("get", "resourcequota", "pods", "-n", f"{apart.name}-1", "-o", "json"))
    assert kept["spec"]["hard"] == {"pods": "5"}


def test_who_is_in_two_groups_sees_both_shares_in_the_namespace_of_either(
    launcher: KubernetesLauncher, apart: Configuration, job: Job, home: Home
) -> None:
    both = tuple(one.mounts[0].model_copy(update={"target": Path(f"/workspace/mnt/group/{group}")})
                 for group in (1, 2) if (one := job(group, "")))  # fmt: skip
    person = PERSON.model_copy(update={"groups": (30001, 30002)})
    launcher.start(job(2, "touch /workspace/mnt/group/{1,2}/both", mounts=both, identity=person))
    assert wait_for(launcher, "job-2", "ended").exit_code == 0
    assert [(home.group_share(group) / "both").stat().st_gid for group in (1, 2)] == [30001, 30002]


def test_a_stop_and_what_is_forgotten_reach_the_namespace_of_the_group(
    launcher: KubernetesLauncher, apart: Configuration, job: Job, home: Home
) -> None:
    launcher.start(job(1, WAITS))
    says(home.launches / "job-1/output.log", "began")
    launcher.stop("job-1")
    assert wait_for(launcher, "job-1", "ended").cause is Cause.STOPPED
    launcher.forget("job-1")
    until(lambda: not found(apart, 1, "jobs,pods,secrets"))


def test_another_service_goes_on_with_what_runs_in_the_namespace_of_a_group(
    launcher: KubernetesLauncher, apart: Configuration, job: Job, home: Home
) -> None:
    launcher.start(job(1, WAITS))
    wait_for(launcher, "job-1", "running")
    other = KubernetesLauncher(home, apart)
    assert other.start(job(1, WAITS)).phase == "running"
    other.stop("job-1", grace=0)
    assert wait_for(launcher, "job-1", "ended").cause is Cause.STOPPED
    other.close()


def test_a_namespace_deleted_by_hand_is_made_anew_over_the_same_files(
    launcher: KubernetesLauncher, apart: Configuration, job: Job, home: Home
) -> None:
    launcher.start(job(1, LOOKS))
    wait_for(launcher, "job-1", "ended")
    kubectl("delete", "namespace", f"{apart.name}-1")
    launcher.forget("job-1")
    until(lambda: launcher.state("job-1") is None)
    again = job(1, "cat /workspace/mnt/group/g/told", key="again")
    launcher.start(again)
    assert wait_for(launcher, "again", "ended").exit_code == 0
    assert (home.launches / "again/output.log").read_text() == f"{PERSON.gid}\n"


def test_the_secret_that_images_are_pulled_with_follows_its_original_to_the_namespace_of_a_group(
    launcher: KubernetesLauncher, apart: Configuration, job: Job, namespace: str
) -> None:
    def keys(password: str) -> None:
        login = {"auths": {"registry.example": {"username": "trainyard", "password": password}}}
        about = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "registry", "namespace": namespace}}
        apply({**about, "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": json.dumps(login)}})

    def copied() -> str:
        (copy,) = [one for one in found(apart, 1, "secrets") if one["metadata"]["name"] == "registry"]
        return base64.b64decode(copy["data"][".dockerconfigjson"]).decode()

    keys("one")
    launcher.start(job(1, "true"))
    wait_for(launcher, "job-1", "ended")
    assert '"one"' in copied()
    keys("two")
    launcher.start(job(1, "true", key="again"))
    assert wait_for(launcher, "again", "ended").exit_code == 0
    assert '"two"' in copied()
    (pod,) = [one for one in found(apart, 1, "pods") if one["metadata"]["labels"]["trainyard.io/launch"] == "again"]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    kubectl("delete", "secret", "registry", "-n", namespace)


def test_a_namespace_of_somebody_elses_is_left_alone(launcher: KubernetesLauncher, apart: Configuration, job: Job) -> None:
    kubectl("create", "namespace", f"{apart.name}-3")
    with pytest.raises(Conflict) as refused:
        launcher.start(job(3, "true"))
    assert refused.value.code == "not-ours-on-cluster"
    assert kubectl("get", "jobs,pods,pvc,resourcequotas", "-n", f"{apart.name}-3", "-o", "name") == ""
    kubectl("delete", "namespace", f"{apart.name}-3", "--wait=false")
