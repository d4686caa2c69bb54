"""The objects of a launch on a cluster, compared with literals."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from trainyard.errors import Invalid, NotFound
from trainyard.home import Home
from trainyard.jobs.launch import Identity, LaunchSpec, Mount, Resources
from trainyard.words import translate
from trainyard_spawner.inside.pod import PodSupervisor
from trainyard_spawner.kubernetes import configuration as configurations
from trainyard_spawner.kubernetes import kueue, names, objects, plan, volumes
from trainyard_spawner.kubernetes.configuration import Claim, Configuration, Placement
from trainyard_spawner.kubernetes.pod import Parts
from trainyard_spawner.kubernetes.verdicts import state_of
from trainyard_spawner.kubernetes.volumes import Place, Shown
from trainyard_spawner.supervisor import Supervisor

HOME = Home(Path("/srv/trainyard"))
CLAIMS = Configuration().claims
SPEC = LaunchSpec(
    key="job-0123456789abcdef-1",
    image="mxnet:1.9.1",
    argv=("bash", "start.sh"),
    environment={"PATH": "/opt/image/bin:/usr/bin", "HOME": "/tmp", "TRAINYARD_URL": "http://127.0.0.1:8000"},
    working_directory=Path("/workspace/mnt/group/vision/7"),
    mounts=(
        Mount(source=HOME.group_share(1), target=Path("/workspace/mnt/group/vision"), read_only=False),
        Mount(source=HOME.batch("b1") / "recordio-train", target=Path("/workspace/mnt/data/train")),
    ),
    resources=Resources(cpu=2, memory=8 << 30, gpu=1),
    identity=Identity(name="alice", uid=20007, gid=20007, groups=(30001,)),
    platform_port=8000,
    files={Path("/run/trainyard/token"): "tyj_secret"},
    output=HOME.group_share(1) / "7/run/train_x_out.log",
    time_limit=3600,
    grace=30,
)
PARTS = Parts(
    image="registry.example/mxnet:1.9.1",
    code="trainyard-supervisor-1",
    modules=("trainyard_spawner.inside.pod.py",),
    secret="job-0123456789abcdef-1",
    shown=(
        Shown(Place("trainyard-group-1", ""), "/workspace/mnt/group/vision", read_only=False),
        Shown(Place("trainyard-volume", "formatted/b1/recordio-train"), "/workspace/mnt/data/train", read_only=True),
        Shown(Place("trainyard-launches", "job-0123456789abcdef-1"), "/opt/launch", read_only=False),
    ),
    files=(("/etc/passwd", "passwd"),),
)
LABELS = {
    "app.kubernetes.io/managed-by": "trainyard",
    "app.kubernetes.io/instance": "trainyard",
    "trainyard.io/launch": "job-0123456789abcdef-1",
}
AMOUNTS = {"cpu": "2000m", "memory": "8589934592", "nvidia.com/gpu": "1"}
JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "job-0123456789abcdef-1", "namespace": "trainyard", "labels": LABELS},
    "spec": {
        "backoffLimit": 0,
        "completions": 1,
        "parallelism": 1,
        "activeDeadlineSeconds": 3600 + 1800 + 30 + 15,
        "template": {
            "metadata": {
                "labels": LABELS,
                "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
            },
            "spec": {
                "restartPolicy": "Never",
                "hostname": "job-0123456789abcdef-1",
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": 45,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 20007,
                    "runAsGroup": 20007,
                    "supplementalGroups": [30001],
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "main",
                        "image": "registry.example/mxnet:1.9.1",
                        "imagePullPolicy": "IfNotPresent",
                        "command": ["python3", "-I", "-S", "-c", names.ENTRY],
                        "workingDir": "/",
                        "resources": {"requests": AMOUNTS, "limits": AMOUNTS},
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "capabilities": {"drop": ["ALL"]},
                            "readOnlyRootFilesystem": True,
                        },
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File",
                        "volumeMounts": [
                            {"name": "code", "mountPath": "/opt/trainyard", "readOnly": True},
                            {"name": "plan", "mountPath": "/opt/plan", "readOnly": True},
                            {"name": "shm", "mountPath": "/dev/shm"},
                            {"name": "run", "mountPath": "/run"},
                            {"name": "scratch", "mountPath": "/tmp", "subPath": "tmp"},
                            {"name": "scratch", "mountPath": "/workspace/home", "subPath": "home"},
                            {"name": "plan", "mountPath": "/etc/passwd", "subPath": "passwd", "readOnly": True},
                            {"name": "claim-0", "mountPath": "/workspace/mnt/group/vision", "readOnly": False},
                            {
                                "name": "claim-1",
                                "mountPath": "/workspace/mnt/data/train",
                                "readOnly": True,
                                "subPath": "formatted/b1/recordio-train",
                            },
                            {
                                "name": "claim-2",
                                "mountPath": "/opt/launch",
                                "readOnly": False,
                                "subPath": "job-0123456789abcdef-1",
                            },
                        ],
                    }
                ],
                "volumes": [
                    {
                        "name": "code",
                        "configMap": {
                            "name": "trainyard-supervisor-1",
                            "items": [{"key": "trainyard_spawner.inside.pod.py", "path": "trainyard_spawner/inside/pod.py"}],
                        },
                    },
                    {"name": "plan", "secret": {"secretName": "job-0123456789abcdef-1", "defaultMode": 0o444}},
                    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "4294967296"}},
                    {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "67108864"}},
                    {"name": "scratch", "emptyDir": {"sizeLimit": "10737418240"}},
                    {"name": "claim-0", "persistentVolumeClaim": {"claimName": "trainyard-group-1"}},
                    {"name": "claim-1", "persistentVolumeClaim": {"claimName": "trainyard-volume"}},
                    {"name": "claim-2", "persistentVolumeClaim": {"claimName": "trainyard-launches"}},
                ],
            },
        },
    },
}


def pod_of(job: dict[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = job["spec"]["template"]["spec"]
    return pod


GANG = ("job-1-worker0", "job-1-worker1", "job-1-worker10")
GANG_LABELS = {
    "app.kubernetes.io/managed-by": "trainyard",
    "app.kubernetes.io/instance": "trainyard",
    "trainyard.io/gang": "job-1-worker0",
}
REPLICA = SPEC.model_copy(
    update={"key": GANG[1], "gang": GANG, "environment": {"TRAINYARD_PORT": "20001", "MASTER_ADDR": GANG[0]}}
)


def test_each_replica_has_an_address_before_any_of_them_runs() -> None:
    chosen = {**LABELS, "trainyard.io/launch": "job-1-worker0"}
    made = objects.services(REPLICA, Configuration())
    assert made[0] == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "job-1-worker0", "namespace": "trainyard", "labels": chosen | GANG_LABELS},
        "spec": {
            "selector": chosen,
            "publishNotReadyAddresses": True,
            "ports": [{"name": "replica", "port": 20000, "targetPort": 20000, "protocol": "TCP"}],
        },
    }
    assert [(one["metadata"]["name"], one["spec"]["ports"][0]["port"]) for one in made] == list(
        zip(GANG, (20000, 20001, 20002), strict=True)
    )


def test_replicas_of_one_attempt_and_nobody_else_reach_each_other() -> None:
    each_other = [{"podSelector": {"matchLabels": GANG_LABELS}}]
    assert objects.gang_policy(REPLICA, Configuration()) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "job-1-worker0", "namespace": "trainyard", "labels": GANG_LABELS},
        "spec": {
            "podSelector": {"matchLabels": GANG_LABELS},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": each_other}],
            "egress": [{"to": each_other}],
        },
    }
    labels = objects.job(REPLICA, PARTS, Configuration())["spec"]["template"]["metadata"]["labels"]
    assert labels == {**LABELS, "trainyard.io/launch": GANG[1], "trainyard.io/gang": GANG[0]}


def test_a_replica_is_told_the_others_addresses_and_finds_its_own_in_its_pod() -> None:
    everybody = ",".join(f"{key}:20000" for key in GANG)
    spec = REPLICA.model_copy(update={"environment": {**REPLICA.environment, "EVERYBODY": everybody}})
    told = plan.environment(spec, {GANG[0]: "10.43.0.7", GANG[2]: "10.43.0.9"})
    assert told["MASTER_ADDR"] == "10.43.0.7"
    assert told["EVERYBODY"] == "10.43.0.7:20000,job-1-worker1:20000,10.43.0.9:20000"
    container = pod_of(objects.job(spec, PARTS, Configuration()))["containers"][0]
    assert container["env"] == [{"name": "TRAINYARD_POD_ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]


def test_a_job_is_this_object() -> None:
    assert objects.job(SPEC, PARTS, Configuration()) == JOB


def test_a_job_handed_to_kueue_is_suspended_and_names_its_queue() -> None:
    handed = kueue.handed_over(objects.job(SPEC, PARTS, Configuration()), "vision")
    labels = {**LABELS, "kueue.x-k8s.io/queue-name": "vision"}
    assert handed == {**JOB, "metadata": {**JOB["metadata"], "labels": labels}, "spec": {**JOB["spec"], "suspend": True}}
    state = state_of(handed, [])
    assert (state.message, state.held) == ("waits for admission in Kueue's queue vision", True)
    assert "Kueue 队列 vision" in translate("waits for admission in Kueue's queue {queue}", "zh", queue="vision")
    admitted = {**handed, "spec": {**handed["spec"], "suspend": False}}
    assert (state_of(admitted, []).message, state_of(admitted, []).held) == ("", False)


def test_without_a_time_limit_the_job_has_no_deadline() -> None:
    job = objects.job(SPEC.model_copy(update={"time_limit": None}), PARTS, Configuration())
    assert "activeDeadlineSeconds" not in job["spec"]


def test_a_job_that_serves_says_on_which_port_of_its_loopback() -> None:
    serving = objects.job(SPEC.model_copy(update={"listen_port": 6006}), PARTS, Configuration())
    assert serving["metadata"]["annotations"] == {"trainyard.io/listens": "6006"}
    assert serving["spec"] == JOB["spec"]


def test_what_no_quota_counts_asks_for_hardly_a_core_and_may_use_its_limit() -> None:
    uncounted = SPEC.model_copy(update={"resources": Resources(cpu=1, memory=1 << 30, uncounted=True)})
    amounts = pod_of(objects.job(uncounted, PARTS, Configuration()))["containers"][0]["resources"]
    assert amounts["requests"] == {"cpu": "50m", "memory": "1073741824"}
    assert amounts["limits"] == {"cpu": "1000m", "memory": "1073741824"}


def test_pods_with_gpus_and_without_go_where_the_configuration_says() -> None:
    tolerations = ({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},)
    chosen = Configuration(
        gpu=Placement(node_selector={"card": "a100"}, tolerations=tolerations, priority_class="training"),
        processor=Placement(node_selector={"pool": "small"}),
        gpu_resource="huawei.com/Ascend910",
        pull_secrets=("registry",),
    )
    pod = pod_of(objects.job(SPEC, PARTS, chosen))
    assert (pod["nodeSelector"], pod["tolerations"], pod["priorityClassName"], pod["imagePullSecrets"]) == (
        {"card": "a100"},
        list(tolerations),
        "training",
        [{"name": "registry"}],
    )
    assert pod["containers"][0]["resources"]["limits"]["huawei.com/Ascend910"] == "1"
    without = SPEC.model_copy(update={"resources": Resources(cpu=0.5, memory=1 << 30)})
    pod = pod_of(objects.job(without, PARTS, chosen))
    assert pod["nodeSelector"] == {"pool": "small"}
    assert pod["containers"][0]["resources"]["limits"] == {"cpu": "500m", "memory": "1073741824"}


def test_a_mounted_home_takes_the_place_of_scratch() -> None:
    mounted = (*SPEC.mounts, Mount(source=HOME.user_home(7), target=Path("/workspace/home"), read_only=False))
    job = objects.job(SPEC.model_copy(update={"mounts": mounted}), PARTS, Configuration())
    mounts = pod_of(job)["containers"][0]["volumeMounts"]
    assert [one for one in mounts if one["mountPath"] == "/workspace/home"] == []


def test_a_secret_belongs_to_its_job() -> None:
    secret = objects.secret(SPEC, {"plan.json": b"{}"}, Configuration())
    assert secret == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SPEC.key, "namespace": "trainyard", "labels": LABELS},
        "type": "Opaque",
        "data": {"plan.json": "e30="},
    }
    assert objects.owner({"metadata": {"name": SPEC.key, "uid": "u1"}}) == {
        "metadata": {
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": SPEC.key,
                    "uid": "u1",
                    "blockOwnerDeletion": False,
                    "controller": False,
                }
            ]
        }
    }


def test_the_codes_name_tells_what_it_holds() -> None:
    one, same, other = ({"a.py": "1"}, {"a.py": "1"}, {"a.py": "2"})
    made = [objects.code(modules, Configuration()) for modules in (one, same, other)]
    assert made[0] == made[1]
    assert made[0]["metadata"]["name"] != made[2]["metadata"]["name"]
    assert made[0]["immutable"] is True


def test_the_code_sent_along_is_all_that_is_imported_and_of_the_standard_library() -> None:
    sent = {name.removesuffix(".py"): text for name, text in objects.read_code().items()}
    missing = set()
    for name in {one for text in sent.values() for one in imported(text)}:
        ours = name in sent or f"{name}.__init__" in sent or name.rpartition(".")[0] in sent
        if not ours and name.split(".")[0] not in sys.stdlib_module_names:
            missing.add(name)
    assert PodSupervisor._open_network is not Supervisor._open_network
    missing.discard("trainyard_spawner.network")  # which that one alone imports, when it is called
    assert missing == set()


def imported(text: str) -> set[str]:
    """Modules, and names taken from modules, that ``text`` imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_the_plan_names_paths_of_the_pod() -> None:
    told = plan.plan(SPEC, plan.Outside(PurePosixPath("/workspace/mnt/group/vision/7/run/train_x_out.log"), 1000))
    assert json.loads(json.dumps(told)) == {
        "key": SPEC.key,
        "init": {
            "argv": ["bash", "start.sh"],
            "environment": {
                "HOME": "/tmp",
                "USER": "alice",
                "LOGNAME": "alice",
                "SHELL": "/bin/bash",
                "LANG": "C.UTF-8",
                "OMP_NUM_THREADS": "2",
                "PYTHONDONTWRITEBYTECODE": "1",
                "TRAINYARD_URL": "http://127.0.0.1:8000",
            },
            "directory": "/workspace/mnt/group/vision/7",
            "uid": 20007,
            "gid": 20007,
            "groups": [30001],
            "files": {"/run/trainyard/token": "tyj_secret"},
            "relay_port": 8000,
            "listen_port": None,
        },
        "code": plan.INIT,
        "output": "/workspace/mnt/group/vision/7/run/train_x_out.log",
        "kept": "/opt/launch",
        "devices": None,
        "log_limit": 1000,
        "time_limit": 3600.0,
        "grace": 30.0,
        "in_gang": False,
        "writable": ["/workspace/mnt/group/vision", "/workspace/mnt/group/vision/7/run"],
        "status": {"memory_limit": 8 << 30, "cpu_limit": 2.0, "limits_by": "kubernetes"},
    }


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("volume/groups/12/7/run", Place("trainyard-group-12", "7/run")),
        ("volume/groups/12", Place("trainyard-group-12", "")),
        ("volume/groups/x/7", Place("trainyard-volume", "groups/x/7")),
        ("volume/runs/abc", Place("trainyard-volume", "runs/abc")),
        ("launches/job-1-1", Place("trainyard-launches", "job-1-1")),
        ("secrets/key", None),
    ],
)
def test_the_claim_with_the_longest_folder_holds_it(path: str, place: Place | None) -> None:
    assert volumes.place_of(HOME.root / path, HOME, CLAIMS) == place


def test_what_lies_outside_of_the_state_folder_lies_on_no_claim() -> None:
    assert volumes.place_of(Path("/etc/passwd"), HOME, CLAIMS) is None


def test_one_claim_may_hold_several_folders() -> None:
    one = (Claim(folder="volume", claim="all", path="platform/volume"),)
    assert volumes.place_of(HOME.model("m1"), HOME, one) == Place("all", "platform/volume/models/m1")


def test_a_mount_on_no_claim_is_refused_by_name() -> None:
    spec = SPEC.model_copy(update={"mounts": (Mount(source=HOME.secrets, target=Path("/workspace/x"), read_only=False),)})
    with pytest.raises(Invalid, match="/srv/trainyard/secrets lies on no volume") as refused:
        volumes.lay_out(spec, HOME, CLAIMS)
    assert refused.value.code == "mount-not-on-cluster"


def test_a_small_file_goes_along_and_examples_are_the_images_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    parameters = home.service / "private/x/default.json"
    parameters.parent.mkdir(parents=True)
    parameters.write_text("{}")
    carried = Mount(source=parameters, target=Path("/workspace/params/default.json"))
    examples = Mount(source=home.images / "mxnet/1/examples", target=Path("/workspace/examples"))
    layout = volumes.lay_out(SPEC.model_copy(update={"mounts": (carried, examples)}), home, CLAIMS)
    assert layout == volumes.Layout((), (carried,))


def test_examples_are_the_images_own_also_where_images_lie_on_another_disk(tmp_path: Path) -> None:
    home, disk = Home(tmp_path / "home"), tmp_path / "disk"
    (disk / "mxnet/1/examples").mkdir(parents=True)
    home.root.mkdir()
    home.images.symlink_to(disk)
    examples = Mount(source=(home.images / "mxnet/1/examples").resolve(), target=Path("/workspace/examples"))
    assert volumes.lay_out(SPEC.model_copy(update={"mounts": (examples,)}), home, CLAIMS) == volumes.Layout((), ())


def test_the_output_is_named_as_the_pod_sees_it() -> None:
    assert SPEC.output is not None
    assert str(volumes.seen_inside(SPEC.output, SPEC.mounts)) == "/workspace/mnt/group/vision/7/run/train_x_out.log"
    assert volumes.seen_inside(HOME.batch("b1") / "recordio-train/x", SPEC.mounts) is None


def test_a_configuration_is_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "kubernetes.yaml"
    path.write_text("namespace: vision\nimages: {mxnet:1.9.1: registry.example/mxnet:1.9.1}\n")
    assert configurations.load(path).images == {"mxnet:1.9.1": "registry.example/mxnet:1.9.1"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("namspace: x", "namspace: Extra inputs"),
        ("name: Upper", "name: String should match"),
        ("claims: [{folder: ../secrets, claim: x}]", "claims.0.folder: "),
        ("images: {pytorch: registry.example/pytorch:2}", "an image is name:version, .* and not 'pytorch': write it as in"),
        ("images: {'': registry.example/pytorch:2}", "and not ''"),
        ("images: {'../pytorch:2': registry.example/pytorch:2}", "and not '../pytorch:2'"),
        ("images: {'pytorch:..': registry.example/pytorch:2}", "and not 'pytorch:..'"),
        ("a: [", "while parsing"),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_field(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "kubernetes.yaml"
    path.write_text(text)
    with pytest.raises(Invalid, match=why) as refused:
        configurations.load(path)
    assert refused.value.code == "kubernetes-configuration"


def test_a_missing_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="which says how the cluster is used"):
        configurations.load(tmp_path / "nowhere.yaml")
