"""A terminal inside a pod: what the API server's exec channels carry, as the launcher's ``Console``.

Channels of ``v4.channel.k8s.io``: 0 typed, 1 output, 3 the end as a Status object, 4 the size. The connection belongs to the
event loop of whoever opened it.
"""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.cluster import Cluster, away
from trainyard_spawner.kubernetes.configuration import Configuration

if TYPE_CHECKING:
    from trainyard.jobs.launch import Console

TYPED, OUTPUT, STATUS, SIZE = b"\0", 1, 3, b"\4"
CHUNK = 65536


class PodConsole:
    """A terminal in the pod of a launch. ``exit_code`` is set once the program has ended."""

    def __init__(self, socket: Any, opened: AsyncExitStack) -> None:
        self._socket = socket
        self._opened = opened
        self.exit_code: int | None = None

    @classmethod
    async def open(cls, configuration: Configuration, pod: str, argv: tuple[str, ...], size: tuple[int, int]) -> PodConsole:
        """Run ``argv`` in the pod whose path is ``pod``, on a terminal of ``size`` columns and rows.

        Raises:
            trainyard.errors.Unavailable: the cluster does not answer, or the pod is gone.
        """
        import aiohttp

        try:
            async with AsyncExitStack() as opening:
                cluster = await Cluster.connect(configuration.kubeconfig, configuration.context)
                opening.push_async_callback(cluster.close)
                command = (*names.COMMAND, "console", *argv)
                socket = await opening.enter_async_context(cluster.execute(pod, names.CONTAINER, command, terminal=True))
                console = cls(socket, opening.pop_all())
            await console.resize(*size)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise away(error) from error
        return console

    async def read(self) -> bytes:
        """The next output; empty at the end."""
        import aiohttp

        while True:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.BINARY:
                return b""
            channel, data = message.data[0], bytes(message.data[1:])
            if channel == OUTPUT and data:
                return data
            if channel == STATUS and data:
                self.exit_code = exit_code(json.loads(data))

    async def write(self, data: bytes) -> None:
        """Send what was typed."""
        for start in range(0, len(data), CHUNK):
            await self._socket.send_bytes(TYPED + data[start : start + CHUNK])

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal's new size in characters."""
        await self._socket.send_bytes(SIZE + json.dumps({"Width": columns, "Height": rows}).encode())

    async def close(self) -> None:
        """Hang up: the program inside gets SIGHUP."""
        await self._opened.aclose()


def exit_code(status: dict[str, Any]) -> int | None:
    """The code in the Status an executed program ends with; None where the program could not be run."""
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or ()
    return next((int(one["message"]) for one in causes if one.get("reason") == "ExitCode"), None)


if TYPE_CHECKING:

    def _fits(console: PodConsole) -> Console:
        return console
