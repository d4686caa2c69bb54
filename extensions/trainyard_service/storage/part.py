"""The storage part's background tasks: uploads that nobody goes on with expire, lost mounts are made again, copies are made,
keys of deleted accounts end."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trainyard_service.context import Context
from trainyard_service.lasting import every, once, running
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
    async with running(
        every(_UPLOADS_SECONDS, "uploads", lambda: _expire(context)),
        every(_MOUNTS_SECONDS, "mounts", mounts.mend),
        every(context.settings.copy_seconds, "copies", lambda: copying.work(context)),
        every(_KEYS_SECONDS, "keys of deleted accounts", lambda: identities.remove_leftovers(context)),
        once("leftovers of mounts", mounts.tidy),
        once("keys of buckets", lambda: identities.give_own_keys(context)),
    ):
        yield


def _expire(context: Context) -> None:
    for upload in uploads.expire(context):
        log.info("upload expired", extra={"upload": upload})
