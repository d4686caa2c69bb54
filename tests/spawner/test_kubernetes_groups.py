"""With a namespace for each group a job runs in its group's, which has claims of its own over the same storage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from trainyard.errors import Conflict
from trainyard.home import Home
from trainyard.jobs.launch import Identity, LaunchSpec, Mount, Resources
from trainyard_spawner.kubernetes import group_namespace
from trainyard_spawner.kubernetes.configuration import Claim, Configuration, Source, of_group
from trainyard_spawner.kubernetes.doctor import EVERYWHERE
from trainyard_spawner.kubernetes.keeping import BESIDE, plural
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher

from tests.spawner.api_server import ApiServer

OURS = {
    "app.kubernetes.io/managed-by": "trainyard",
    "app.kubernetes.io/instance": "trainyard",
    "trainyard.io/home": "trainyard",
}
POLICY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "apart"},
    "spec": {},
}
CONFIGURATION = Configuration(
    group_namespaces="lab-{group}",
    source=Source(volume={"nfs": {"server": "10.0.0.5", "path": "/export"}}, mount_options=("nfsvers=4.1",)),
    group_objects=(POLICY,),
    images={"mxnet:1.9.1": "registry.example/mxnet:1.9.1"},
)


def test_a_namespace_has_its_claims_over_the_same_storage_and_what_an_administrator_adds() -> None:
    here = of_group(CONFIGURATION, 7)
    standard = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    assert group_namespace.wanted(here, ["trainyard-group-7", "trainyard-group-7"]) == [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab-7", "labels": {**OURS, **standard}}},
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "trainyard.lab-7.trainyard-group-7", "labels": OURS},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "capacity": {"storage": "1Ti"},
                "persistentVolumeReclaimPolicy": "Retain",
                "storageClassName": "",
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "name": "trainyard-group-7",
                    "namespace": "lab-7",
                },
                "mountOptions": ["nfsvers=4.1"],
                "nfs": {"server": "10.0.0.5", "path": "/export/volume/groups/7"},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "trainyard-group-7", "namespace": "lab-7", "labels": OURS},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "1Ti"}},
                "storageClassName": "",
                "volumeName": "trainyard.lab-7.trainyard-group-7",
            },
        },
        {**POLICY, "metadata": {"name": "apart", "namespace": "lab-7"}},
    ]


def test_without_a_group_and_without_the_setting_everything_stays_in_one_namespace() -> None:
    assert of_group(CONFIGURATION, None) is CONFIGURATION
    assert of_group(Configuration(), 7).namespace == "trainyard"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"source": None}, "need source"),
        ({"claims": (Claim(folder="volume", claim="all", path="deep"),)}, "without a path"),
        ({"group_objects": ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}},)}, "are one of NetworkPolicy"),
        ({"kueue_queue": "people"}, "needs the LocalQueue people"),
        ({"group_namespaces": "lab"}, "should match pattern"),
    ],
    ids=["no-source", "a-path", "a-pod", "no-queue", "no-number"],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Configuration.model_validate({**CONFIGURATION.model_dump(), **wrong})


def test_the_rights_asked_for_make_everything_there_may_be_in_a_groups_namespace() -> None:
    may = {resource for _, resource, verbs in EVERYWHERE if "create" in verbs}
    assert {plural(kind) for kind in ("Namespace", "PersistentVolume", "PersistentVolumeClaim", *BESIDE)} <= may


Start = Callable[..., KubernetesLauncher]


@pytest.fixture
def start(server: ApiServer, tmp_path: Path) -> Iterator[Start]:
    """Starts launchers of this server with changed configurations; they end with the test."""
    with ExitStack() as running:

        def start(**changes: Any) -> KubernetesLauncher:
            wanted = {"kubeconfig": server.kubeconfig(tmp_path), **changes}
            return running.enter_context(closing(KubernetesLauncher(Home(tmp_path), CONFIGURATION.model_copy(update=wanted))))

        yield start


def spec_of(home: Home, key: str = "job-1-1") -> LaunchSpec:
    """A job of group 7 whose owner is in group 8 too."""
    shares = tuple(
        Mount(source=home.group_share(number), target=Path(f"/workspace/mnt/group/g{number}"), read_only=False)
        for number in (7, 8)
    )
    for share in shares:
        share.source.mkdir(parents=True, exist_ok=True)
    return LaunchSpec(
        key=key,
        group_number=7,
        image="mxnet:1.9.1",
        argv=("true",),
        environment={},
        working_directory=Path("/tmp"),
        mounts=shares,
        resources=Resources(cpu=1, memory=1 << 30),
        identity=Identity(name="alice", uid=20007, gid=20007),
    )


def test_a_job_of_a_group_lives_and_ends_in_the_groups_namespace(server: ApiServer, start: Start) -> None:
    launcher = start()
    spec = spec_of(launcher.home)
    launcher.start(spec)
    places = {one["metadata"].get("namespace") for kind in ("jobs", "secrets", "configmaps") for one in server.of_kind(kind)}
    assert places == {"lab-7"}
    claims = [one["metadata"]["name"] for one in server.of_kind("persistentvolumeclaims")]
    assert claims == ["trainyard-group-7", "trainyard-group-8", "trainyard-launches"]
    assert "GET /apis/batch/v1/jobs" in server.asked
    launcher.stop(spec.key)
    assert "trainyard.io/stop" in server.objects["/apis/batch/v1/namespaces/lab-7/jobs/job-1-1"]["metadata"]["annotations"]


def test_jobs_of_a_platform_of_the_same_name_elsewhere_are_not_taken_for_ours(server: ApiServer, start: Start) -> None:
    launcher = start()
    launcher.start(spec_of(launcher.home))
    own = server.objects["/apis/batch/v1/namespaces/lab-7/jobs/job-1-1"]
    foreign = {**own["metadata"], "name": "job-9-1", "namespace": "theirs-7", "uid": "uid-x"}
    foreign["labels"] = {**own["metadata"]["labels"], "trainyard.io/launch": "job-9-1", "trainyard.io/home": "elsewhere"}
    server.objects["/apis/batch/v1/namespaces/theirs-7/jobs/job-9-1"] = {**own, "metadata": foreign}
    again = start()
    assert [state.key for state in again.states()] == ["job-1-1"]


@pytest.mark.parametrize(
    "path", ["/api/v1/namespaces/lab-7", "/api/v1/persistentvolumes/trainyard.lab-7.trainyard-group-7"], ids=["place", "volume"]
)
def test_what_is_somebody_elses_is_not_used(server: ApiServer, start: Start, path: str) -> None:
    about = {"name": path.rpartition("/")[2], "uid": "uid-x", "resourceVersion": "1"}
    theirs = {**about, "labels": {**OURS, "trainyard.io/home": "b"}}
    server.objects[path] = {"metadata": theirs, "status": {}}
    launcher = start()
    with pytest.raises(Conflict) as refused:
        launcher.start(spec_of(launcher.home))
    assert (refused.value.code, refused.value.values["name"]) == ("not-ours-on-cluster", theirs["name"])
    assert server.of_kind("jobs") == []


def test_with_storage_alone_each_share_has_a_claim_in_the_one_namespace_when_a_job_is_shown_it(
    server: ApiServer, start: Start
) -> None:
    launcher = start(group_namespaces="")
    launcher.start(spec_of(launcher.home))
    about = [(one["metadata"]["namespace"], one["metadata"]["name"]) for one in server.of_kind("persistentvolumeclaims")]
    assert about == [("trainyard", "trainyard-group-7"), ("trainyard", "trainyard-group-8")]
    volumes = [one["spec"]["nfs"]["path"] for one in server.of_kind("persistentvolumes")]
    assert volumes == ["/export/volume/groups/7", "/export/volume/groups/8"]
    assert server.of_kind("namespaces") == []
    before = len(server.asked)
    launcher.start(spec_of(launcher.home, "job-2-1"))
    made = [one for one in server.asked[before:] if one.startswith("POST")]
    assert made == ["POST /api/v1/namespaces/trainyard/secrets", "POST /apis/batch/v1/namespaces/trainyard/jobs"]


@pytest.mark.parametrize("phase", ["Released", "Bound"], ids=["long-ago", "a-moment-ago"])
@pytest.mark.parametrize("everywhere", ["", "lab-{group}"], ids=["one-namespace", "one-for-each-group"])
def test_a_claim_that_somebody_deleted_is_made_anew_for_the_next_job(
    server: ApiServer, start: Start, everywhere: str, phase: str
) -> None:
    launcher = start(group_namespaces=everywhere)
    launcher.start(spec_of(launcher.home))
    (claim,) = [path for path in server.objects if path.endswith("persistentvolumeclaims/trainyard-group-7")]
    (volume,) = [path for path in server.objects if "persistentvolumes/" in path and path.endswith("trainyard-group-7")]
    del server.objects[claim]
    server.objects[volume]["spec"]["claimRef"]["uid"] = "uid-gone"
    server.objects[volume]["status"]["phase"] = phase
    launcher.start(spec_of(launcher.home, "job-2-1"))
    assert claim in server.objects
    assert "uid" not in server.objects[volume]["spec"]["claimRef"]


@pytest.mark.parametrize("everywhere", ["", "lab-{group}"], ids=["one-namespace", "one-for-each-group"])
def test_a_claim_that_goes_when_its_last_pod_ends_is_waited_for_by_no_new_job(
    server: ApiServer, start: Start, everywhere: str
) -> None:
    launcher = start(group_namespaces=everywhere)
    launcher.start(spec_of(launcher.home))
    (claim,) = [path for path in server.objects if path.endswith("persistentvolumeclaims/trainyard-group-7")]
    server.objects[claim]["metadata"]["deletionTimestamp"] = "2026-11-22T14:00:00Z"
    with pytest.raises(Conflict) as refused:
        launcher.start(spec_of(launcher.home, "job-2-1"))
    assert (refused.value.code, refused.value.values["name"]) == ("claim-ending", "trainyard-group-7")
    assert [one["metadata"]["name"] for one in server.of_kind("jobs")] == ["job-1-1"]


def test_a_second_job_makes_nothing_but_its_own_objects(server: ApiServer, start: Start) -> None:
    launcher = start()
    launcher.start(spec_of(launcher.home))
    before = len(server.asked)
    launcher.start(spec_of(launcher.home, "job-2-1"))
    asked = [one for one in server.asked[before:] if one.startswith("POST")]
    assert asked == ["POST /api/v1/namespaces/lab-7/secrets", "POST /apis/batch/v1/namespaces/lab-7/jobs"]


def test_a_namespace_that_was_deleted_is_made_anew_over_the_volumes_that_were_kept(server: ApiServer, start: Start) -> None:
    launcher = start()
    launcher.start(spec_of(launcher.home))
    for path in [path for path in server.objects if "/namespaces/lab-7" in path]:
        del server.objects[path]
    for volume in server.of_kind("persistentvolumes"):
        volume["spec"]["claimRef"]["uid"], volume["status"]["phase"] = "uid-gone", "Released"
    launcher.start(spec_of(launcher.home, "job-2-1"))
    assert len(server.of_kind("configmaps")) == len(server.of_kind("networkpolicies")) == 1
    assert len(server.of_kind("persistentvolumeclaims")) == 3
    assert not [one for one in server.of_kind("persistentvolumes") if "uid" in one["spec"]["claimRef"]]


@pytest.mark.parametrize("groups", [["batch", "kueue.x-k8s.io"], ["batch"]], ids=["installed", "not-installed"])
def test_each_groups_namespace_has_its_queue_where_kueue_is(server: ApiServer, start: Start, groups: list[str]) -> None:
    server.groups = groups
    about = {"apiVersion": "kueue.x-k8s.io/v1beta1", "kind": "LocalQueue", "metadata": {"name": "people"}}
    queue: dict[str, Any] = {**about, "spec": {"clusterQueue": "lab"}}
    launcher = start(kueue_queue="people", group_objects=(queue,))
    launcher.start(spec_of(launcher.home))
    made = "/apis/kueue.x-k8s.io/v1beta1/namespaces/lab-7/localqueues/people"
    assert (made in server.objects) is ("kueue.x-k8s.io" in groups)
