"""A job's log: a file in a folder that people may write to, read by position and watched as it grows."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainyard.metrics.beneath import open_beneath
from watchfiles import awatch

from trainyard_service.events import EventBus

_WATCH_MILLISECONDS = 50
_SLOW_SECONDS = 10


@dataclass(frozen=True)
class LogFile:
    """``relative`` below the trusted folder ``root``; a log that is not there yet is empty."""

    root: Path
    relative: str

    def read(self, offset: int, limit: int) -> tuple[bytes, int, int]:
        """At most ``limit`` bytes from ``offset`` (negative: from the end), where they begin, and the log's size."""
        try:
            with open_beneath(self.root, self.relative) as file:
                size = os.fstat(file.fileno()).st_size
                first = max(0, size + offset) if offset < 0 else min(offset, size)
                file.seek(first)
                return file.read(limit), first, size
        except (OSError, ValueError):
            return b"", 0, 0

    def size(self) -> int:
        """Its size in bytes."""
        return self.read(0, 1)[2]


async def changes(logs: Sequence[LogFile], events: EventBus, job_id: str, until: asyncio.Task[None]) -> AsyncIterator[None]:
    """At once, then whenever one of the logs may have grown or the job changed; ends when ``until`` is done."""
    changed = asyncio.Event()
    changed.set()
    watchers = [asyncio.create_task(_watch_folder(folder, names, changed)) for folder, names in _by_folder(logs).items()]
    watchers.append(asyncio.create_task(_watch_job(events, job_id, changed)))
    until.add_done_callback(lambda _task: changed.set())
    try:
        while not until.done():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _SLOW_SECONDS)
            changed.clear()
            if not until.done():
                yield
    finally:
        for watcher in watchers:
            watcher.cancel()


def _by_folder(logs: Sequence[LogFile]) -> dict[Path, set[str]]:
    """The folders to watch, and the names of the logs in them."""
    found: dict[Path, set[str]] = {}
    for log in logs:
        path = log.root / log.relative
        found.setdefault(path.parent if path.parent.is_dir() else log.root, set()).add(path.name)
    return found


async def _watch_folder(folder: Path, names: set[str], changed: asyncio.Event) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        watched = awatch(folder, recursive=False, step=_WATCH_MILLISECONDS, debounce=4 * _WATCH_MILLISECONDS)
        async for found in watched:
            if any(Path(name).name in names for _, name in found):
                changed.set()


async def _watch_job(events: EventBus, job_id: str, changed: asyncio.Event) -> None:
    async with events.subscribe() as news:
        async for event in news:
            if event.topic == "job" and event.id == job_id:
                changed.set()
