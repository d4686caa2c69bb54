"""Where Kueue is installed, it admits jobs: they are made suspended, and Kueue lets them go when it has room. Pure functions.

Labels and the way of admission: https://kueue.sigs.k8s.io/docs/tasks/run/jobs/. Only ``batch/v1`` Jobs are handed to it;
workspaces are people who wait, and are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainyard.words import N_, translate

from trainyard_spawner.kubernetes.cluster import Cluster

Object = dict[str, Any]
GROUP = "kueue.x-k8s.io"
QUEUE = f"{GROUP}/queue-name"
_WAITS = N_("waits for admission in Kueue's queue {queue}")


def is_offered(groups: Mapping[str, Any]) -> bool:
    """Whether the API server's list of groups (``/apis``) has Kueue's."""
    return any(one.get("name") == GROUP for one in groups.get("groups") or ())


async def find(cluster: Cluster) -> bool:
    """Whether Kueue is installed."""
    return is_offered(await cluster.get("/apis"))


def handed_over(job: Object, queue: str) -> Object:
    """``job``, to be admitted by Kueue's LocalQueue ``queue``."""
    metadata = job["metadata"]
    labels = {**metadata["labels"], QUEUE: queue}
    return {**job, "metadata": {**metadata, "labels": labels}, "spec": {**job["spec"], "suspend": True}}


def waits(job: Mapping[str, Any]) -> str:
    """Why a Job that Kueue holds does not begin, in English like all the cluster says; empty when it does."""
    if not job.get("spec", {}).get("suspend"):
        return ""
    queue = (job["metadata"].get("labels") or {}).get(QUEUE, "")
    return translate(_WAITS, "en", queue=queue) if queue else ""
