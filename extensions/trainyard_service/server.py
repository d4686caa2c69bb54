"""Uvicorn, which wakes ten times a second to see whether it shall end: here a signal wakes it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import FrameType

import uvicorn

_DATE_SECONDS = 1.0


class Server(uvicorn.Server):
    """Serves until a signal ends it. Once a second it renews the date that stands in its answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ends = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """See ``uvicorn.Server``."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ends.wait(), _DATE_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See ``uvicorn.Server``."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ends.set)
