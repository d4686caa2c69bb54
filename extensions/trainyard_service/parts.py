"""Background tasks that run as long as the service: each takes the context and is an asynchronous context manager."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from trainyard_service.context import Context
from trainyard_service.disk.part import disk_part
from trainyard_service.jobs.part import jobs_part
from trainyard_service.neighbours import neighbours_part
from trainyard_service.searches.part import searches_part
from trainyard_service.storage.part import storage_part

PARTS: tuple[Callable[[Context], AbstractAsyncContextManager[None]], ...] = (
    neighbours_part,
    storage_part,
    jobs_part,
    searches_part,
    disk_part,
)
