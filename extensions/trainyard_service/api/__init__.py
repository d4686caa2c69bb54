"""The REST endpoints, one router a subject; ``ROUTERS`` is what the application serves."""

from __future__ import annotations

from fastapi import APIRouter

from trainyard_service.api import (
    accounts,
    audits,
    datasets,
    deletion,
    disk,
    formatted,
    groups,
    internal,
    jobs,
    machine,
    me,
    models,
    storage,
    stream,
    system,
    trainings,
    uploads,
    workspaces,
)

ROUTERS: tuple[APIRouter, ...] = (
    system.router,
    stream.router,
    me.router,
    accounts.router,
    deletion.router,
    groups.router,
    groups.defaults,
    disk.router,
    audits.router,
    internal.router,
    storage.router,
    uploads.router,
    datasets.router,
    formatted.router,
    jobs.router,
    machine.router,
    trainings.router,
    models.router,
    workspaces.router,
    workspaces.internal,
)
