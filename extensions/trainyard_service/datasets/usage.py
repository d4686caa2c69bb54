"""What keeps a dataset or a formatted set from being deleted, by name."""

from __future__ import annotations

from sqlalchemy import literal, select
from sqlalchemy.orm import Session
from trainyard.errors import Conflict
from trainyard.home import Home
from trainyard.records.datasets import DatasetState
from trainyard.words import N_, translate

from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.database.tables.jobs import AllocationRow, WorkspaceRow
from trainyard_service.database.tables.trainings import TrainingRow, TrainingSetRow
from trainyard_service.datasets.named import names_objects
from trainyard_service.datasets.stores import may_read

# written into the statement: an index of a part of the rows is not used for a parameter
_CREATING = literal(DatasetState.CREATING.value, literal_execute=True)
_TRAINING = N_("training {name} of {owner}")
_WORKSPACE = N_("the workspace of {owner}")
_BATCH = N_("batch {batch}")
_MAKING = N_("{name} of {owner}, which is being made of it")
_KEYS = N_("{name} of {owner}, whose pictures are read with your keys as long as you share this dataset")


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


def users_of_dataset(session: Session, home: Home, dataset: DatasetRow, language: str = "en") -> list[str]:
    """Its batches, who uses their sets, what is being made of it, and whose pictures are read through it."""
    batches = list(session.scalars(select(BatchRow).where(BatchRow.dataset_id == dataset.id).order_by(BatchRow.created)))
    sets = list(session.scalars(select(FormattedSetRow.id).where(FormattedSetRow.batch_id.in_([row.id for row in batches]))))
    return [
        *(translate(_BATCH, language, batch=row.id) for row in batches),
        *users_of_sets(session, sets, language),
        *_made_of_it(session, home, dataset, language),
    ]


def _made_of_it(session: Session, home: Home, dataset: DatasetRow, language: str) -> list[str]:
    """Datasets in the making that read this one, and those of others that reach its owner's bucket through it."""
    creating = session.scalars(select(DatasetRow).where(DatasetRow.state == _CREATING, DatasetRow.id != dataset.id))
    users = [(_MAKING, row) for row in creating if dataset.id in row.source.get("parents", ())]
    others = session.scalars(
        select(DatasetRow).where(
            DatasetRow.list_of == dataset.id,
            DatasetRow.owner_id != dataset.owner_id,
            DatasetRow.state == DatasetState.READY,
        )
    )
    reading = [row for row in others if row.owner_id is not None and may_read(session, row.owner_id, dataset)]
    if reading and names_objects(home, dataset.id):
        users += [(_KEYS, row) for row in reading]
    return [translate(words, language, name=row.name, owner=row.owner.name if row.owner else "") for words, row in users]


class InUse(Conflict):
    """A refusal to delete that names who uses the thing."""

    def __init__(self, code: str, message: str, name: str, users: list[str]) -> None:
        hint = N_("Delete or change what uses it first.")
        super().__init__(code, message, hint=hint, name=name, users=", ".join(users))


def refuse_dataset_in_use(session: Session, home: Home, dataset: DatasetRow, language: str) -> None:
    """Raises:
    Conflict: ``dataset-in-use`` with who.
    """
    users = users_of_dataset(session, home, dataset, language)
    if users:
        raise InUse("dataset-in-use", N_("The dataset {name} is in use by: {users}."), dataset.name, users)


def refuse_sets_in_use(session: Session, sets: list[FormattedSetRow], name: str, language: str) -> None:
    """Raises:
    Conflict: ``set-in-use`` with who.
    """
    users = users_of_sets(session, [row.id for row in sets], language)
    if users:
        raise InUse("set-in-use", N_("{name} is in use by: {users}."), name, users)
