"""Trainings and instances as the caller sees them."""

from __future__ import annotations

from trainyard.records.trainings import Instance, InstanceState, Training, TrialOf
from trainyard.words import translate

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.datasets.views import Reader, set_view
from trainyard_service.jobs.views import job_view
from trainyard_service.permissions import can_change
from trainyard_service.trainings import alarms, checkpoints, places
from trainyard_service.trainings.curves import CurveReader, moment


def training_view(reader: Reader, curves: CurveReader, row: TrainingRow, context: Context | None = None) -> Training:
    """One training with its instances, the newest first; with ``context`` also the checkpoint it would go on from, and when
    it last said something."""
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
        log_patterns=row.job.spec.get("log_patterns") or [],
        may_change=can_change(reader.caller, row.owner_id),
        dry_run=bool(row.job.spec.get("dry_run")),
        distributed=row.job.spec.get("distributed"),
        checkpoint=checkpoints.newest(context, row) if context else None,
        last_output=alarms.last_output(context, row) if context else None,
        quiet_after=context.settings.quiet_minutes * 60 or None if context else None,
        search=TrialOf.model_validate(row.job.spec["search"]) if row.job.spec.get("search") else None,
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
