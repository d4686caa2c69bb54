"""The storage part's background task: uploads that nobody goes on with expire."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

from trainyard_service.context import Context
from trainyard_service.storage import uploads
from trainyard_service.storage.filesystem import FileSystems

log = logging.getLogger(__name__)
_SECONDS = 3600


@asynccontextmanager
async def storage_part(context: Context) -> AsyncIterator[None]:
    """Expire uploads at start and every hour."""
    context.parts["storage_filesystem"] = FileSystems(context)
    task = asyncio.create_task(_expire(context))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _expire(context: Context) -> None:
    while True:
        try:
            for upload in await run_in_threadpool(uploads.expire, context):
                log.info("upload expired", extra={"upload": upload})
        except Exception:
            log.exception("expiring uploads failed")
        await asyncio.sleep(_SECONDS)
