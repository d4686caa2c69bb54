"""The platform's end of a console: what ``trainyard_spawner.inside.terminal`` serves, as an asynchronous object."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trainyard_spawner.inside.terminal import CHUNK, Frames, frame

if TYPE_CHECKING:
    from trainyard.jobs.launch import Console


class SandboxConsole:
    """A terminal inside a sandbox. ``exit_code`` is set once the program has ended."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = Frames()
        self._ready: list[bytes] = []
        self.exit_code: int | None = None

    @classmethod
    async def open(cls, folder: Path, argv: tuple[str, ...], columns: int, rows: int) -> SandboxConsole:
        """Connect to the sandbox whose launch folder is ``folder`` and run ``argv`` there."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            # through the descriptor, because the address of a unix socket has 107 characters at most
            reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{descriptor}/console.sock")
        finally:
            os.close(descriptor)
        console = cls(reader, writer)
        await console._send(b"o", json.dumps({"argv": argv, "columns": columns, "rows": rows}).encode())
        return console

    async def read(self) -> bytes:
        """The next output; empty at the end."""
        while not self._ready:
            data = await self._receive()
            if not data or self.exit_code is not None:
                return b""
            for kind, payload in self._frames.feed(data):
                if kind == b"d":
                    self._ready.append(payload)
                elif kind == b"x":
                    self.exit_code = json.loads(payload)
            if self.exit_code is not None and not self._ready:
                return b""
        return self._ready.pop(0)

    async def write(self, data: bytes) -> None:
        """Send what was typed."""
        for start in range(0, len(data), CHUNK):
            await self._send(b"d", data[start : start + CHUNK])

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal's new size in characters."""
        await self._send(b"r", json.dumps([columns, rows]).encode())

    async def close(self) -> None:
        """Hang up: the program inside gets SIGHUP."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _receive(self) -> bytes:
        try:
            return await self._reader.read(CHUNK)
        except OSError:
            return b""

    async def _send(self, kind: bytes, payload: bytes) -> None:
        self._writer.write(frame(kind, payload))
        await self._writer.drain()


if TYPE_CHECKING:

    def _fits(console: SandboxConsole) -> Console:
        return console
