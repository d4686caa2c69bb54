"""Ports that programs in pods listen on, reached without a way into the pods' network: a loopback port of ours for each.

Each connection is carried by a program executed in the pod, so what listens may do so on the pod's own loopback, where no
other pod reaches it, whether or not the cluster enforces network policies. Gates are this process's: another one opens its own.
Their connections to the API server are their own too: whoever opens many keeps nobody from starting and stopping launches.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from trainyard.errors import Unavailable

from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.cluster import Cluster
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.console import CHUNK, OUTPUT, STATUS, TYPED
from trainyard_spawner.kubernetes.mirror import Mirror

log = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"
MOST_VISITS = 16
"""So many connections a gate carries at once, each by a program in the pod; the next ones wait."""


class Gates:
    """The open gates by their launches' keys."""

    def __init__(self, mirror: Mirror, configuration: Configuration) -> None:
        self._mirror = mirror
        self._configuration = configuration
        self._cluster: Cluster | None = None
        self._lock = threading.Lock()
        self._open: dict[str, Gate] = {}

    def address(self, key: str, pod: str, port: int) -> str | None:
        """Where ``port`` of the pod with this path is reached from here; None where no gate could be opened this time."""
        with self._lock:
            gate = self._open.get(key)
            if gate is None or gate.pod != pod:
                self._close(key)
                gate = Gate(pod, port)
                try:
                    self._mirror.run(lambda _: self._begin(gate))
                except Unavailable as error:
                    log.warning("no way to port %s of %s: %s", port, pod, error)
                    return None
                self._open[key] = gate
            return gate.address

    def close(self, key: str) -> None:
        """Nobody is let in any more; unknown keys are fine."""
        with self._lock:
            self._close(key)

    def close_all(self) -> None:
        """End what this process holds."""
        with self._lock:
            for key in list(self._open):
                self._close(key)
            if self._cluster is not None:
                self._mirror.run(lambda _: self._end())

    def _close(self, key: str) -> None:
        if (gate := self._open.pop(key, None)) is not None:
            self._mirror.run(lambda _: gate.close())

    async def _begin(self, gate: Gate) -> None:
        if self._cluster is None:
            self._cluster = await Cluster.connect(self._configuration.kubeconfig, self._configuration.context)
        await gate.open(self._cluster)

    async def _end(self) -> None:
        if self._cluster is not None:
            await self._cluster.close()
            self._cluster = None


@dataclass
class Gate:
    """One port of one pod; lives on the mirror's event loop."""

    pod: str
    port: int
    address: str = ""
    _server: asyncio.Server | None = None
    _visits: set[asyncio.Task[Any]] = field(default_factory=set)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_VISITS))

    async def open(self, cluster: Cluster) -> None:
        """Listen."""

        async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._visits.add(task)
            try:
                async with self._room:
                    await self._carry(cluster, reader, writer)
            finally:
                self._visits.discard(task)
                writer.close()

        self._server = await asyncio.start_server(visit, LOOPBACK, 0)
        self.address = f"{LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for task in (visits := list(self._visits)):
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)

    async def _carry(self, cluster: Cluster, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import aiohttp

        command = (*names.COMMAND, "connect", str(self.port))
        try:
            async with cluster.execute(self.pod, names.CONTAINER, command, terminal=False, typed=True) as socket:
                feeding = asyncio.create_task(_feed(reader, socket))
                try:
                    await _answer(socket, writer)
                finally:
                    feeding.cancel()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.warning("port %s of %s was not reached: %r", self.port, self.pod, error)


async def _feed(reader: asyncio.StreamReader, socket: Any) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK):
            await socket.send_bytes(TYPED + data)
    await socket.close()


async def _answer(socket: Any, writer: asyncio.StreamWriter) -> None:
    import aiohttp

    async for message in socket:
        if message.type is not aiohttp.WSMsgType.BINARY:
            continue
        channel = message.data[0]
        if channel == STATUS:
            return
        if channel == OUTPUT:
            writer.write(message.data[1:])
            await writer.drain()
