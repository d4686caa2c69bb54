"""Work beside the service that never ends by itself: when it fails, that is logged and it begins again a moment later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

log = logging.getLogger(__name__)
_AGAIN_SECONDS = 1.0


async def lasting(work: Callable[[], Awaitable[None]]) -> None:
    """Do ``work`` until cancelled."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("%s failed and begins again", getattr(work, "__qualname__", work))
        await asyncio.sleep(_AGAIN_SECONDS)


@asynccontextmanager
async def beside(*works: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Each of ``works`` goes on as long as the block does."""
    tasks = [asyncio.create_task(lasting(work)) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
