"""What keeps a dataset or a formatted set from being deleted, by name."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict
from trainyard.words import N_, translate

from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.database.tables.jobs import AllocationRow, WorkspaceRow
from trainyard_service.database.tables.trainings import TrainingRow, TrainingSetRow

_TRAINING = N_("training {name} of {owner}")
_WORKSPACE = N_("the workspace of {owner}")
_BATCH = N_("batch {batch}")


def users_of_sets(session: Session, set_ids: list[str], language: str = "en") -> list[str]:
    """Trainings that were given one of the sets, and running workspaces that have one mounted."""
    if not set_ids:
        return []
    trainings = session.scalars(
        select(TrainingRow).where(
            TrainingRow.id.in_(select(TrainingSetRow.training_id).where(TrainingSetRow.set_id.in_(set_ids)))
        )
    )
    workspaces = session.scalars(select(WorkspaceRow).join(AllocationRow, AllocationRow.workspace == WorkspaceRow.key))
    return [
        *(translate(_TRAINING, language, name=row.name, owner=row.owner.name) for row in trainings),
        *(translate(_WORKSPACE, language, owner=row.account.name) for row in workspaces if set(row.sets) & set(set_ids)),
    ]


def users_of_dataset(session: Session, dataset: DatasetRow, language: str = "en") -> list[str]:
    """Its batches, and who uses their sets."""
    batches = list(session.scalars(select(BatchRow).where(BatchRow.dataset_id == dataset.id).order_by(BatchRow.created)))
    sets = list(session.scalars(select(FormattedSetRow.id).where(FormattedSetRow.batch_id.in_([row.id for row in batches]))))
    return [*(translate(_BATCH, language, batch=row.id) for row in batches), *users_of_sets(session, sets, language)]


class InUse(Conflict):
    """A refusal to delete that names who uses the thing."""

    def __init__(self, code: str, message: str, name: str, users: list[str]) -> None:
        hint = N_("Delete or change what uses it first.")
        super().__init__(code, message, hint=hint, name=name, users=", ".join(users))


def refuse_dataset_in_use(session: Session, dataset: DatasetRow, language: str) -> None:
    """Raises:
    Conflict: ``dataset-in-use`` with who.
    """
    users = users_of_dataset(session, dataset, language)
    if users:
        raise InUse("dataset-in-use", N_("The dataset {name} is in use by: {users}."), dataset.name, users)


def refuse_sets_in_use(session: Session, sets: list[FormattedSetRow], name: str, language: str) -> None:
    """Raises:
    Conflict: ``set-in-use`` with who.
    """
    users = users_of_sets(session, [row.id for row in sets], language)
    if users:
        raise InUse("set-in-use", N_("{name} is in use by: {users}."), name, users)
