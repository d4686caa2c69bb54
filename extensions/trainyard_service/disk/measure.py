"""Measuring in the background: everything every so many minutes, and single folders soon after they changed."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.disk import PreferenceRow
from trainyard_service.disk import plan
from trainyard_service.disk.books import stored
from trainyard_service.disk.measured import MEASURED, measured
from trainyard_service.disk.plan import Found, Task
from trainyard_service.disk.settings import DiskSettings
from trainyard_service.disk.telling import tell_full
from trainyard_service.disk.walk import TooMany, count
from trainyard_service.events import EVERYBODY, announce

log = logging.getLogger(__name__)
PART = "disk"
_GATHER_SECONDS = 1
_FEW = 200
"""So many files are counted at once: that is a hundredth of what a process for it costs."""
_BEGINS_AFTER = 15
"""Seconds: what a start of the platform does first is more urgent."""
_PATIENCE = 10
"""The next whole measurement begins after this many times what the last one took, if that is later."""


class Measurer:
    """Runs the walker and writes down what it found."""

    def __init__(self, context: Context, settings: DiskSettings) -> None:
        self.context = context
        self.settings = settings
        self._soon: set[str] = set()
        self._everything = False
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def soon(self, *places: str) -> None:
        """Measure ``datasets/<id>``, ``formatted/<id>`` or ``runs/<id>`` now; without places everything. From any thread."""

        def note() -> None:
            self._soon.update(places)
            self._everything = self._everything or not places
            self._wake.set()

        self._loop.call_soon_threadsafe(note)

    async def run(self) -> None:
        """Measure until cancelled."""
        due = time.monotonic() + _BEGINS_AFTER
        while True:
            await self._until(due)
            places, self._soon = self._soon, set()
            whole, self._everything = self._everything, False
            began = time.monotonic()
            try:
                await self.measure(None if whole else places)
            except Exception:
                log.exception("measuring the volume failed")
            if whole:
                due = began + max(self.settings.measure_minutes * 60, _PATIENCE * (time.monotonic() - began))

    async def _until(self, due: float) -> None:
        """Wait for somebody's wish, or until it is time to measure everything."""
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.0, due - time.monotonic()))
            # jobs that end together are measured together
            await asyncio.sleep(_GATHER_SECONDS)
        except TimeoutError:
            self._everything = True
        self._wake.clear()

    async def measure(self, places: set[str] | None = None) -> None:
        """Everything (None), or some places."""
        began = now()
        found, tasks = await asyncio.to_thread(self._begin, places)
        found += [one async for one in walked(tasks)]
        # what waits for room in a quota hears of it by the event
        await asyncio.to_thread(self._keep, found, began if places is None else None)

    def _begin(self, places: set[str] | None) -> tuple[list[Found], list[Task]]:
        """What single folders with few files came to, and the tasks that are left for the walker."""
        home, found, tasks = self.context.home, list[Found](), list[Task]()
        if places is None:
            with self.context.database.read() as session:
                return found, plan.everything(session, home, measured(session))
        for task in filter(None, (plan.one(home, place) for place in places)):
            try:
                counted = count(str(task.path), own=task.own, most=_FEW)
                found.append(Found(task, counted.bytes, counted.files))
            except TooMany:
                tasks.append(task)
        return found, tasks

    def _keep(self, found: Sequence[Found], began: datetime | None) -> None:
        with self.context.database.write() as session:
            plan.keep(session, found, whole=began is not None)
            if began is not None:
                value = {"at": began.isoformat(), "files": sum(one.files for one in found)}
                session.merge(PreferenceRow(key=MEASURED, value=value, at=began))
                session.flush()
                tell_full(session, stored(session))
            announce(session, "usage", "disk", EVERYBODY)


async def walked(tasks: Sequence[Task]) -> AsyncIterator[Found]:
    """The walker's answers, one after the other; it ends with whoever asks."""
    if not tasks:
        return
    argv = (sys.executable, "-m", "trainyard_service.disk.walk")
    walker = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert walker.stdin is not None
    assert walker.stdout is not None
    try:
        for task in tasks:
            walker.stdin.write(json.dumps({"path": str(task.path), "own": task.own}).encode() + b"\n")
            await walker.stdin.drain()
            line = await walker.stdout.readline()
            if not line:
                raise RuntimeError(f"the walker ended with {await walker.wait()}")
            told = json.loads(line)
            yield Found(task, told["bytes"], told["files"])
    finally:
        with suppress(ProcessLookupError):
            walker.kill()
        await walker.wait()


def measure_soon(context: Context, place: str) -> None:
    """Ask for one place, where measuring runs."""
    measurer: Measurer | None = context.parts.get(PART)
    if measurer is not None:
        measurer.soon(place)
