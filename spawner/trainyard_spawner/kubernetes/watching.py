"""The Hub's watches of pods and events: KubeSpawner's own, but for how they wait for an API server that is away.

KubeSpawner waits twice as long after each try: an API server that was away for half a minute would be seen again by the Hub
half a minute after its return, and until then the Hub takes what it knew for true. Here it looks every two seconds.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import aiohttp
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from kubespawner.reflector import ResourceReflector
from kubespawner.spawner import EventReflector, PodReflector
from trainyard.home import Home
from traitlets import Instance, default

from trainyard_spawner.kubernetes import configuration as configurations
from trainyard_spawner.kubernetes.cluster import Object, away
from trainyard_spawner.kubernetes.configuration import Configuration

PAUSE_SECONDS = 2.0
REQUEST_SECONDS = 20
AWAY = (ApiException, aiohttp.ClientError, OSError, TimeoutError)


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


class WatchingSpawner(KubeSpawner):  # type: ignore[misc]
    """A KubeSpawner that watches the cluster which ``kubernetes.yaml`` describes."""

    configuration = Instance(Configuration, help="How the cluster is used.")

    @default("configuration")
    def _default_configuration(self) -> Configuration:
        return shared_configuration()

    @property
    def events(self) -> list[Object]:
        """None for KubeSpawner's own telling: it orders everybody's events by a time that not every event has."""
        return []

    def _pod(self) -> Object | None:
        found: Object | None = self.pod_reflector.pods.get(f"{self.namespace}/{self.pod_name}")
        return found

    def _get_reflector_key(self, kind: str) -> tuple[str, str | None]:
        """One watch of all namespaces where groups have their own."""
        return kind, None if self.configuration.group_namespaces else self.namespace

    async def _start_reflector(self, *given: Any, **more: Any) -> Any:
        changed = {
            "omit_namespace": bool(self.configuration.group_namespaces),
            "reflector_class": OURS[more["reflector_class"]],
        }
        return await super()._start_reflector(*given, **{**more, **changed})

    async def _watch(self) -> None:
        """Watch pods and events. KubeSpawner begins each watch once: one that gave up, or whose beginning was cut short because
        the person did not want to wait, would be waited for by everybody for ever; here it is begun anew.

        Raises:
            trainyard.errors.Unavailable: the cluster does not answer (``cluster-away``).
        """
        for kind, begin in (("pods", self._start_watching_pods), ("events", self._start_watching_events)):
            watch = self.reflectors.get(self._get_reflector_key(kind))
            if watch is not None and watch.watch_task is not None and not watch.watch_task.done():
                continue
            under_way = _beginning.get(kind)
            if under_way is None or under_way.done():
                begun = asyncio.wait_for(begin(replace=watch is not None), REQUEST_SECONDS)
                under_way = _beginning[kind] = asyncio.ensure_future(begun)
            try:
                await asyncio.shield(under_way)
            except AWAY as error:
                raise away(error) from error


_beginning: dict[str, asyncio.Future[Any]] = {}


@lru_cache(maxsize=1)
def shared_configuration() -> Configuration:
    """One for all spawners of this Hub."""
    return configurations.load(configurations.place_of(Home.from_environment()))
