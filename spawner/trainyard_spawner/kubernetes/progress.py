"""What who waits for a workspace is told: the cluster's events in words, and why the pod has no place yet."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
from kubernetes_asyncio.client import ApiException

from trainyard_spawner.admitted import AdmittedSpawner
from trainyard_spawner.kubernetes import waiting
from trainyard_spawner.kubernetes.cluster import Object
from trainyard_spawner.kubernetes.verdicts import waits_for
from trainyard_spawner.kubernetes.watching import AWAY, WatchingSpawner

LOOK_SECONDS = waiting.LOOK_SECONDS
COUNT_SECONDS = 5.0


class TellingSpawner(AdmittedSpawner, WatchingSpawner):
    """A spawner whose starts tell what the cluster does."""

    _gpus = 0
    _counted = (float("-inf"), "")

    async def _tell_events(self) -> None:
        """For ever: what the cluster says about the pod, each thing once; why it has no place as often as that changes."""
        told: set[str] = {""}
        percentage, last = 20, ""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            watch = self.event_reflector if self.key else None
            several = _told.about(self.namespace, self.pod_name, watch) if watch else ()
            words = [waiting.in_words(event, self.image, self.language) for event in several]
            if (now := await self._without_a_place()) != last:
                told.discard(now or last)
                words.append(last := now)
            for said in words:
                if said not in told:
                    told.add(said)
                    percentage += (75 - percentage) // 4
                    self._tell(percentage, said)

    async def _without_a_place(self) -> str:
        """Why the pod has no node yet, in words; empty when it has one, or none was looked for."""
        pod = self._pod() if self.key else None
        why = "" if pod is None or "nodeName" in pod["spec"] else waits_for(pod)
        if not why:
            return ""
        if self.configuration.gpu_resource not in why:
            return waiting.no_room(why, self.language)
        if time.monotonic() - self._counted[0] > COUNT_SECONDS:
            self._counted = time.monotonic(), await self._gpus_in_words() or waiting.no_room(why, self.language)
        return self._counted[1]

    async def _gpus_in_words(self) -> str:
        """Where GPUs are free; empty where this Hub may not see that, or somebody's pod or node cannot be read."""
        try:
            nodes = await self._list(self.api.list_node)
            pods = await self._list(self.api.list_pod_for_all_namespaces, self.api.list_namespaced_pod)
            free = waiting.free_gpus(nodes, pods, self.configuration.gpu_resource)
        except (*AWAY, KeyError, TypeError, ValueError):
            return ""
        return waiting.waits_for_gpus(self._gpus, free, self.language)

    async def _list(self, whole: Any, ours: Any = None) -> list[Object]:
        """The items of a list of the whole cluster, or of our namespace where that one may not be read."""
        try:
            answer = await whole(_preload_content=False)
            answer.raise_for_status()
        except (ApiException, aiohttp.ClientResponseError):
            if ours is None:
                raise
            answer = await ours(self.namespace, _preload_content=False)
            answer.raise_for_status()
        items: list[Object] = json.loads(await answer.read())["items"]
        return items


_told = waiting.Told()
