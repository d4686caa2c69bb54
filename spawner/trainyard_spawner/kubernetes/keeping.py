"""Where the API server keeps our objects, and how they are made once and taken away for good."""

from __future__ import annotations

from trainyard_spawner.kubernetes.cluster import Cluster, Object, Refused

EXISTS, NOT_FOUND = 409, 404
GROUPS = {"jobs": "/apis/batch/v1", "networkpolicies": "/apis/networking.k8s.io/v1"}
PLURALS = {
    "Namespace": "namespaces",
    "PersistentVolume": "persistentvolumes",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "NetworkPolicy": "networkpolicies",
    "ResourceQuota": "resourcequotas",
    "LimitRange": "limitranges",
    "LocalQueue": "localqueues",
}
LOCAL_QUEUE = "LocalQueue"
BESIDE = ("NetworkPolicy", "ResourceQuota", "LimitRange", LOCAL_QUEUE)
"""Kinds an administrator may have made in the namespace of each group."""
WHOLE = ("namespaces", "persistentvolumes")
"""Kinds that belong to the cluster and to no namespace."""


def path_of(namespace: str, kind: str) -> str:
    """Where objects of ``kind`` lie; in all namespaces together where ``namespace`` is empty."""
    where = f"/namespaces/{namespace}" if namespace and kind not in WHOLE else ""
    return f"{GROUPS.get(kind, '/api/v1')}{where}/{kind}"


def collection_of(one: Object) -> str:
    """Where the like of ``one`` lies, by its own API version."""
    version, kind = one["apiVersion"], PLURALS[one["kind"]]
    inside = f"/namespaces/{one['metadata']['namespace']}" if kind not in WHOLE else ""
    return f"{'/apis' if '/' in version else '/api'}/{version}{inside}/{kind}"


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


async def delete(cluster: Cluster, path: str) -> None:
    """It is gone, whoever did it."""
    try:
        await cluster.delete(path)
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise
