"""The kernels: a few run ahead, each taken by one viewer, watched while shown, ended soon after their page is closed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from typing import Any

from trainyard.errors import TooMany
from trainyard.words import N_

from trainyard_pages.kernel import PageKernel, Place
from trainyard_pages.settings import Settings

log = logging.getLogger(__name__)
REFILL_DELAY = 1.5
WATCH_EVERY = 2.0
NEVER_OPENED = 60.0


class Pool:
    """All kernels of this process."""

    def __init__(self, settings: Settings, place: Place) -> None:
        self._settings = settings
        self._place = place
        self._ready: asyncio.Queue[PageKernel] = asyncio.Queue()
        self._given: dict[str, PageKernel] = {}
        self._starting = 0
        self._waiting: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    @property
    def ready(self) -> int:
        """Kernels that wait for a viewer."""
        return self._ready.qsize()

    @property
    def given(self) -> int:
        """Kernels that show a page."""
        return len(self._given)

    def start(self) -> None:
        """Fill the pool and watch it."""
        self._background(self._fill())
        self._background(self._watch())

    async def take(self, viewer: str, identity: dict[str, Any]) -> PageKernel:
        """A ready kernel, given to ``viewer``; waits for one to start when all are taken.

        Raises:
            TooMany: the viewer, or everybody together, has too many pages open.
        """
        self._waiting[viewer] += 1
        try:
            await self._make_room(viewer)
            if self._ready.empty():
                self._background(self._fill())
            kernel = await asyncio.wait_for(self._ready.get(), 30)
            while not kernel.alive:
                kernel = await asyncio.wait_for(self._ready.get(), 30)
            kernel.left = time.monotonic() + NEVER_OPENED - self._settings.grace
            kernel.give(viewer, identity)
            self._given[kernel.id] = kernel
        except TimeoutError as problem:
            raise _busy() from problem
        finally:
            self._waiting[viewer] -= 1
            self._waiting += Counter()  # forgets whom nobody waits for
        self._background(self._fill(REFILL_DELAY))
        return kernel

    def find(self, number: str, viewer: str) -> PageKernel | None:
        """The kernel ``number`` if it was given to ``viewer`` and still runs."""
        kernel = self._given.get(number)
        return kernel if kernel is not None and kernel.viewer == viewer and kernel.alive else None

    async def end(self, kernel: PageKernel) -> None:
        """End a kernel that was given away."""
        self._given.pop(kernel.id, None)
        await kernel.stop()

    async def stop(self) -> None:
        """End all kernels."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        ready = [self._ready.get_nowait() for _ in range(self._ready.qsize())]
        await asyncio.gather(*(kernel.stop() for kernel in [*ready, *self._given.values()]), return_exceptions=True)

    async def _make_room(self, viewer: str) -> None:
        """A page whose tab is gone gives way first; an open one never does. Who waits for a kernel counts as having one."""
        closed = sorted((k for k in self._given.values() if k.left is not None), key=lambda k: k.left or 0)
        own = [kernel for kernel in self._given.values() if kernel.viewer == viewer]
        if len(own) + self._waiting[viewer] > self._settings.kernels_per_viewer:
            gone = next((kernel for kernel in closed if kernel.viewer == viewer), None)
            if gone is None:
                raise TooMany(
                    "too-many-pages",
                    N_("You have {count} pages open, the most one person may have."),
                    hint=N_("Close some of them, then open this one again."),
                    count=self._settings.kernels_per_viewer,
                )
            await self.end(gone)
        if len(self._given) + self._waiting.total() > self._settings.kernels:
            if not closed:
                raise _busy()
            await self.end(closed[0])

    async def _fill(self, delay: float = 0) -> None:
        await asyncio.sleep(delay)
        missing = self._settings.pool + self._waiting.total() - self._ready.qsize() - self._starting
        self._starting += max(missing, 0)
        for number in range(missing):
            try:
                await self._add()
            finally:
                self._starting -= 1
            if number == missing - 1:
                log.info("pool filled", extra={"ready": self.ready, "given": self.given})

    async def _add(self) -> None:
        kernel = PageKernel(self._place)
        try:
            await kernel.start()
        except RuntimeError:
            log.exception("a page kernel could not be started")
            await asyncio.sleep(2)
        except asyncio.CancelledError:
            await kernel.stop()
            raise
        else:
            self._ready.put_nowait(kernel)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY)
            for kernel in list(self._given.values()):
                reason = self._why_end(kernel)
                if reason:
                    log.info("page kernel ended", extra={"kernel": kernel.id[:8], "reason": reason})
                    await self.end(kernel)
            if self.ready < self._settings.pool and not self._starting:
                self._background(self._fill())

    def _why_end(self, kernel: PageKernel) -> str:
        if not kernel.alive:
            return "it died"
        if kernel.left is not None and time.monotonic() - kernel.left > self._settings.grace:
            return "its page was closed"
        used = kernel.memory()
        if used > self._settings.kernel_memory:
            return f"it used {used} bytes, the limit is {self._settings.kernel_memory}"
        return ""

    def _background(self, work: Any) -> None:
        if self._closing:
            work.close()
            return
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        with contextlib.suppress(asyncio.CancelledError):
            if task.exception() is not None:
                log.error("a background task of the pool failed", exc_info=task.exception())


def _busy() -> TooMany:
    return TooMany(
        "pages-busy",
        N_("All page places are taken right now."),
        hint=N_("This page tries again by itself in a few seconds."),
    )
