"""Work beside the service: what never ends by itself, what comes back every so often, and what is done once at the start.

When such work fails, that is logged and the rest goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.concurrency import run_in_threadpool

log = logging.getLogger(__name__)
_AGAIN_SECONDS = 1.0
Work = Coroutine[Any, Any, None]


async def lasting(work: Callable[[], Awaitable[None]]) -> None:
    """Do ``work`` until cancelled; when it ends or fails it begins again a moment later."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("%s failed and begins again", getattr(work, "__qualname__", work))
        await asyncio.sleep(_AGAIN_SECONDS)


async def every(seconds: float, what: str, work: Callable[[], object]) -> None:
    """Do ``work`` in a thread, now and every so many seconds, until cancelled."""
    while True:
        await once(what, work)
        await asyncio.sleep(seconds)


async def once(what: str, work: Callable[[], object]) -> None:
    """Do ``work`` in a thread."""
    try:
        await run_in_threadpool(work)
    except Exception:
        log.exception("looking after %s failed", what)


@asynccontextmanager
async def running(*works: Work) -> AsyncIterator[None]:
    """All ``works`` run at most as long as the block does."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def beside(*works: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Each of ``works`` goes on as long as the block does."""
    async with running(*(lasting(work) for work in works)):
        yield


def guarded(what: str, step: Callable[..., None], *arguments: Any, **more: Any) -> bool:
    """Whether it was done; the trouble of one job, or of one step, is logged and stays its own."""
    try:
        step(*arguments, **more)
    except Exception:
        log.exception("%s could not be reconciled", what, extra={"job": what})
        return False
    return True
