"""Secrets of launches that belong to nothing: a start makes its Secret first, and was killed before the Secret was its Job's or
its workspace's pod's.

Such a Secret is given to what has its name, or goes where there is nothing. One that is seen for the first time may be that of
a start under way: it is left alone until the next look, and no start takes that long.
"""

from __future__ import annotations

import asyncio
import logging
import threading

from trainyard_spawner.kubernetes import names, objects, workspace_pod
from trainyard_spawner.kubernetes.cluster import Cluster, Object, Refused
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.keeping import EXISTS, NOT_FOUND, path_of
from trainyard_spawner.kubernetes.mirror import Mirror, is_pod

log = logging.getLogger(__name__)
LOOK_SECONDS = 600.0


class LeftSecrets:
    """Looks after one platform's, as long as the process lives."""

    def __init__(self, configuration: Configuration, mirror: Mirror) -> None:
        self._configuration = configuration
        self._mirror = mirror
        self._lock = threading.Lock()
        self._watching = False

    def watch(self) -> None:
        """Begin to look; again is fine."""
        with self._lock:
            first, self._watching = not self._watching, True
        if first:
            self._mirror.spawn(self._look)

    async def _look(self, cluster: Cluster) -> None:
        import aiohttp

        seen = frozenset[str]()
        while True:
            try:
                seen = await settle(cluster, self._configuration, seen)
            except (Refused, aiohttp.ClientError, OSError, TimeoutError) as error:
                log.warning("Secrets that belong to nothing stay for now: %r", error)
            await asyncio.sleep(LOOK_SECONDS)


async def settle(cluster: Cluster, configuration: Configuration, seen: frozenset[str]) -> frozenset[str]:
    """Settle what was ``seen`` belonging to nothing at the last look and still does; the uids of all that do now."""
    everywhere = bool(configuration.group_namespaces)
    place = path_of("" if everywhere else configuration.namespace, "secrets")
    found = await cluster.metadata(place, labelSelector=names.selector(configuration.name))
    ours = [one for one in found if not everywhere or names.is_home_of(configuration.namespace, one)]
    left = [one["metadata"] for one in ours if not one["metadata"].get("ownerReferences")]
    for about in left:
        if about["uid"] in seen:
            await _settle(cluster, about)
    return frozenset(about["uid"] for about in left)


async def _settle(cluster: Cluster, about: Object) -> None:
    """Nothing happens to a Secret that was changed, or made anew, since it was looked at."""
    path = f"{path_of(about['namespace'], 'secrets')}/{about['name']}"
    this = {"uid": about["uid"], "resourceVersion": about["resourceVersion"]}
    try:
        holder = await _holder(cluster, about)
        if holder is None:
            await cluster.delete(path, {"preconditions": this})
        elif "deletionTimestamp" not in holder["metadata"]:
            owner = workspace_pod.owner(holder) if is_pod(holder) else objects.owner(holder)
            await cluster.patch(path, {"metadata": {**owner["metadata"], **this}})
    except Refused as refused:
        if refused.status not in (NOT_FOUND, EXISTS):
            raise


async def _holder(cluster: Cluster, about: Object) -> Object | None:
    """The Job or the workspace's pod of the Secret's launch."""
    for kind in ("jobs", "pods"):
        try:
            return await cluster.get(f"{path_of(about['namespace'], kind)}/{about['name']}")
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
    return None
