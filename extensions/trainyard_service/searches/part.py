"""The searches' part of the service: their driver, beside the reconciler."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trainyard_service.context import Context
from trainyard_service.jobs.part import install
from trainyard_service.lasting import beside
from trainyard_service.searches.driver import SearchDriver


@asynccontextmanager
async def searches_part(context: Context) -> AsyncIterator[None]:
    """Drive searches as long as the service runs."""
    async with beside(SearchDriver(context, install(context)).run):
        yield
