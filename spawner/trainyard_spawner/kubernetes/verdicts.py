"""What a Job and its pods say about a launch: pure functions and tables, from objects as the API server keeps them to a state.

The supervisor's own certificate (the container's termination message) counts first. Where there is none, the reasons of
kubelet, scheduler and Job controller are translated: ``k8s.io/kubernetes`` ``pkg/kubelet/{eviction,lifecycle,nodeshutdown}``,
``pkg/controller/job``, ``pkg/kubelet/images/types.go``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import Cause

from trainyard_spawner.kubernetes import kueue, names

Object = Mapping[str, Any]
LOST_AFTER = 120.0
"""Seconds after a pod's grace has passed, until its node counts as lost with it; a busy one was seen to be 56 s late."""
_KILLED = 137
_DELETED = "its pod was deleted"
LOST = "lost"
"""What a repeating pod says that found nothing to repeat."""
_CAUSES = {"terminated": Cause.NODE_EVICTED, LOST: Cause.SUPERVISOR_LOST}
_NUMBERS = frozenset(LaunchState.model_fields) - {"key", "phase", "cause", "message", "address", "running_for", "held"}
# why a pod as a whole failed
POD_REASONS = {
    "Evicted": Cause.NODE_EVICTED,
    "Preempting": Cause.NODE_EVICTED,
    "NodeLost": Cause.NODE_LOST,
    "NodeShutdown": Cause.NODE_LOST,
    "Shutdown": Cause.NODE_LOST,
    "Terminated": Cause.NODE_LOST,
    "DeadlineExceeded": Cause.TIME_LIMIT,
    "UnexpectedAdmissionError": Cause.UNSCHEDULABLE,
    "NodeAffinity": Cause.UNSCHEDULABLE,
}
# why a container ended, where the supervisor could not say
CONTAINER_REASONS = {
    "OOMKilled": Cause.OUT_OF_MEMORY,
    "ContainerCannotRun": Cause.LAUNCH_FAILED,
    "StartError": Cause.LAUNCH_FAILED,
}
# why a container does not start: those that may mend themselves have time, the others have not
WAITING_REASONS: dict[str, tuple[Cause | None, bool]] = {
    "ErrImagePull": (Cause.IMAGE_FAILED, True),
    "ImagePullBackOff": (Cause.IMAGE_FAILED, True),
    "RegistryUnavailable": (Cause.IMAGE_FAILED, True),
    "ErrImageNeverPull": (Cause.IMAGE_FAILED, False),
    "InvalidImageName": (Cause.IMAGE_FAILED, False),
    "ImageInspectError": (Cause.IMAGE_FAILED, False),
    "CreateContainerConfigError": (Cause.LAUNCH_FAILED, True),
    "CreateContainerError": (Cause.LAUNCH_FAILED, True),
    "RunContainerError": (Cause.LAUNCH_FAILED, True),
}
# an eviction whose numbers say that the program itself was the reason
_OWN_FAULT = (
    ('EmptyDir volume "shm"', Cause.OUT_OF_MEMORY),
    ("ephemeral", Cause.DISK_FULL),
    ("EmptyDir volume", Cause.DISK_FULL),
)


@dataclass(frozen=True)
class Verdict:
    """An end that nobody inside could write down."""

    cause: Cause
    message: str = ""
    exit_code: int | None = None
    signal: int | None = None

    def as_annotation(self) -> str:
        """How it is kept on the Job."""
        return json.dumps({"cause": self.cause.value, "message": self.message})


_JOB_DELETED = Verdict(Cause.NODE_EVICTED, "its Job was deleted")


@dataclass(frozen=True)
class Patience:
    """Seconds a pod may wait for its start, and a pull may fail."""

    start: float
    image: float


def state_of(job: Object, pods: Sequence[Object]) -> LaunchState:
    """The truth about the launch of ``job``; ``pods`` are its own, in any order. A workspace's pod is both."""
    key = job["metadata"]["name"]
    annotations = job["metadata"].get("annotations") or {}
    stopped = names.STOP in annotations
    several = sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
    verdict = _kept(annotations)
    if (telling := _telling(several)) is not None:
        return _ended(key, telling, verdict, stopped=stopped)
    running = [started for pod in several if (started := _running_since(pod)) is not None]
    alive = [pod for pod in several if may_run(pod)]
    verdict = verdict or _of_job(job, several)
    if verdict and (verdict.cause is Cause.NODE_LOST or not alive):
        return _stated(key, _wished(verdict, stopped=stopped), {})
    if running:
        return LaunchState(key=key, phase="running", started_at=running[0])
    if several:
        return LaunchState(key=key, phase="starting", message=waits_for(several[0]))
    held = kueue.waits(job)
    return LaunchState(key=key, phase="starting", message=held, held=bool(held))


def _telling(several: Sequence[Object]) -> Object | None:
    """The pod that tells the end, of several in the order of their making; None while there is no end.

    Only the first one ran the program, and those that followed repeat what it wrote down. One that found nothing has not
    waited long enough as long as the first may run: a busy node is late in ending what was deleted.
    """
    ended = [pod for pod in several if has_ended(pod)]
    knowing = (pod for pod in ended if _certificate(pod).get("cause", LOST) != LOST)
    over = bool(ended) and not may_run(several[0])
    return next(knowing, ended[0] if over else None)


def has_ended(pod: Object) -> bool:
    """Whether the pod's container has ended, or will never begin."""
    return pod["status"].get("phase") in ("Succeeded", "Failed") or _terminated(pod) is not None


def may_run(pod: Object) -> bool:
    """Whether its program may run without anybody having been told: a node has the pod, and had nothing against it."""
    if has_ended(pod):
        return False
    waiting = _container(pod).get("state", {}).get("waiting") or {}
    given_back = "deletionTimestamp" in pod["metadata"] and waiting.get("reason") in WAITING_REASONS
    return "nodeName" in pod["spec"] and not given_back


def when_deleted(pod: Object) -> Object:
    """A workspace's pod that is gone, as one that has ended: where nothing in it says how, its deletion was the end."""
    if has_ended(pod):
        return pod
    words = {"reason": "Evicted", "message": _DELETED}
    return {**pod, "status": {**pod["status"], "phase": "Failed", **words}}


def when_job_deleted(job: Object) -> Object:
    """A Job that is gone while its pods are not: they end it, and where none says how, its deletion did."""
    annotations = job["metadata"].get("annotations") or {}
    return job if names.VERDICT in annotations else annotated(job, {names.VERDICT: _JOB_DELETED.as_annotation()})


def annotated(job: Object, annotations: Mapping[str, str]) -> dict[str, Any]:
    """The same with more annotations."""
    several = {**(job["metadata"].get("annotations") or {}), **annotations}
    return {**job, "metadata": {**job["metadata"], "annotations": several}}


def waits_for(pod: Object) -> str:
    """Why a pod does not run yet, in the cluster's own words; empty when it is on its way."""
    waiting = _container(pod).get("state", {}).get("waiting") or {}
    return _why(pod, waiting) if waiting.get("reason") in WAITING_REASONS else _unschedulable(pod)


def hopeless(pod: Object, now: float, patience: Patience) -> Verdict | None:
    """The end of a pod that will not run, ``now`` in seconds since 1970; None as long as it may."""
    if has_ended(pod) or _running_since(pod) is not None or "deletionTimestamp" in pod["metadata"]:
        return _gone_with_its_node(pod, now)
    waited = now - seconds(pod["metadata"]["creationTimestamp"])
    waiting = _container(pod).get("state", {}).get("waiting") or {}
    cause, may_mend = WAITING_REASONS.get(str(waiting.get("reason")), (None, True))
    if cause is not None and (not may_mend or waited > patience.image):
        return Verdict(cause, _why(pod, waiting))
    if waited <= patience.start:
        return None
    if why := _unschedulable(pod):
        return Verdict(Cause.UNSCHEDULABLE, why)
    return Verdict(Cause.LAUNCH_FAILED, str(waiting.get("reason") or "the pod did not start in time"))


def seconds(moment: str) -> float:
    """A moment as the API server writes it, in seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()


def _ended(key: str, pod: Object, given: Verdict | None, *, stopped: bool) -> LaunchState:
    told = _certificate(pod)
    never_began = given is not None and _terminated(pod) is None
    verdict = given if given is not None and never_began else _of_pod(pod, told)
    times = _times(pod)
    numbers = {**_limits(pod), **{name: told[name] for name in _NUMBERS if told.get(name) is not None}}
    return _stated(key, _wished(verdict, stopped=stopped), {**times, **numbers})


def _stated(key: str, verdict: Verdict, numbers: Mapping[str, Any]) -> LaunchState:
    ended = {"exit_code": verdict.exit_code, "signal": verdict.signal, "message": verdict.message}
    return LaunchState.model_validate({**numbers, "key": key, "phase": "ended", "cause": verdict.cause, **ended})


def _wished(verdict: Verdict, *, stopped: bool) -> Verdict:
    """Who was asked to stop and was taken away meanwhile has stopped."""
    lost = (Cause.NODE_EVICTED, Cause.NODE_LOST, Cause.SUPERVISOR_LOST)
    return Verdict(Cause.STOPPED, "", verdict.exit_code, verdict.signal) if stopped and verdict.cause in lost else verdict


def _of_pod(pod: Object, told: Mapping[str, Any]) -> Verdict:
    """Why an ended pod ended."""
    code, number = told.get("exit_code"), told.get("signal")
    status = pod["status"]
    reason, words = str(status.get("reason", "")), str(status.get("message", ""))
    if reason.startswith("OutOf"):
        return Verdict(Cause.UNSCHEDULABLE, words or reason)
    if (cause := POD_REASONS.get(reason)) is not None:
        return Verdict(_at_fault(words) or cause, words or reason, code, number)
    if "cause" in told:
        said = str(told["cause"])
        cause = _CAUSES[said] if said in _CAUSES else Cause(said)
        return Verdict(cause, _sentence(pod, cause, told), code, number)
    verdict = _of_container(_terminated(pod) or {})
    untold = _terminated(pod) is None or verdict.cause is Cause.SUPERVISOR_LOST
    # who deletes a pod ends its supervisor, which may find no time to write how the program ended
    return Verdict(Cause.NODE_EVICTED, _DELETED) if untold and "deletionTimestamp" in pod["metadata"] else verdict


def _of_container(terminated: Mapping[str, Any]) -> Verdict:
    code = int(terminated.get("exitCode", -1))
    signal = code - 128 if code > 128 else None
    words = str(terminated.get("message", ""))
    if (cause := CONTAINER_REASONS.get(str(terminated.get("reason")))) is not None:
        return Verdict(cause, words, None if signal else code, signal)
    if code == _KILLED:
        return Verdict(Cause.SUPERVISOR_LOST, words, None, signal)
    return Verdict(Cause.LAUNCH_FAILED, words or f"the supervisor ended with {code}", code)


def _of_job(job: Object, pods: Sequence[Object]) -> Verdict | None:
    """What the Job says once there is no pod that could."""
    if pods:
        return None
    for condition in job.get("status", {}).get("conditions") or ():
        if condition.get("status") != "True":
            continue
        if condition["type"] == "Complete":
            return Verdict(Cause.EXITED, exit_code=0)
        if condition["type"] == "Failed":
            late = condition.get("reason") == "DeadlineExceeded"
            return Verdict(Cause.TIME_LIMIT if late else Cause.NODE_EVICTED, str(condition.get("message", "")))
    return None


def _kept(annotations: Mapping[str, str]) -> Verdict | None:
    try:
        kept = json.loads(annotations[names.VERDICT])
        return Verdict(Cause(kept["cause"]), str(kept["message"]))
    except (KeyError, ValueError, TypeError):
        return None


def _at_fault(words: str) -> Cause | None:
    return next((cause for mark, cause in _OWN_FAULT if mark in words), None)


def _sentence(pod: Object, cause: Cause, told: Mapping[str, Any]) -> str:
    if cause is Cause.NODE_EVICTED:
        conditions = pod["status"].get("conditions") or ()
        told_by_cluster = [str(one.get("message")) for one in conditions if one["type"] == "DisruptionTarget"]
        return next(filter(None, told_by_cluster), _DELETED)
    return str(told.get("message") or "")


def _certificate(pod: Object) -> dict[str, Any]:
    """What the supervisor wrote. The person's program could write there too, so only what is valid counts."""
    try:
        told = json.loads((_terminated(pod) or {})["message"])
        known = {name: told[name] for name in {*_NUMBERS, "cause", "message"} if name in told}
        if "cause" in known and known["cause"] not in _CAUSES:
            Cause(known["cause"])
        LaunchState.model_validate({**{name: known[name] for name in _NUMBERS if name in known}, "key": "x", "phase": "ended"})
    except (KeyError, ValueError, TypeError):
        return {}
    return known


def _limits(pod: Object) -> dict[str, int]:
    """What the pod was given, where its supervisor found no time to tell."""
    limits = (pod["spec"]["containers"][0].get("resources") or {}).get("limits") or {}
    memory = str(limits.get("memory", ""))
    return {"memory_limit": int(memory)} if memory.isdigit() else {}


def _times(pod: Object) -> dict[str, float]:
    terminated = _terminated(pod) or {}
    named = (("started_at", "startedAt"), ("ended_at", "finishedAt"))
    return {ours: seconds(moment) for ours, theirs in named if (moment := terminated.get(theirs))}


def _running_since(pod: Object) -> float | None:
    running = _container(pod).get("state", {}).get("running")
    return seconds(running["startedAt"]) if running else None


def _terminated(pod: Object) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = _container(pod).get("state", {}).get("terminated")
    return found


def _container(pod: Object) -> Mapping[str, Any]:
    several = pod["status"].get("containerStatuses") or ()
    return next((one for one in several if one["name"] in (names.CONTAINER, names.WORKSPACE)), {})


def _why(pod: Object, waiting: Mapping[str, Any]) -> str:
    """The kubelet's words with the image they are about."""
    words = str(waiting.get("message") or waiting["reason"])
    image = str(pod["spec"]["containers"][0]["image"])
    return words if image in words else f"{image}: {words}"


def _unschedulable(pod: Object) -> str:
    for condition in pod["status"].get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message", ""))
    return ""


def _gone_with_its_node(pod: Object, now: float) -> Verdict | None:
    """A deleted pod whose node does not answer stays for ever; its deletion's moment includes the grace it had."""
    deleted = pod["metadata"].get("deletionTimestamp")
    if deleted is None or has_ended(pod) or now - seconds(deleted) < LOST_AFTER:
        return None
    return Verdict(Cause.NODE_LOST, str(pod["spec"].get("nodeName", "")))
