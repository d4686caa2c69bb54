"""Trainings and instances as the caller sees them."""

from __future__ import annotations

from datetime import UTC, datetime

from trainyard.records.trainings import Instance, InstanceState, Training
from trainyard.words import translate

from trainyard_service.database.base import now
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.datasets.views import Reader, set_view
from trainyard_service.jobs.views import job_view
from trainyard_service.permissions import can_change
from trainyard_service.trainings import places
from trainyard_service.trainings.curves import CurveReader


def training_view(reader: Reader, curves: CurveReader, row: TrainingRow) -> Training:
    """One training with its instances, the newest first."""
    instances = sorted(row.instances, key=lambda one: one.started, reverse=True)
    return Training(
        id=row.id,
        name=row.name,
        description=row.description,
        job=job_view(row.job, reader.kinds, reader.language),
        sets={one.part: set_view(reader, one.set) for one in row.sets},
        entry=row.entry,
        parameters=row.parameters,
        hours=row.hours,
        instances=[instance_view(reader, curves, one) for one in instances],
        log=places.log_inside(row),
        may_change=can_change(reader.caller, row.owner_id),
    )


def instance_view(reader: Reader, curves: CurveReader, row: InstanceRow) -> Instance:
    """One instance with the numbers of its newest points."""
    progress, last = curves.progress(row.training_id, row.id)
    running = row.state == InstanceState.RUNNING
    end = row.stopped or (now() if running else row.started)
    return Instance(
        id=row.id,
        training=row.training_id,
        state=InstanceState(row.state),
        started=row.started,
        stopped=row.stopped,
        error=translate(row.error, reader.language) if row.error else "",
        parameters=row.parameters,
        epoch=progress.epoch,
        epochs=progress.epochs,
        batch=progress.batch,
        samples_per_second=progress.samples_per_second,
        elapsed=(end - row.started).total_seconds(),
        remaining=progress.remaining if running else None,
        last_output=moment(last),
    )


def moment(seconds: float | None) -> datetime | None:
    """A time an event file tells; what no calendar has is as good as none: the file is a job's."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None
