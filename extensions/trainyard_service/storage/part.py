"""The storage part's background tasks: uploads that nobody goes on with expire, lost mounts are made again, copies are made,
keys of deleted accounts end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.concurrency import run_in_threadpool

from trainyard_service.context import Context
from trainyard_service.storage import copying, identities, uploads
from trainyard_service.storage.filesystem import FileSystems
from trainyard_service.storage.mounts import mounts_of

log = logging.getLogger(__name__)
_UPLOADS_SECONDS = 3600
_MOUNTS_SECONDS = 5
_KEYS_SECONDS = 600


@asynccontextmanager
async def storage_part(context: Context) -> AsyncIterator[None]:
    """Tidy up at start, and look after everything from time to time."""
    context.parts["storage_filesystem"] = FileSystems(context)
    mounts = mounts_of(context)
    works = (
        _repeat("uploads", _UPLOADS_SECONDS, lambda: _expire(context)),
        _repeat("mounts", _MOUNTS_SECONDS, mounts.mend),
        _repeat("copies", context.settings.copy_seconds, lambda: copying.work(context)),
        _repeat("keys of deleted accounts", _KEYS_SECONDS, lambda: identities.remove_leftovers(context)),
        _once("leftovers of mounts", mounts.tidy),
        _once("keys of buckets", lambda: identities.give_own_keys(context)),
    )
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _repeat(what: str, seconds: float, work: Callable[[], object]) -> None:
    while True:
        await _once(what, work)
        await asyncio.sleep(seconds)


async def _once(what: str, work: Callable[[], object]) -> None:
    try:
        await run_in_threadpool(work)
    except Exception:
        log.exception("looking after %s failed", what)


def _expire(context: Context) -> None:
    for upload in uploads.expire(context):
        log.info("upload expired", extra={"upload": upload})
