"""The Hub's watches of pods and events: KubeSpawner's own, but for how they wait for an API server that is away.

KubeSpawner waits twice as long after each try: an API server that was away for half a minute would be seen again by the Hub
half a minute after its return, and until then the Hub takes what it knew for true. Here it looks every two seconds.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import aiohttp
from kubernetes_asyncio.client import ApiException
from kubespawner.reflector import ResourceReflector
from kubespawner.spawner import EventReflector, PodReflector

PAUSE_SECONDS = 2.0


class _Waiting(ResourceReflector):  # type: ignore[misc]
    """A watch that outlasts every absence. The first list is none: who asks for a start is told at once."""

    async def _list_and_update(self, resource_version: str | None = None) -> str:
        while True:
            try:
                version: str = await super()._list_and_update(resource_version)
                return version
            except ApiException as refused:
                # what stands before an API server that is away answers in its place
                if self.watch_task is None or refused.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
                resource_version = "0"  # one restored from a backup has not come as far yet, and says so
            except (aiohttp.ClientError, OSError, TimeoutError):
                if self.watch_task is None:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)


class Pods(_Waiting, PodReflector):  # type: ignore[misc]
    """The workspaces' pods."""


class Events(_Waiting, EventReflector):  # type: ignore[misc]
    """What the cluster says about pods."""


OURS = {PodReflector: Pods, EventReflector: Events}
