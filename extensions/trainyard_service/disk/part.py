"""The background work about bytes: measuring every few minutes, sweeping at the start and once a day."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from trainyard_service.context import Context
from trainyard_service.disk import orphans, removed
from trainyard_service.disk.measure import PART, Measurer
from trainyard_service.disk.settings import DiskSettings
from trainyard_service.jobs import kept
from trainyard_service.lasting import every, lasting, running

log = logging.getLogger(__name__)
_DAY = 86_400


@asynccontextmanager
async def disk_part(context: Context) -> AsyncIterator[None]:
    """Measure and sweep as long as the service runs."""
    settings = DiskSettings()
    measurer = context.parts[PART] = Measurer(context, settings)
    async with running(lasting(measurer.run), every(_DAY, "leftovers on the volume", partial(_sweep, context, settings))):
        yield


def _sweep(context: Context, settings: DiskSettings) -> None:
    gone = orphans.sweep(context, settings.orphan_hours)
    emptied = removed.empty(context.home, settings.removed_days)
    with context.database.read() as session:
        kept.clear(context.home, session)
    if gone or emptied:
        log.info("volume swept", extra={"orphans": len(gone), "deleted": len(emptied)})
