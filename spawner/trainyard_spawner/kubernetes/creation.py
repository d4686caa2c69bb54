"""Making a workspace's pod once, also where the API server's answer was lost, and what a person is told when it says no."""

from __future__ import annotations

import json
from contextlib import suppress

from kubernetes_asyncio.client import ApiException

from trainyard_spawner.kubernetes import doctor, names, workspace_pod
from trainyard_spawner.kubernetes.cluster import Cluster, Object, Refused
from trainyard_spawner.kubernetes.keeping import EXISTS, NOT_FOUND, must_be_ours, path_of
from trainyard_spawner.kubernetes.watching import AWAY

ALREADY_EXISTS = "AlreadyExists"


async def make_once(cluster: Cluster, pods: str, wanted: Object) -> Object | None:
    """The pod ``wanted``, also of an earlier request whose answer was lost: it bears the same start's mark. None where another
    try may make it: a quota was changed meanwhile, or the pod that was in the way is gone.

    Raises:
        Refused: the API server says no, also where another start's pod has the name.
        Conflict: the pod of that name is another platform's (``not-ours-on-cluster``).
    """
    try:
        return await cluster.post(pods, wanted)
    except Refused as refused:
        if refused.status != EXISTS:
            raise
        if refused.reason != ALREADY_EXISTS:
            return None
        about = wanted["metadata"]
        try:
            there = await cluster.get(f"{pods}/{about['name']}")
        except Refused as missed:
            if missed.status != NOT_FOUND:
                raise
            return None
        must_be_ours(there, wanted)
        if there["metadata"].get("annotations", {}).get(names.START) != about["annotations"][names.START]:
            raise
        return there


async def give_away(cluster: Cluster, pod: Object) -> None:
    """The Secret ends with the pod, also where nobody ends the workspace."""
    about = pod["metadata"]
    with suppress(Refused, *AWAY):
        await cluster.patch(f"{path_of(about['namespace'], 'secrets')}/{about['name']}", workspace_pod.owner(pod))


def refused(error: Exception) -> Exception:
    """What a person is told when the API server says no; any other error as it is."""
    if isinstance(error, Refused):
        return doctor.refusal(error)
    if not isinstance(error, ApiException):
        return error
    try:
        words = str(json.loads(error.body or b"")["message"])
    except (KeyError, TypeError, ValueError):
        words = ""
    return doctor.refusal(Refused(int(error.status or 0), str(error.reason), words))
