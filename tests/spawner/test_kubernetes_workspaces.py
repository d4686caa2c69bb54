"""Workspaces on a cluster: their pod as a literal, what is told while it waits, and what is known of it once it is gone."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import web
from kubernetes_asyncio.client import ApiClient, ApiException, CoreV1Api, V1ObjectMeta, V1Pod
from kubernetes_asyncio.client import Configuration as KubernetesConfiguration
from kubespawner.reflector import ResourceReflector
from kubespawner.spawner import EventReflector, KubeSpawner
from trainyard.errors import Conflict, Unavailable
from trainyard.home import Home
from trainyard.jobs.launch import Identity, LaunchSpec, Mount, Resources
from trainyard.jobs.states import Cause
from trainyard_hub.kubernetes.restricted import violations
from trainyard_spawner.kubernetes import names, watching
from trainyard_spawner.kubernetes.cluster import Cluster, Refused
from trainyard_spawner.kubernetes.configuration import Claim, Configuration, Placement, of_group
from trainyard_spawner.kubernetes.keeping import put_in_place
from trainyard_spawner.kubernetes.mirror import Mirror
from trainyard_spawner.kubernetes.pod import template
from trainyard_spawner.kubernetes.preparing import Beside, prepared
from trainyard_spawner.kubernetes.spawner import WorkspacePodSpawner
from trainyard_spawner.kubernetes.verdicts import state_of, when_deleted
from trainyard_spawner.kubernetes.waiting import Told, free_gpus, in_words, waits_for_gpus
from trainyard_spawner.kubernetes.workspace_pod import owner, workspace_pod

from tests.spawner.api_server import ApiServer

HOME = Home(Path("/srv/trainyard"))
CONFIGURATION = Configuration(
    images={"workspace:1": "registry.example/workspace:1"},
    claims=(Claim(folder="launches", claim="launches"), Claim(folder="volume", claim="volume")),
    gpu=Placement(node_selector={"accelerator": "a100"}, priority_class="people"),
)
SPEC = LaunchSpec(
    key="workspace-7-3",
    image="workspace:1",
    argv=("python", "-P", "-m", "jupyterhub.singleuser"),
    environment={"TRAINYARD_URL": "http://127.0.0.1:8000"},
    working_directory=Path("/workspace/home"),
    mounts=(
        Mount(source=HOME.volume / "homes/7", target=Path("/workspace/home"), read_only=False),
        Mount(source=HOME.group_share(1), target=Path("/workspace/mnt/group/vision"), read_only=False),
    ),
    resources=Resources(cpu=2, memory=4 << 30, gpu=2),
    identity=Identity(name="u7", uid=20007, gid=20007, groups=(30001,)),
    platform_port=8000,
    listen_port=8888,
    grace=10,
)
LABELS = {
    "app.kubernetes.io/managed-by": "trainyard",
    "app.kubernetes.io/instance": "trainyard",
    "trainyard.io/launch": "workspace-7-3",
    "component": "trainyard-workspace",
}

Create = Callable[..., list[bool]]
MakeSpawner = Callable[[], WorkspacePodSpawner]
Ask = Callable[[ApiServer, str], tuple[Any, str, list[str]]]


@pytest.fixture
def pod() -> dict[str, Any]:
    _, parts = prepared(SPEC, HOME, CONFIGURATION, Beside("code", ("trainyard_spawner.inside.pod.py",)))
    return workspace_pod(SPEC, parts, CONFIGURATION)


def test_the_pod_is_the_one_of_every_launch_but_for_its_name_port_and_labels(pod: dict[str, Any]) -> None:
    _, parts = prepared(SPEC, HOME, CONFIGURATION, Beside("code", ("trainyard_spawner.inside.pod.py",)))
    common = template(SPEC, parts, CONFIGURATION)
    (container,) = common["spec"]["containers"]
    ports = [{"name": "notebook-port", "containerPort": 8888, "protocol": "TCP"}]
    assert pod == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "workspace-7-3",
            "namespace": "trainyard",
            "labels": LABELS,
            "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
        },
        "spec": {**common["spec"], "containers": [{**container, "name": "notebook", "ports": ports}]},
    }


def test_with_a_namespace_for_each_group_it_lies_in_its_groups_and_says_whose_it_is() -> None:
    here = of_group(CONFIGURATION.model_copy(update={"group_namespaces": "lab-{group}"}), 7)
    _, parts = prepared(SPEC, HOME, here, Beside("code", ()))
    made = workspace_pod(SPEC, parts, here)
    assert made["metadata"]["namespace"] == "lab-7"
    assert made["metadata"]["labels"] == {**LABELS, "trainyard.io/home": "trainyard"}
    assert names.is_home_of("trainyard", made)
    assert not names.is_home_of("another", made)


def test_the_pod_meets_the_restricted_standard_as_the_person(pod: dict[str, Any]) -> None:
    assert violations(pod["spec"]) == []
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 20007,
        "runAsGroup": 20007,
        "supplementalGroups": [30001],
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_gpus_are_asked_for_where_the_configuration_says(pod: dict[str, Any]) -> None:
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["limits"] == {"cpu": "2000m", "memory": str(4 << 30), "nvidia.com/gpu": "2"}
    assert (pod["spec"]["nodeSelector"], pod["spec"]["priorityClassName"]) == ({"accelerator": "a100"}, "people")
    assert {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": str(2 << 30)}} in pod["spec"]["volumes"]


def test_home_share_and_image_are_those_of_the_records(pod: dict[str, Any]) -> None:
    (container,) = pod["spec"]["containers"]
    assert container["image"] == "registry.example/workspace:1"
    shown = {
        one["mountPath"]: (one.get("subPath"), one["readOnly"]) for one in container["volumeMounts"] if "claim" in one["name"]
    }
    assert shown == {
        "/workspace/home": ("homes/7", False),
        "/workspace/mnt/group/vision": ("groups/1", False),
        "/opt/launch": ("workspace-7-3", False),
    }


def test_a_login_shell_finds_the_programs_of_the_image(pod: dict[str, Any]) -> None:
    secret, _ = prepared(SPEC, HOME, CONFIGURATION, Beside("code", ()))
    assert b"PATH" not in base64.b64decode(secret["data"]["profile"])
    (container,) = pod["spec"]["containers"]
    mounted = {"name": "plan", "mountPath": "/etc/profile", "subPath": "profile", "readOnly": True}
    assert mounted in container["volumeMounts"]


def test_its_secret_ends_with_it() -> None:
    assert owner({"metadata": {"name": "workspace-7-3", "uid": "u"}})["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": "workspace-7-3",
            "uid": "u",
            "blockOwnerDeletion": False,
            "controller": False,
        }
    ]


SECRETS = f"/api/v1/namespaces/{CONFIGURATION.namespace}/secrets"


def put_secret(server: ApiServer, data: dict[str, str], platform: str = "trainyard") -> None:
    """Make the Secret of ``workspace-7-3``, as a start of this platform does."""
    about = {"name": SPEC.key, "namespace": CONFIGURATION.namespace, "labels": names.labels(platform, SPEC.key)}
    wanted = {"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": data}

    async def work() -> None:
        async with ApiClient(KubernetesConfiguration(host=f"http://127.0.0.1:{server.port}")) as client:
            await put_in_place(Cluster(client), SECRETS, wanted)

    asyncio.run(work())


def test_a_start_never_uses_the_secret_that_an_earlier_one_left(server: ApiServer) -> None:
    for data in ({"plan.json": "b2xk"}, {"plan.json": "bmV3"}):
        put_secret(server, data)
    assert [one["data"] for one in server.of_kind("secrets")] == [{"plan.json": "bmV3"}]


def test_the_secret_of_another_platform_of_the_namespace_stays_as_it_is(server: ApiServer) -> None:
    put_secret(server, {"plan.json": "dGhlaXJz"}, "theirs")
    with pytest.raises(Conflict) as refused:
        put_secret(server, {"plan.json": "b3Vycw=="})
    assert refused.value.code == "not-ours-on-cluster"
    assert [one["data"] for one in server.of_kind("secrets")] == [{"plan.json": "dGhlaXJz"}]


THEIR_POD = f"/api/v1/namespaces/{CONFIGURATION.namespace}/pods/{SPEC.key}"


def put_their_pod(server: ApiServer) -> None:
    """Make a pod of another platform of the namespace under the name of ours."""
    about = {"name": SPEC.key, "namespace": CONFIGURATION.namespace, "labels": names.labels("theirs", SPEC.key)}
    server.objects[THEIR_POD] = {"kind": "Pod", "metadata": about}


@pytest.fixture
def ask(make_spawner: MakeSpawner, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Calls a method of ``workspace-7-3``, of which no watch tells: its answer, the key then, and what was given back."""
    given_back: list[str] = []

    async def nothing(*_: object, **__: object) -> None:
        """No watch is begun."""

    async def give_back(_: object, key: str) -> None:
        given_back.append(key)

    async def work(server: ApiServer, what: str) -> tuple[Any, str]:
        async with ApiClient(KubernetesConfiguration(host=f"http://127.0.0.1:{server.port}")) as client:
            spawner = make_spawner()
            spawner.api = CoreV1Api(client)
            watch = {spawner._get_reflector_key("pods"): SimpleNamespace(pods={})}
            monkeypatch.setattr(WorkspacePodSpawner, "reflectors", watch)
            return await getattr(spawner, what)(), spawner.key

    def ask(server: ApiServer, what: str) -> tuple[Any, str, list[str]]:
        return *asyncio.run(work(server, what)), given_back

    for beginning in ("_watch", "_start_watching_pods"):
        monkeypatch.setattr(WorkspacePodSpawner, beginning, nothing)
    monkeypatch.setattr(WorkspacePodSpawner, "_give_back", give_back)
    return ask


def test_a_stop_leaves_alone_what_is_another_platforms_under_the_same_name(server: ApiServer, ask: Ask) -> None:
    put_secret(server, {"plan.json": "dGhlaXJz"}, "theirs")
    put_their_pod(server)
    before = len(server.asked)
    assert ask(server, "stop") == (None, "", [SPEC.key])
    assert {line.partition(" ")[0] for line in server.asked[before:]} == {"GET"}


@pytest.fixture
def away() -> Iterator[ApiServer]:
    """A server with another platform's pod that does not say whose it is; a connection that broke is tried twice."""
    server = LosesAnswers("GET", "GET")
    put_their_pod(server)
    yield server
    server.close()


def test_a_stop_ends_no_pod_of_which_the_cluster_does_not_say_whose_it_is(away: ApiServer, ask: Ask) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        ask(away, "stop")
    assert THEIR_POD in away.objects


def test_a_workspace_of_which_the_cluster_does_not_say_whether_it_is_ours_is_not_told_to_have_ended(
    away: ApiServer, ask: Ask
) -> None:
    assert ask(away, "poll") == (None, SPEC.key, [])


def test_a_start_that_failed_says_why_also_where_the_cluster_is_away_by_then(
    away: ApiServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KubeSpawner, "_start", Mock(side_effect=Conflict("never-enough", "There is not so much.")))
    with pytest.raises(Conflict, match="There is not so much"):
        ask(away, "_start")


class LosesAnswers(ApiServer):
    """Does what it is asked, but breaks off before its answer as often as a method is named."""

    def __init__(self, *methods: str) -> None:
        self.loses = [*methods]
        super().__init__()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        answer = await super()._answer(request)
        if request.method in self.loses:
            self.loses.remove(request.method)
            assert request.transport is not None
            request.transport.abort()
        return answer


class ChangesItsQuota(ApiServer):
    """Refuses the first request to make something as one does whose quota another request changed at the same moment."""

    changed = False

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST" or self.changed:
            return await super()._answer(request)
        self.changed = True
        why = "Operation cannot be fulfilled on resourcequotas: the object has been modified"
        return web.json_response({"reason": "Conflict", "message": why}, status=409)


class EndsPods(ApiServer):
    """Has ended a pod by the time it is asked for it."""

    def _get(self, request: web.Request, body: dict[str, Any]) -> dict[str, Any]:
        self.objects.pop(request.path, None)
        return super()._get(request, body)


@pytest.fixture
def make_spawner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MakeSpawner:
    """Makes, while a loop runs, the spawner whose launch is ``workspace-7-3``."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)  # no test needs the cluster that it would look for

    def make() -> WorkspacePodSpawner:
        spawner = WorkspacePodSpawner(_mock=True, configuration=CONFIGURATION, home=Home(tmp_path))
        spawner.key = spawner.pod_name = SPEC.key
        return spawner

    return make


@pytest.fixture
def create(make_spawner: MakeSpawner) -> Create:
    """Asks a server for the pod ``workspace-7-3``, by so many requests of these starts; what the spawner is told of each."""

    async def work(server: ApiServer, starts: tuple[str, ...]) -> list[bool]:
        async with ApiClient(KubernetesConfiguration(host=f"http://127.0.0.1:{server.port}")) as client:
            spawner = make_spawner()
            spawner.api = CoreV1Api(client)
            told = []
            for start in starts:
                about = V1ObjectMeta(name=SPEC.key, namespace=spawner.namespace, annotations={names.START: start})
                told.append(await spawner._make_create_pod_request(V1Pod(kind="Pod", metadata=about), 3))
            assert spawner.key == SPEC.key
            assert spawner._giving is not None
            await spawner._giving
            return told

    def create(server: ApiServer, *starts: str) -> list[bool]:
        return asyncio.run(work(server, starts))

    return create


def test_a_pod_whose_making_nobody_heard_of_is_the_starts_own_and_not_ended(create: Create) -> None:
    server = LosesAnswers("POST")
    secret = f"/api/v1/namespaces/{CONFIGURATION.namespace}/secrets/workspace-7-3"
    server.objects[secret] = {"metadata": {"name": "workspace-7-3"}}
    try:
        assert create(server, "mine", "mine") == [False, True]
    finally:
        server.close()
    assert [one["metadata"]["annotations"] for one in server.of_kind("pods")] == [{names.START: "mine"}]
    assert not any(line.startswith("DELETE") for line in server.asked)
    assert server.objects[secret]["metadata"]["ownerReferences"][0]["kind"] == "Pod"


@pytest.mark.parametrize(
    ("make_server", "starts", "told"),
    [
        # aiohttp by itself asks a second time for what may be asked twice
        (lambda: LosesAnswers("POST", "GET", "GET"), ("mine", "mine", "mine"), [False, False, True]),
        (ChangesItsQuota, ("mine", "mine"), [False, True]),
        (EndsPods, ("theirs", "mine", "mine"), [True, False, True]),
    ],
    ids=["the-answer-about-its-pod-is-lost", "a-quota-was-changed", "the-pod-in-the-way-is-gone"],
)
def test_a_start_tries_again_where(
    create: Create, make_server: Callable[[], ApiServer], starts: tuple[str, ...], told: list[bool]
) -> None:
    server = make_server()
    try:
        assert create(server, *starts) == told
    finally:
        server.close()
    assert [one["metadata"]["annotations"] for one in server.of_kind("pods")] == [{names.START: "mine"}]


def test_a_pod_of_another_start_is_no_start(server: ApiServer, create: Create) -> None:
    with pytest.raises(Refused):
        create(server, "theirs", "mine")


def test_a_pod_of_somebody_else_is_no_start(server: ApiServer, create: Create) -> None:
    server.objects[f"/api/v1/namespaces/{CONFIGURATION.namespace}/pods/workspace-7-3"] = {"metadata": {"name": "workspace-7-3"}}
    with pytest.raises(Refused):
        create(server, "mine")


def test_a_refused_secret_is_no_start(server: ApiServer) -> None:
    server.refused.add("secrets")
    with pytest.raises(Refused):
        put_secret(server, {})


# -- what is told while it waits --------------------------------------------------------------------------------------


def node(name: str, gpus: int, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": spec, "status": {"allocatable": {"nvidia.com/gpu": str(gpus)}}}


def using(name: str, gpus: int, phase: str = "Running") -> dict[str, Any]:
    container = {"resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
    return {"spec": {"nodeName": name, "containers": [container]}, "status": {"phase": phase}}


def test_free_gpus_are_counted_by_node() -> None:
    nodes = [node("a", 4), node("b", 2), node("c", 0), node("d", 8, unschedulable=True)]
    pods = [using("a", 3), using("b", 1), using("b", 1, "Succeeded"), {"spec": {"containers": []}, "status": {}}]
    assert free_gpus(nodes, pods, "nvidia.com/gpu") == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("language", "free", "words"),
    [
        ("en", {"a": 1, "b": 1}, "Waiting for 2 GPUs: 1 free on node a, 1 on node b"),
        ("zh", {"a": 1, "b": 1}, "正在等待 2 块 GPU：节点 a 空闲 1 块，节点 b 空闲 1 块"),
        ("en", {}, "Waiting for 2 GPUs: no node of the cluster has any."),
        (
            "en",
            {"a": 0, "b": 1, "c": 0, "d": 1, "e": 0, "f": 0},
            "Waiting for 2 GPUs: 1 free on node b, 1 on node d, 0 on node a, 0 on node c, no more than that on 2 others",
        ),
    ],
)
def test_who_waits_for_gpus_is_told_where_they_are(language: str, free: dict[str, int], words: str) -> None:
    assert waits_for_gpus(2, free, language) == words


@pytest.mark.parametrize(
    ("reason", "message", "words"),
    [
        ("Scheduled", "Successfully assigned trainyard/workspace-7-3 to node-a", "A place was found on node-a."),
        ("Pulling", 'Pulling image "x:1"', "Fetching the image x:1; the first time on a machine this may take minutes."),
        ("Created", "Created container notebook", ""),
        ("BackOff", 'Back-off pulling image "x:1"', 'The image cannot be fetched yet: Back-off pulling image "x:1"'),
        ("FailedMount", "no such claim", "A volume cannot be mounted yet: no such claim"),
        ("FailedScheduling", "0/1 nodes are available", ""),
        ("Unheard", "of before", "of before"),
    ],
)
def test_events_are_told_in_words(reason: str, message: str, words: str) -> None:
    assert in_words({"reason": reason, "message": message}, "x:1", "en") == words


def event(reason: str, second: int | None, name: str = "workspace-7-3", namespace: str = "trainyard") -> dict[str, Any]:
    """What the cluster says about a pod, as the API server keeps it; its time is where either kind of source writes it."""
    time = None if second is None else f"2026-11-22T00:00:{second:02}Z"
    times = {"lastTimestamp": time, "eventTime": None} if second in (None, 1) else {"lastTimestamp": None, "eventTime": time}
    return {"involvedObject": {"namespace": namespace, "name": name}, "reason": reason, "message": reason, **times}


def watched(*events: dict[str, Any]) -> SimpleNamespace:
    """A watch that has heard these."""
    return SimpleNamespace(resources={str(number): one for number, one in enumerate(events)})


def test_each_pod_is_told_its_own_events_in_their_order() -> None:
    source = watched(event("Pulled", 3), event("Pulling", 2), event("Pulled", 2, "workspace-8-1"), event("Scheduled", 1))
    told = Told()
    assert [one["reason"] for one in told.about("trainyard", "workspace-7-3", source)] == ["Scheduled", "Pulling", "Pulled"]
    assert list(told.about("trainyard", "workspace-9-1", source)) == []


def test_a_pod_of_the_same_name_in_another_namespace_is_another() -> None:
    source = watched(event("Pulled", 1, namespace="lab-7"), event("Pulling", 2, namespace="theirs-7"))
    assert [one["reason"] for one in Told().about("lab-7", "workspace-7-3", source)] == ["Pulled"]


def test_others_events_are_not_told_and_odd_ones_keep_nobody_from_being_told(
    monkeypatch: pytest.MonkeyPatch, make_spawner: MakeSpawner
) -> None:
    monkeypatch.setattr("trainyard_spawner.kubernetes.progress._told", Told())
    odd = {"message": "about nobody", "lastTimestamp": None, "eventTime": None}
    others = [event("foreign", None, "other"), event("foreign", 1, "other"), event("foreign", 1, namespace="theirs")]
    heard = watched(odd, *others, event("Pulling", 1), event("Pulled", None))

    async def tell() -> list[str]:
        spawner = make_spawner()
        watches = {"pods": SimpleNamespace(pods={}), "events": heard}
        kept = {spawner._get_reflector_key(kind): watch for kind, watch in watches.items()}
        monkeypatch.setattr(WorkspacePodSpawner, "reflectors", kept)
        spawner.image = "x:1"
        spawner._begin_telling()
        step, telling = (asyncio.create_task(work) for work in (spawner._step.wait(), spawner._tell_events()))
        await asyncio.wait({step, telling}, return_when=asyncio.FIRST_COMPLETED)
        telling.cancel()
        step.cancel()
        return [words for _, words in spawner._steps]

    fetching = "Fetching the image x:1; the first time on a machine this may take minutes."
    assert asyncio.run(tell()) == ["The image is there.", fetching]


def test_a_start_does_not_order_everybodys_events(monkeypatch: pytest.MonkeyPatch, make_spawner: MakeSpawner) -> None:
    async def gone_over() -> list[dict[str, Any]]:
        spawner = make_spawner()
        watch = EventReflector(parent=spawner, namespace=spawner.namespace)
        watch.resources = watched(event("foreign", None, "a"), event("foreign", 1, "b")).resources
        monkeypatch.setattr(WorkspacePodSpawner, "reflectors", {spawner._get_reflector_key("events"): watch})
        return spawner.events

    assert asyncio.run(gone_over()) == []


@pytest.mark.parametrize(("amount", "words"), [("1", "Waiting for 2 GPUs: 1 free on node a"), ("odd", "")])
def test_a_node_that_cannot_be_read_ends_no_telling(
    server: ApiServer, make_spawner: MakeSpawner, amount: str, words: str
) -> None:
    server.objects["/api/v1/nodes/a"] = {**node("a", 0), "status": {"allocatable": {"nvidia.com/gpu": amount}}}

    async def where() -> str:
        async with ApiClient(KubernetesConfiguration(host=f"http://127.0.0.1:{server.port}")) as client:
            spawner = make_spawner()
            spawner.api, spawner._gpus = CoreV1Api(client), 2
            return await spawner._gpus_in_words()

    assert asyncio.run(where()) == words


@pytest.mark.parametrize("trouble", [OSError("nobody is there"), ApiException(status=503)], ids=["nobody", "a-gateway"])
def test_the_hub_looks_for_an_api_server_that_is_away_as_often_after_many_tries_as_at_first(
    make_spawner: MakeSpawner, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    answers = iter(["1", *30 * [trouble], asyncio.CancelledError()])

    async def answer(watch: ResourceReflector, _: object = None) -> str:
        told = next(answers)
        if isinstance(told, BaseException):
            raise told
        watch.first_load_future.set_result(None)
        return str(told)

    async def seconds() -> float:
        await make_spawner()._start_watching_pods()
        began = time.monotonic()
        (begun,) = WorkspacePodSpawner.reflectors.values()
        await asyncio.wait([begun.watch_task], timeout=5)
        return time.monotonic() - began

    monkeypatch.setattr("kubespawner.reflector.shared_client", lambda _: None)
    monkeypatch.setattr(ResourceReflector, "_list_and_update", answer)
    monkeypatch.setattr(WorkspacePodSpawner, "reflectors", {})
    monkeypatch.setattr(watching, "PAUSE_SECONDS", 0.01)
    assert asyncio.run(seconds()) < 5


# -- what is known of it ----------------------------------------------------------------------------------------------


def kept(phase: str, version: int = 1, **annotations: str) -> dict[str, Any]:
    """The pod as the API server keeps it."""
    metadata = {
        "name": "workspace-7-3",
        "uid": "u",
        "resourceVersion": str(version),
        "creationTimestamp": "2026-11-21T22:00:00Z",
        "labels": LABELS,
        "annotations": annotations,
    }
    running = {"name": "notebook", "state": {"running": {"startedAt": "2026-11-21T22:00:02Z"}}}
    statuses = {"containerStatuses": [running]} if phase == "Running" else {}
    return {"metadata": metadata, "spec": {"nodeName": "a", "containers": [{}]}, "status": {"phase": phase, **statuses}}


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    made = Mirror(CONFIGURATION)
    yield made
    made.close()


def test_a_pod_without_a_job_is_a_launch(mirror: Mirror) -> None:
    mirror._hear("pods", "ADDED", kept("Running"))
    found = mirror.job("workspace-7-3")
    assert found is not None
    assert state_of(*found).phase == "running"
    assert [one["metadata"]["name"] for one, _ in mirror.jobs()] == ["workspace-7-3"]


@pytest.mark.parametrize(
    ("annotations", "cause"), [({}, Cause.NODE_EVICTED), ({names.STOP: '{"grace": 1, "at": 1}'}, Cause.STOPPED)]
)
def test_a_deleted_pod_has_ended_until_it_is_forgotten(mirror: Mirror, annotations: dict[str, str], cause: Cause) -> None:
    mirror._hear("pods", "ADDED", kept("Running"))
    mirror._hear("pods", "DELETED", kept("Running", 2, **annotations))
    found = mirror.job("workspace-7-3")
    assert found is not None
    assert (state_of(*found).phase, state_of(*found).cause) == ("ended", cause)
    mirror.forget(found[0])
    assert mirror.job("workspace-7-3") is None


def test_a_pod_that_will_never_run_ended_for_the_reason_written_on_it() -> None:
    verdict = '{"cause": "image-failed", "message": "no such image"}'
    gone = when_deleted(kept("Pending", 1, **{names.VERDICT: verdict}))
    state = state_of(gone, [gone])
    assert (state.phase, state.cause, state.message) == ("ended", Cause.IMAGE_FAILED, "no such image")


def test_a_pod_under_deletion_whose_container_says_nothing_was_taken_away() -> None:
    pod = kept("Failed")
    pod["metadata"]["deletionTimestamp"] = "2026-11-21T22:01:00Z"
    state = state_of(pod, [pod])
    assert (state.cause, state.message, state.exit_code) == (Cause.NODE_EVICTED, "its pod was deleted", None)
