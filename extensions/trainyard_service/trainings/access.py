"""Finding a training or an instance for a caller, or refusing."""

from __future__ import annotations

from sqlalchemy import ColumnElement, or_, true
from sqlalchemy.orm import Session
from trainyard.errors import NotAllowed, NotFound
from trainyard.words import N_

from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.datasets.access import must_change
from trainyard_service.identity import Caller
from trainyard_service.permissions import can_change, can_read


def readable(caller: Caller) -> ColumnElement[bool]:
    """The condition of the trainings a caller may read: own ones and those of their groups."""
    if caller.administrator:
        return true()
    return or_(TrainingRow.owner_id == caller.id, TrainingRow.group_id.in_(list(caller.groups)))


def find(session: Session, caller: Caller, training_id: str, *, change: bool = False) -> TrainingRow:
    """The training, if the caller may read (or change) it.

    Raises:
        NotFound: none, or not for this caller. NotAllowed: to be read only.
    """
    row = session.get(TrainingRow, training_id)
    if row is None or not can_read(caller, row.owner_id, (row.group_id,)):
        raise NotFound("no-such-training", N_("There is no training {id} that you may read."), id=training_id)
    if change:
        must_change(caller, row.owner_id, row.name)
    return row


def find_instance(session: Session, caller: Caller, instance_id: str) -> InstanceRow:
    """The instance, if the caller may read its training.

    Raises:
        NotFound: none, or not for this caller.
    """
    row = session.get(InstanceRow, instance_id)
    if row is None or not can_read(caller, row.training.owner_id, (row.training.group_id,)):
        raise NotFound("no-such-instance", N_("There is no training instance {id} that you may read."), id=instance_id)
    return row


def must_report(caller: Caller, training: TrainingRow) -> None:
    """A job's token writes only under its own run; a person's or a workspace's token under the person's own trainings.

    Raises:
        NotAllowed: another run.
    """
    own_run = caller.training == training.id if caller.job is not None else can_change(caller, training.owner_id)
    if not own_run:
        raise NotAllowed("another-run", N_("This token may not write to the training {name}."), name=training.name)
