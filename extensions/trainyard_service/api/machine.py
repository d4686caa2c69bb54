"""What the machine offers and who uses it: images, packages, usage."""

from __future__ import annotations

import os
import shutil
from typing import Any

import psutil
from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import NotFound
from trainyard.jobs.launch import Finding
from trainyard.records.jobs import Image, Package, Usage, UsageRow
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.api.datasets import ReadingDep
from trainyard_service.context import Context
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.jobs.ledger import use_of
from trainyard_service.jobs.offers import Asker, offered_packages
from trainyard_service.jobs.views import person
from trainyard_service.permissions import must_administrate

router = APIRouter(tags=["machine"])


@router.get("/images")
def list_images(reading: ReadingDep) -> list[Image]:
    """The catalogue with each image's state."""
    return images.catalogue(reading.context.home, reading.language)


@router.get("/packages")
def list_packages(reading: ReadingDep, group: str | None = None) -> list[Package]:
    """The resource packages for the caller in ``group`` (or without one)."""
    caller = reading.caller
    group_id = next((number for number, name in caller.groups.items() if name == group), None)
    if group is not None and group_id is None:
        raise NotFound("no-such-group", N_("There is no group {name} that you are a member of."), field="group", name=group)
    with reading.context.database.read() as session:
        return offered_packages(session, reading.engine.ledger, Asker(caller, group_id, reading.language))


@router.get("/usage")
def get_usage(reading: ReadingDep) -> Usage:
    """Capacity and what is given out; everybody sees own rows, administrators all."""
    with reading.context.database.read() as session:
        rows = list(session.scalars(select(AllocationRow).order_by(AllocationRow.since)))
        caller = reading.caller
        shown = [row for row in rows if caller.administrator or row.owner_id == caller.id]
        return Usage(
            capacity=reading.engine.ledger.capacity.machine,
            used=use_of(rows),
            rows=[_row(session, row) for row in shown],
            machine=_machine(reading.context) if caller.administrator else {},
        )


@router.get("/findings")
def list_findings(reading: ReadingDep) -> list[Finding]:
    """What the machine offers and what that means, as ``trainyard doctor`` says it; for administrators."""
    must_administrate(reading.caller)
    return list(reading.context.launcher.findings(reading.language))


def _row(session: Session, row: AllocationRow) -> UsageRow:
    job = session.get(JobRow, row.job_id) if row.job_id else None
    return UsageRow(
        person=person(row.owner),
        group=row.group.name if row.group else None,
        kind=job.kind if job else "workspace",
        name=job.name if job else row.key,
        use=use_of([row]),
        since=row.since,
    )


def _machine(context: Context) -> dict[str, Any]:
    """Measured now: load, free memory, free bytes of the volume."""
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(context.home.volume)
    return {
        "cores": psutil.cpu_count(),
        "load": os.getloadavg()[0],
        "memory_total": memory.total,
        "memory_available": memory.available,
        "volume_total": disk.total,
        "volume_free": disk.free,
        "running": sum(state.phase != "ended" for state in context.launcher.states()),
    }
