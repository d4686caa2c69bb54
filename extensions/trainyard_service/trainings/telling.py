"""Who hears of a change to a training: its owner and its group."""

from __future__ import annotations

from sqlalchemy.orm import Session

from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.events import Audience, announce


def readers(row: TrainingRow) -> Audience:
    """The owner and the members of the group."""
    return Audience.of(row.owner_id, groups=(row.group_id,))


def tell_training(session: Session, row: TrainingRow) -> None:
    """Announce that a training changed."""
    announce(session, "training", row.id, readers(row))


def tell_instance(session: Session, row: InstanceRow) -> None:
    """Announce that an instance changed; the list of trainings shows it too."""
    announce(session, "instance", row.id, readers(row.training))
    tell_training(session, row.training)
