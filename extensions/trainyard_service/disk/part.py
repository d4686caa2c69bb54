"""The background work about bytes: measuring every few minutes, sweeping at the start and once a day."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from trainyard_service.context import Context
from trainyard_service.disk import orphans, removed
from trainyard_service.disk.measure import PART, Measurer
from trainyard_service.disk.settings import DiskSettings

log = logging.getLogger(__name__)
_DAY = 86_400


@asynccontextmanager
async def disk_part(context: Context) -> AsyncIterator[None]:
    """Measure and sweep as long as the service runs."""
    settings = DiskSettings()
    measurer = context.parts[PART] = Measurer(context, settings)
    tasks = [asyncio.create_task(work) for work in (measurer.run(), _sweep(context, settings))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _sweep(context: Context, settings: DiskSettings) -> None:
    while True:
        try:
            gone = await asyncio.to_thread(orphans.sweep, context, settings.orphan_hours)
            emptied = await asyncio.to_thread(removed.empty, context.home, settings.removed_days)
            if gone or emptied:
                log.info("volume swept", extra={"orphans": len(gone), "deleted": len(emptied)})
        except Exception:
            log.exception("sweeping the volume failed")
        await asyncio.sleep(_DAY)
