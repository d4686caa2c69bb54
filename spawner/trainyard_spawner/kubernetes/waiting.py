"""What a person who waits for a workspace is told: the cluster's events in words, and where GPUs are free.

Reasons are those of scheduler, kubelet and autoscaler: ``k8s.io/kubernetes`` ``pkg/kubelet/events/event.go``,
``pkg/scheduler/scheduler.go``; ``k8s.io/autoscaler`` ``cluster-autoscaler/processors/status``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

from trainyard.words import N_, translate

Object = Mapping[str, Any]
LOOK_SECONDS = 0.3
"""How often who waits looks at what the cluster says."""
MOST_NODES = 4
"""So many nodes are named, those with most free; nobody reads twenty."""
_OVER = ("Succeeded", "Failed")
_IMAGE = "image"
# what says nothing to who waits is empty
_WORDS = {
    "Scheduled": N_("A place was found on {node}."),
    "Pulling": N_("Fetching the image {image}; the first time on a machine this may take minutes."),
    "Pulled": N_("The image is there."),
    "Created": "",
    "FailedScheduling": "",
    "MissingClusterDNS": "",
    "Started": "",
    "TriggeredScaleUp": N_("The cluster is adding a machine."),
    "FailedMount": N_("A volume cannot be mounted yet: {message}"),
    "FailedAttachVolume": N_("A volume cannot be mounted yet: {message}"),
}
_UNPULLABLE = N_("The image cannot be fetched yet: {message}")


def free_gpus(nodes: Sequence[Object], pods: Sequence[Object], resource: str) -> dict[str, int]:
    """How many of ``resource`` each node that has some could give away now, as far as ``pods`` tell; by node."""
    free = {
        node["metadata"]["name"]: amount
        for node in nodes
        if (amount := int(node["status"].get("allocatable", {}).get(resource, 0))) and not node["spec"].get("unschedulable")
    }
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if node in free and pod["status"].get("phase") not in _OVER:
            free[node] -= _asked(pod, resource)
    return {node: max(0, amount) for node, amount in free.items()}


def waits_for_gpus(wanted: int, free: Mapping[str, int], language: str) -> str:
    """Why a pod that wants GPUs waits: ``Waiting for 2 GPUs: 1 free on node a, 1 on node b``."""
    if not free:
        return translate(N_("Waiting for {wanted} GPUs: no node of the cluster has any."), language, wanted=wanted)
    most = sorted(free.items(), key=lambda one: (-one[1], one[0]))
    (node, amount), *others = most[:MOST_NODES]
    parts = [translate(N_("{free} free on node {node}"), language, free=amount, node=node)]
    parts += [translate(N_("{free} on node {node}"), language, free=amount, node=node) for node, amount in others]
    if (more := len(most) - MOST_NODES) > 0:
        parts.append(translate(N_("no more than that on {more} others"), language, more=more))
    where = translate(N_(", "), language).join(parts)
    return translate(N_("Waiting for {wanted} GPUs: {where}"), language, wanted=wanted, where=where)


def in_words(event: Object, image: str, language: str) -> str:
    """One event of a pod; empty where it says nothing to a person."""
    reason, message = str(event.get("reason") or ""), str(event.get("message") or "")
    if reason in ("Failed", "BackOff") and _IMAGE in message:
        return translate(_UNPULLABLE, language, message=message)
    words = _WORDS.get(reason)
    if words is None:
        return message
    return translate(words, language, node=message.rpartition(" ")[2], image=image, message=message)


def no_room(message: str, language: str) -> str:
    """Why a pod has no node, in the scheduler's numbers."""
    return translate(N_("Waiting for room on the cluster: {message}"), language, message=message)


class Told:
    """Events by their pods, sorted out once for all who look within ``LOOK_SECONDS``: each for itself would go over all."""

    def __init__(self) -> None:
        self._read, self._by_pod = float("-inf"), dict[tuple[str, str], list[Object]]()

    def about(self, namespace: str, pod: str, source: Any) -> Sequence[Object]:
        """What was said about a pod, oldest first; ``source.resources`` has what was said about any, others' ones too."""
        if monotonic() - self._read >= LOOK_SECONDS:
            self._by_pod = by_pod(source.resources.values())
            self._read = monotonic()
        return sorted(self._by_pod.get((namespace, pod), ()), key=_time)


def by_pod(events: Iterable[Object]) -> dict[tuple[str, str], list[Object]]:
    """Events by namespace and name of their pods."""
    several: dict[tuple[str, str], list[Object]] = {}
    for event in events:
        about = event.get("involvedObject") or {}
        several.setdefault((about.get("namespace", ""), about.get("name", "")), []).append(event)
    return several


def _time(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _asked(pod: Object, resource: str) -> int:
    return sum(int(one.get("resources", {}).get("limits", {}).get(resource, 0)) for one in pod["spec"]["containers"])
