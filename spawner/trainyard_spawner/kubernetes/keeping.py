"""Where the API server keeps our objects, and how they are made once and taken away for good."""

from __future__ import annotations

from trainyard.errors import Conflict
from trainyard.words import N_

from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.cluster import Cluster, Object, Refused

EXISTS, FORBIDDEN, NOT_FOUND = 409, 403, 404
NOT_OURS = "not-ours-on-cluster"
GROUPS = {"jobs": "/apis/batch/v1", "networkpolicies": "/apis/networking.k8s.io/v1"}
LOCAL_QUEUE = "LocalQueue"
BESIDE = ("NetworkPolicy", "ResourceQuota", "LimitRange", LOCAL_QUEUE)
"""Kinds an administrator may have made in the namespace of each group."""


def path_of(namespace: str, kind: str) -> str:
    """Where objects of ``kind`` lie; in all namespaces together where ``namespace`` is empty."""
    return f"{GROUPS.get(kind, '/api/v1')}{f'/namespaces/{namespace}' if namespace else ''}/{kind}"


def plural(kind: str) -> str:
    """What the API calls objects of a kind together, such as ``networkpolicies``."""
    word = kind.lower()
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}es" if word.endswith("s") else f"{word}s"


def collection_of(one: Object) -> str:
    """Where the like of ``one`` lies, by its own API version."""
    version, about = one["apiVersion"], one["metadata"]
    inside = f"/namespaces/{about['namespace']}" if "namespace" in about else ""
    return f"{'/apis' if '/' in version else '/api'}/{version}{inside}/{plural(one['kind'])}"


def where(one: Object) -> str:
    """The path of a Job or a pod."""
    about = one["metadata"]
    return f"{path_of(about['namespace'], 'pods' if 'containers' in one['spec'] else 'jobs')}/{about['name']}"


async def create_once(cluster: Cluster, path: str, wanted: Object) -> bool:
    """Whether it was made now; False: it is there already."""
    try:
        await cluster.post(path, wanted)
    except Refused as refused:
        if refused.status == EXISTS:
            return False
        raise
    return True


async def put_in_place(cluster: Cluster, path: str, wanted: Object) -> None:
    """Make it, in place of what an earlier start of ours has left under its name.

    Raises:
        Conflict: that is another platform's (``not-ours-on-cluster``).
    """
    place = f"{path}/{wanted['metadata']['name']}"
    while not await create_once(cluster, path, wanted):
        try:
            # an empty change tells the labels to who may not read Secrets
            found = await cluster.patch(place, {})
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            continue
        must_be_ours(found, wanted)
        await delete(cluster, place)


def must_be_ours(found: Object, wanted: Object) -> None:
    """Refuse to touch what belongs to another platform.

    Raises:
        Conflict: it does (``not-ours-on-cluster``).
    """
    theirs, ours = (one["metadata"].get("labels") or {} for one in (found, wanted))
    if any(theirs.get(name) != ours.get(name) for name in (names.MANAGED_BY, names.INSTANCE, names.HOME)):
        raise Conflict(
            NOT_OURS,
            N_("{name} in the namespace {namespace} of the cluster belongs to another platform."),
            hint=N_("Platforms whose people have workspaces need a namespace each; tell an administrator."),
            name=wanted["metadata"]["name"],
            namespace=wanted["metadata"].get("namespace", ""),
        )


async def delete(cluster: Cluster, path: str) -> None:
    """It is gone, whoever did it."""
    try:
        await cluster.delete(path)
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise
