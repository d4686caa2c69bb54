"""Who hears of a change to a dataset or batch: the owner and everybody it is shared with."""

from __future__ import annotations

from sqlalchemy.orm import Session

from trainyard_service.database.tables.datasets import BatchRow, DatasetRow
from trainyard_service.events import EVERYBODY, Audience, announce


def readers(dataset: DatasetRow) -> Audience:
    """The people who may read a dataset."""
    groups = [share.group_id for share in dataset.shares]
    if None in groups:
        return EVERYBODY
    owner = () if dataset.owner_id is None else (dataset.owner_id,)
    return Audience.of(*owner, groups=[group for group in groups if group is not None])


def tell_dataset(session: Session, dataset: DatasetRow) -> None:
    """Announce that a dataset changed."""
    announce(session, "dataset", dataset.id, readers(dataset))


def tell_batch(session: Session, batch: BatchRow) -> None:
    """Announce that a batch changed; its dataset's page shows it too."""
    announce(session, "batch", batch.id, readers(batch.dataset))
    tell_dataset(session, batch.dataset)
