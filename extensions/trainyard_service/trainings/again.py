"""An ended training that is started again: as it was, changed, from a checkpoint; and tries of one batch."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict
from trainyard.jobs.states import ENDED, JobState
from trainyard.records.base import STORED
from trainyard.records.trainings import NewTraining, StartTraining
from trainyard.training.patterns import compiled
from trainyard.words import N_

from trainyard_service import images
from trainyard_service.context import Context
from trainyard_service.database.tables.trainings import TrainingRow, TrainingSetRow
from trainyard_service.identity import Caller
from trainyard_service.jobs import life
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.trainings import checkpoints, claims, create, entry
from trainyard_service.trainings.telling import tell_training

Asked = tuple[TrainingRow, StartTraining]
_DRY = "(dry run)"
_SETS = tuple(f"{part}_set" for part in create.PARTS)
_MAY_GO = (*_SETS, "cluster", "distributed")
_CLAIMS = ("package", "cluster", "hours", "priority", "preemptible")
_NO_CHECKPOINT = N_("The training {name} has no run that was cut short and has a complete checkpoint to go on from.")


def must_have_ended(row: TrainingRow) -> None:
    """Refuse what has not ended yet.

    Raises:
        Conflict: ``training-not-ended``.
    """
    if JobState(row.job.state) not in ENDED:
        raise Conflict(
            "training-not-ended",
            N_("The training {name} has not ended; its state is {state}."),
            hint=N_("Stop it first."),
            name=row.name,
            state=row.job.state,
        )


def start(session: Session, context: Context, ledger: Ledger, caller: Caller, asked: Asked) -> None:
    """Queue the training again, with what is to be changed.

    Raises:
        UserError: it has not ended, a change is refused, or there is no checkpoint and one was asked for; nothing was changed.
    """
    row, change = asked
    create.member_of(caller, row.group.name)
    must_have_ended(row)
    if change.resume and checkpoints.newest(context, row) is None:
        hint = N_("Start it again from the beginning; scripts save checkpoints with trainyard.training.")
        raise Conflict("no-checkpoint", _NO_CHECKPOINT, hint=hint, name=row.name)
    new = _merged(row, change)
    if row.job.cluster or any(getattr(change, name) is not None for name in _CLAIMS):
        claimant = claims.Claimant(row.owner_id, row.group_id, caller.administrator, row.job.priority)
        claims.checked(session, ledger, claimant, new)
    if change.model_dump(exclude={"resume"}, exclude_none=True):
        _change(session, context, caller, (row, change, new))
    life.want_start(session, row.job, resume=change.resume)
    tell_training(session, row)


def _change(session: Session, context: Context, caller: Caller, asked: tuple[TrainingRow, StartTraining, NewTraining]) -> None:
    """What is named is checked as for a new training; the rest stays, whatever became of it since."""
    row, change, new = asked
    job = row.job
    job.package, job.cluster, job.priority, job.preemptible = new.package, new.cluster, new.priority, new.preemptible
    if change.image is not None:
        job.image = images.reference(images.find(context.home, new.image))
    if change.entry is not None or change.image is not None:
        image = images.find(context.home, job.image)
        roots = create.roots_of(context, image, row.group_id, row.group.name)
        words = entry.check(new.entry, roots)
        entry.check_program(words, roots, images.environment_of(context.settings, image), job.image)
        row.entry = new.entry
    if change.parameters is not None:
        row.parameters = create.checked_parameters(new.parameters)
    if any(getattr(change, name) is not None for name in _SETS):
        found = create.sets_of(session, caller, new)
        row.sets = []
        session.flush()
        row.sets = [TrainingSetRow(part=part, set_id=one.id) for part, one in found.items()]
    if change.hours is not None and not job.spec.get("dry_run"):
        row.hours, job.time_limit = new.hours, new.hours * 3600
    if change.log_patterns is not None:
        compiled(new.log_patterns)
        job.spec = {**job.spec, "log_patterns": new.log_patterns}
    if change.distributed is not None:
        job.replicas = claims.parts_stored(new.distributed)
        job.spec = {**job.spec, "distributed": new.distributed.model_dump(mode="json") if new.distributed else None}
    if change.restart is not None:
        job.restart = new.restart.model_dump(mode="json") if new.restart.max_retries else None
    row.description = new.description
    session.flush()


def _merged(row: TrainingRow, change: StartTraining) -> NewTraining:
    """The training as it would be; an empty text takes a set, the virtual cluster or the replicas away."""
    now: dict[str, Any] = {
        "name": row.name,
        "description": row.description,
        "group": row.group.name,
        "image": row.job.image,
        "package": row.job.package,
        "entry": row.entry,
        "parameters": row.parameters,
        "hours": row.hours,
        "priority": row.job.priority,
        "preemptible": row.job.preemptible,
        "cluster": row.job.cluster,
        "distributed": row.job.spec.get("distributed"),
        **{f"{one.part}_set": one.set_id for one in row.sets},
    }
    given = change.model_dump(exclude={"resume"}, exclude_none=True)
    merged = {**now, **given}
    return NewTraining.model_validate(merged | {name: merged.get(name) or None for name in _MAY_GO}, context=STORED)


def try_once(session: Session, context: Context, ledger: Ledger, caller: Caller, new: NewTraining) -> TrainingRow:
    """A try of one batch on the processor, under a name of its own; an ended earlier try of that name is taken again.

    Raises:
        UserError: as for a new training, or the earlier try has not ended.
    """
    name = f"{new.name[: 62 - len(_DRY)]} {_DRY}"
    package = ledger.smallest(session).name if ledger.size(session, new.package).gpu else new.package
    # replicas of the smallest package too: a try shows whether they find each other
    several = new.distributed.model_copy(update={"packages": {}}) if new.distributed else None
    wanted = new.model_copy(update={"name": name, "package": package, "distributed": several})
    group_id = create.member_of(caller, new.group)
    same = select(TrainingRow).where(
        TrainingRow.owner_id == caller.id, TrainingRow.group_id == group_id, TrainingRow.name == name
    )
    before = session.scalar(same)
    if before is None or not before.job.spec.get("dry_run"):
        return create.create(session, context, ledger, caller, wanted)
    fields = wanted.model_dump(include=set(StartTraining.model_fields) - {"resume", "restart"})
    change = StartTraining.model_validate({**fields, **{name: fields[name] or "" for name in _MAY_GO}})
    start(session, context, ledger, caller, (before, change))
    return before
