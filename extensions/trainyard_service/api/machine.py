"""What the machine offers and who uses it: images, packages, usage."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from typing import Annotated, Any

import psutil
from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import NotFound
from trainyard.jobs.launch import Finding
from trainyard.records.hours import BookedHours
from trainyard.records.jobs import Image, Package, Usage, UsageRow
from trainyard.records.resources import DeviceType
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.api.datasets import ReadingDep
from trainyard_service.context import Context
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.jobs import clusters
from trainyard_service.jobs.booked_hours import Machine, booked_hours, month_named
from trainyard_service.jobs.ledger import Capacity, use_of
from trainyard_service.jobs.offers import Asker, offered_packages
from trainyard_service.jobs.views import person
from trainyard_service.permissions import must_administrate

router = APIRouter(tags=["machine"])


@router.get("/images")
def list_images(reading: ReadingDep) -> list[Image]:
    """The catalogue with each image's state."""
    return images.shown(reading.context.settings, reading.language)


@router.get("/packages")
def list_packages(
    reading: ReadingDep,
    group: str | None = None,
    cluster: str | None = None,
    everything: Annotated[bool, Query(alias="all")] = False,
) -> list[Package]:
    """The resource packages for the caller in ``group``, or without one, in a virtual ``cluster`` or outside of them.

    With ``all`` also those above what there is.
    """
    caller = reading.caller
    group_id = next((number for number, name in caller.groups.items() if name == group), None)
    if group is not None and group_id is None:
        raise NotFound("no-such-group", N_("There is no group {name} that you are a member of."), field="group", name=group)
    with reading.context.database.read() as session:
        if cluster:
            clusters.find(session, cluster)
        asker = Asker(caller, group_id, reading.language, everything=everything, cluster=cluster)
        return offered_packages(session, reading.engine.ledger, asker)


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
            devices=_devices(reading.engine.ledger.capacity, rows),
            training_hours=reading.engine.settings.training_hours,
            dry_run_seconds=reading.engine.settings.dry_run_seconds,
            machine=_machine(reading.context) if caller.administrator else {},
        )


@router.get("/usage/hours")
def get_booked_hours(reading: ReadingDep, month: str | None = None) -> BookedHours:
    """Booked and idle hours of a month of UTC (``2026-10``; the present one by default), by group, person and device."""
    wanted = month_named(month)
    ledger = reading.engine.ledger
    machine = Machine(reading.context.home, ledger.capacity.types, ledger.settings.booked_days)
    with reading.context.database.read() as session:
        return booked_hours(session, machine, wanted, reading.caller)


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


def _devices(capacity: Capacity, rows: list[AllocationRow]) -> list[DeviceType]:
    """The types of GPUs there are, with how many nobody holds."""
    held = {device for row in rows for device in row.devices}
    kinds = Counter(capacity.types.get(device, "") for device in capacity.devices)
    free = Counter(capacity.types.get(device, "") for device in capacity.devices if device not in held)
    return [DeviceType(name=kind, count=count, free=free[kind]) for kind, count in sorted(kinds.items())]


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
