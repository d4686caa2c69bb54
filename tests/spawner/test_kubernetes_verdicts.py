"""What Jobs and pods tell about a launch: one literal pod for each way to wait, to run and to end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from trainyard.jobs.states import Cause
from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.verdicts import Patience, Verdict, hopeless, state_of

BORN = "2026-11-21T10:00:00Z"
BORN_SECONDS = 1795255200.0
PATIENCE = Patience(start=100, image=10)
PULL = 'Back-off pulling image "registry.example/x:1"'
NO_GPU = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."


def job(*, conditions: tuple[dict[str, str], ...] = (), **annotations: str) -> dict[str, Any]:
    kept = {f"trainyard.io/{name}": value for name, value in annotations.items()}
    return {"metadata": {"name": "job-1", "uid": "u", "annotations": kept}, "status": {"conditions": list(conditions)}}


def pod(status: dict[str, Any], state: dict[str, Any] | None = None, **metadata: str) -> dict[str, Any]:
    told = status if state is None else {**status, "containerStatuses": [{"name": "main", "state": state}]}
    return {
        "metadata": {"name": "job-1-x", "creationTimestamp": BORN, **metadata},
        "spec": {"nodeName": "node-a", "containers": [{"name": "main", "image": "registry.example/x:1"}]},
        "status": told,
    }


def ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    times = {"startedAt": "2026-11-21T10:00:05Z", "finishedAt": "2026-11-21T10:01:05Z"}
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, **times}}


def certified(code: int, **certificate: Any) -> dict[str, Any]:
    return pod({"phase": "Failed" if code else "Succeeded"}, ended(code, message=json.dumps(certificate)))


WAITING = pod({"phase": "Pending"}, {"waiting": {"reason": "ImagePullBackOff", "message": PULL}})
UNSCHEDULED = pod(
    {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": NO_GPU}],
    }
)
UNSCHEDULED["spec"].pop("nodeName")
CREATING = pod({"phase": "Pending"}, {"waiting": {"reason": "ContainerCreating"}})
RUNNING = pod({"phase": "Running"}, {"running": {"startedAt": "2026-11-21T10:00:05Z"}})


@pytest.mark.parametrize(
    ("seen", "message"),
    [((), ""), ((CREATING,), ""), ((WAITING,), PULL), ((UNSCHEDULED,), NO_GPU)],
)
def test_what_waits_is_starting_and_says_why(seen: tuple[dict[str, Any], ...], message: str) -> None:
    state = state_of(job(), seen)
    assert (state.phase, state.message) == ("starting", message)


def test_what_runs_tells_since_when() -> None:
    state = state_of(job(), [RUNNING])
    assert (state.phase, state.started_at) == ("running", BORN_SECONDS + 5)


def test_the_certificate_tells_causes_and_numbers() -> None:
    numbers = {"peak_memory": 5, "memory_limit": 9, "peak_cpu": 0.5, "cpu_limit": 1.0, "limits_by": "kubernetes"}
    state = state_of(job(), [certified(7, cause="exited", exit_code=7, started_at=3.0, ended_at=4.0, **numbers)])
    assert state.model_dump(exclude_none=True) == {
        "key": "job-1",
        "phase": "ended",
        "cause": Cause.EXITED,
        "exit_code": 7,
        "message": "",
        "started_at": 3.0,
        "ended_at": 4.0,
        "held": False,
        **numbers,
    }


CERTIFIED: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    ({"cause": "signalled", "signal": 11}, (Cause.SIGNALLED, None, 11, "")),
    ({"cause": "out-of-memory", "signal": 9}, (Cause.OUT_OF_MEMORY, None, 9, "")),
    ({"cause": "time-limit", "exit_code": 0}, (Cause.TIME_LIMIT, 0, None, "")),
    ({"cause": "stopped", "exit_code": 0}, (Cause.STOPPED, 0, None, "")),
    (
        {"cause": "launch-failed", "exit_code": 127, "message": "no such file: x"},
        (Cause.LAUNCH_FAILED, 127, None, "no such file: x"),
    ),
    ({"cause": "terminated", "exit_code": 0}, (Cause.NODE_EVICTED, 0, None, "its pod was deleted")),
    ({"cause": "lost"}, (Cause.SUPERVISOR_LOST, None, None, "")),
]


@pytest.mark.parametrize(("certificate", "told"), CERTIFIED, ids=[str(one["cause"]) for one, _ in CERTIFIED])
def test_each_certificate_has_its_cause(certificate: dict[str, Any], told: tuple[Any, ...]) -> None:
    state = state_of(job(), [certified(1, **certificate)])
    assert (state.cause, state.exit_code, state.signal, state.message) == told


SHM = 'Usage of EmptyDir volume "shm" exceeds the limit "32Mi". '
LOCAL = "Pod ephemeral local storage usage exceeds the total limit of containers 10Gi. "
LOW = "The node was low on resource: memory. Container main was using 512Mi, which exceeds its request of 0. "
UNTOLD = [
    (pod({"phase": "Failed", "reason": "Evicted", "message": LOW}), (Cause.NODE_EVICTED, None, LOW)),
    (pod({"phase": "Failed", "reason": "Evicted", "message": SHM}), (Cause.OUT_OF_MEMORY, None, SHM)),
    (pod({"phase": "Failed", "reason": "Evicted", "message": LOCAL}), (Cause.DISK_FULL, None, LOCAL)),
    (pod({"phase": "Failed", "reason": "Preempting", "message": "for a"}), (Cause.NODE_EVICTED, None, "for a")),
    (pod({"phase": "Failed", "reason": "NodeLost"}), (Cause.NODE_LOST, None, "NodeLost")),
    (
        pod({"phase": "Failed", "reason": "Shutdown", "message": "Node is shutting"}),
        (Cause.NODE_LOST, None, "Node is shutting"),
    ),
    (pod({"phase": "Failed", "reason": "OutOfnvidia.com/gpu", "message": "0 free"}), (Cause.UNSCHEDULABLE, None, "0 free")),
    (pod({"phase": "Failed", "reason": "DeadlineExceeded"}), (Cause.TIME_LIMIT, None, "DeadlineExceeded")),
    (pod({"phase": "Failed"}, ended(137, "OOMKilled")), (Cause.OUT_OF_MEMORY, 9, "")),
    (pod({"phase": "Failed"}, ended(137)), (Cause.SUPERVISOR_LOST, 9, "")),
    (pod({"phase": "Failed"}, ended(137), deletionTimestamp=BORN), (Cause.NODE_EVICTED, None, "its pod was deleted")),
    (
        pod({"phase": "Failed"}, ended(127, "ContainerCannotRun", "python3 not found")),
        (Cause.LAUNCH_FAILED, None, "python3 not found"),
    ),
    (pod({"phase": "Failed"}, ended(1)), (Cause.LAUNCH_FAILED, None, "the supervisor ended with 1")),
]


@pytest.mark.parametrize(("seen", "told"), UNTOLD, ids=[str(number) for number in range(len(UNTOLD))])
def test_without_a_certificate_the_clusters_own_reasons_count(seen: dict[str, Any], told: tuple[Any, ...]) -> None:
    state = state_of(job(), [seen])
    assert (state.cause, state.signal, state.message) == told


def test_out_of_memory_is_told_with_its_limit_also_where_the_supervisor_was_killed_too() -> None:
    killed = pod({"phase": "Failed"}, ended(137, "OOMKilled"))
    killed["spec"]["containers"][0]["resources"] = {"limits": {"memory": str(2 << 30), "cpu": "1000m"}}
    state = state_of(job(), [killed])
    assert (state.cause, state.memory_limit) == (Cause.OUT_OF_MEMORY, 2 << 30)


def test_who_was_asked_to_stop_and_lost_its_pod_has_stopped() -> None:
    wished = job(stop='{"grace": 1, "at": 1}')
    state = state_of(wished, [pod({"phase": "Failed"}, ended(137))])
    assert (state.cause, state.signal) == (Cause.STOPPED, 9)


def test_an_end_that_is_the_programs_own_stays_so_although_it_was_asked_to_stop() -> None:
    state = state_of(job(stop='{"grace": 1, "at": 1}'), [certified(1, cause="out-of-memory", signal=9)])
    assert state.cause is Cause.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"type": "Complete", "status": "True"}, (Cause.EXITED, 0)),
        ({"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}, (Cause.TIME_LIMIT, None)),
        ({"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}, (Cause.NODE_EVICTED, None)),
    ],
)
def test_a_job_without_pods_tells_the_rest(condition: dict[str, str], told: tuple[Cause, int | None]) -> None:
    state = state_of(job(conditions=(condition,)), [])
    assert (state.cause, state.exit_code) == told


def following(pod: dict[str, Any]) -> dict[str, Any]:
    """``pod`` as the one that the cluster made after the first was deleted."""
    return {**pod, "metadata": {**pod["metadata"], "name": "job-1-y", "creationTimestamp": "2026-11-21T10:02:00Z"}}


def deleted(pod: dict[str, Any]) -> dict[str, Any]:
    return {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": BORN}}


EXITED = certified(3, cause="exited", exit_code=3)
FOUND_NOTHING = following(certified(1, cause="lost"))
UNHEARD = deleted(pod({"phase": "Failed"}, {"waiting": {"reason": "ContainerCreating"}}))


def test_a_replaced_pod_repeats_what_the_first_wrote_down() -> None:
    assert state_of(job(), [following(RUNNING), EXITED]).exit_code == 3


@pytest.mark.parametrize("first", [deleted(RUNNING), UNHEARD], ids=["runs", "ended unheard"])
def test_what_a_replacing_pod_repeats_is_the_end_whatever_the_first_ones_node_says(first: dict[str, Any]) -> None:
    assert state_of(job(), [first, following(EXITED)]).exit_code == 3


def test_a_replacing_pod_that_found_nothing_does_not_end_a_program_that_still_runs() -> None:
    assert state_of(job(), [deleted(RUNNING), FOUND_NOTHING]).phase == "running"
    assert state_of(job(), [deleted(CREATING), FOUND_NOTHING]).phase == "starting"
    lost = Verdict(Cause.NODE_LOST, "node-a").as_annotation()
    assert state_of(job(verdict=lost), [deleted(RUNNING), FOUND_NOTHING]).cause is Cause.NODE_LOST


def test_a_replacing_pod_that_found_nothing_tells_it_once_the_first_has_ended_or_is_gone() -> None:
    assert state_of(job(), [deleted(EXITED), FOUND_NOTHING]).exit_code == 3
    assert state_of(job(), [UNHEARD, FOUND_NOTHING]).cause is Cause.NODE_EVICTED
    assert state_of(job(), [FOUND_NOTHING]).cause is Cause.SUPERVISOR_LOST


def test_a_verdict_counts_unless_something_runs() -> None:
    verdict = Verdict(Cause.IMAGE_FAILED, PULL).as_annotation()
    assert state_of(job(verdict=verdict), []).cause is Cause.IMAGE_FAILED
    assert state_of(job(verdict=verdict), [UNSCHEDULED]).cause is Cause.IMAGE_FAILED
    assert state_of(job(verdict=verdict), [WAITING]).phase == "starting"
    assert state_of(job(verdict=verdict), [deleted(WAITING)]).cause is Cause.IMAGE_FAILED
    assert state_of(job(verdict=verdict), [RUNNING]).phase == "running"
    lost = Verdict(Cause.NODE_LOST, "node-a").as_annotation()
    assert state_of(job(verdict=lost), [RUNNING]).cause is Cause.NODE_LOST


@pytest.mark.parametrize("message", ["no json", "[]", '{"cause": "paid"}', '{"cause": "exited", "peak_memory": "much"}'])
def test_a_certificate_that_is_none_is_not_believed(message: str) -> None:
    state = state_of(job(), [pod({"phase": "Failed"}, ended(9, message=message))])
    assert state.cause is Cause.LAUNCH_FAILED


HOPELESS = [
    (WAITING, 5, None),
    (WAITING, 11, Verdict(Cause.IMAGE_FAILED, PULL)),
    (
        pod({"phase": "Pending"}, {"waiting": {"reason": "InvalidImageName"}}),
        0,
        Verdict(Cause.IMAGE_FAILED, "registry.example/x:1: InvalidImageName"),
    ),
    (UNSCHEDULED, 99, None),
    (UNSCHEDULED, 101, Verdict(Cause.UNSCHEDULABLE, NO_GPU)),
    (CREATING, 101, Verdict(Cause.LAUNCH_FAILED, "ContainerCreating")),
    (RUNNING, 1e6, None),
    (pod({"phase": "Running"}, {"running": {"startedAt": BORN}}, deletionTimestamp=BORN), 119, None),
    (
        pod({"phase": "Running"}, {"running": {"startedAt": BORN}}, deletionTimestamp=BORN),
        121,
        Verdict(Cause.NODE_LOST, "node-a"),
    ),
    (certified(0, cause="exited", exit_code=0), 1e6, None),
]


@pytest.mark.parametrize(("seen", "waited", "verdict"), HOPELESS, ids=[str(number) for number in range(len(HOPELESS))])
def test_what_will_never_run_is_given_up_in_time(seen: dict[str, Any], waited: float, verdict: Verdict | None) -> None:
    assert hopeless(seen, BORN_SECONDS + waited, PATIENCE) == verdict


def test_labels_find_the_launches_of_one_platform_only() -> None:
    assert names.selector("vision") == (
        "app.kubernetes.io/managed-by=trainyard,app.kubernetes.io/instance=vision,trainyard.io/launch"
    )
