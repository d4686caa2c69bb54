"""The jobs' part of the service: engine, ledger and tokens in the context, and the reconciler running beside the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from trainyard.records.jobs import JobKind

from trainyard_service.context import Context, context_of
from trainyard_service.datasets.examining import ExamineKind
from trainyard_service.datasets.fetching import FetchKind
from trainyard_service.datasets.formatting import FormatKind
from trainyard_service.datasets.prepare import PrepareKind
from trainyard_service.graphs.run import PreprocessKind
from trainyard_service.jobs.booking import watch_bookings
from trainyard_service.jobs.engine import JobEngine
from trainyard_service.jobs.kinds import Kind
from trainyard_service.jobs.ledger import Capacity, Ledger
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.jobs.tokens import AttemptTokens
from trainyard_service.lasting import beside
from trainyard_service.trainings.alarms import watch_runs
from trainyard_service.trainings.curves import curves_of
from trainyard_service.trainings.kind import TrainKind
from trainyard_service.trainings.tensorboard import TensorBoards
from trainyard_service.trainings.watch import watch_volume
from trainyard_service.workspaces.idle import IdleWatch

_ENGINE = "jobs"


def install(context: Context, settings: JobSettings | None = None) -> JobEngine:
    """Make the engine of a context, once."""
    if _ENGINE not in context.parts:
        settings = settings or JobSettings()
        capacity = Capacity.of(settings, context.launcher.devices(), context.launcher.device_types())
        kinds: dict[JobKind, Kind] = {
            JobKind.PREPARE: PrepareKind(context),
            JobKind.EXAMINE: ExamineKind(context),
            JobKind.FORMAT: FormatKind(context),
            JobKind.FETCH: FetchKind(context),
            JobKind.PREPROCESS: PreprocessKind(context),
            JobKind.TRAIN: TrainKind(context),
        }
        context.job_tokens = AttemptTokens()
        context.parts[_ENGINE] = JobEngine(context, settings, Ledger(settings, capacity), kinds)
    engine: JobEngine = context.parts[_ENGINE]
    return engine


@asynccontextmanager
async def jobs_part(context: Context) -> AsyncIterator[None]:
    """Reconcile as long as the service runs."""
    engine = install(context)
    boards = context.parts.setdefault("tensorboards", TensorBoards(context, engine.settings))
    idle = IdleWatch(context, engine.settings)
    books = partial(watch_bookings, context, engine.ledger.capacity.types, engine.settings.booked_days)
    runs = partial(watch_runs, context)
    async with beside(engine.run, boards.cull, partial(watch_volume, context), runs, idle.run, books):
        yield
    await asyncio.to_thread(curves_of(context).close)


async def engine_of(request: Request) -> JobEngine:
    """The engine behind a request."""
    return install(context_of(request))


EngineDep = Annotated[JobEngine, Depends(engine_of)]
