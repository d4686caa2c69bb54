"""Which datasets a caller sees, and finding one of them or refusing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select, true
from sqlalchemy.orm import Session
from trainyard.errors import Invalid, NotAllowed, NotFound
from trainyard.records.datasets import Visibility
from trainyard.words import N_

from trainyard_service.database.tables.accounts import AccountRow, GroupRow
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, DatasetShareRow, FormattedSetRow, folded
from trainyard_service.identity import Caller
from trainyard_service.permissions import can_change, can_read

_MOST_WORDS = 20
_OWNER = select(AccountRow.name_key).where(AccountRow.id == DatasetRow.owner_id).correlate(DatasetRow).scalar_subquery()
_GROUP = select(GroupRow.name_key).where(GroupRow.id == DatasetRow.group_id).correlate(DatasetRow).scalar_subquery()
_SETS = (
    select(func.count(FormattedSetRow.id))
    .join(BatchRow, BatchRow.id == FormattedSetRow.batch_id)
    .where(BatchRow.dataset_id == DatasetRow.id)
    .correlate(DatasetRow)
    .scalar_subquery()
)
_SHARE = select(func.max(DatasetShareRow.at)).where(DatasetShareRow.dataset_id == DatasetRow.id)
SORTS: dict[str, Any] = {
    # the folded name stands first among the words
    "name": DatasetRow.words,
    "description": func.lower(DatasetRow.description),
    "state": DatasetRow.state,
    "created": DatasetRow.created,
    "completed": DatasetRow.completed,
    "images": DatasetRow.images,
    "objects": DatasetRow.objects,
    "lines": DatasetRow.lines,
    "disk": DatasetRow.disk,
    "owner": func.coalesce(_OWNER, ""),
    "group": func.coalesce(_GROUP, ""),
    "formatted_sets": _SETS,
    "shared": _SHARE.correlate(DatasetRow).scalar_subquery(),
}
"""What a list can be sorted by: every column of the page."""


def readable(caller: Caller, visibility: Visibility | None = None) -> ColumnElement[bool]:
    """The condition of the datasets in one tab, or of all the caller may read."""
    mine = DatasetRow.owner_id == caller.id
    group = _shared(DatasetShareRow.group_id.in_(list(caller.groups)))
    public = _shared(DatasetShareRow.group_id.is_(None))
    tabs = {Visibility.MINE: mine, Visibility.GROUP: group & ~mine, Visibility.PUBLIC: public}
    if visibility is not None:
        return tabs[visibility]
    return true() if caller.administrator else or_(mine, group, public)


def _shared(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(DatasetShareRow.dataset_id == DatasetRow.id, condition)


def search(query: Select[DatasetRow], words: str) -> Select[DatasetRow]:
    """Every word occurs in name, description, a label set or a class, however it is written (see ``folded``)."""
    for word in folded(words).split()[:_MOST_WORDS]:
        query = query.where(DatasetRow.words.contains(word, autoescape=True))
    return query


def sort(query: Select[DatasetRow], by: str) -> Select[DatasetRow]:
    """By one of ``SORTS``; a minus in front turns it round, and what has no such value is last.

    Raises:
        Invalid: nothing is sorted by that.
    """
    column = SORTS.get(by.removeprefix("-"))
    if column is None:
        known = ", ".join(SORTS)
        sentence = N_("Nothing is sorted by {by}; choose one of {known}.")
        raise Invalid("sort-unknown", sentence, field="sort", by=by[:40], known=known)
    order = column.desc() if by.startswith("-") else column.asc()
    return query.order_by(order.nulls_last(), DatasetRow.id)


def find(session: Session, caller: Caller, dataset_id: str) -> DatasetRow:
    """The dataset, if the caller may read it.

    Raises:
        NotFound: there is none, or not for this caller.
    """
    row = session.get(DatasetRow, dataset_id)
    if row is None or not can_read_dataset(caller, row):
        raise NotFound("no-such-dataset", N_("There is no dataset {id} that you may read."), id=dataset_id)
    return row


def find_own(session: Session, caller: Caller, dataset_id: str) -> DatasetRow:
    """The dataset, if the caller may change it.

    Raises:
        NotFound: not to be read. NotAllowed: to be read, but not the caller's to change.
    """
    row = find(session, caller, dataset_id)
    must_change(caller, row.owner_id, row.name)
    return row


def must_change(caller: Caller, owner_id: int | None, name: str) -> None:
    """Only the owner (or an administrator) goes on from here.

    Raises:
        NotAllowed: everybody else.
    """
    if not can_change(caller, owner_id or 0):
        raise NotAllowed(
            "not-owner",
            N_("Only the owner may change {name}."),
            hint=N_("Make a copy of your own, or ask the owner."),
            name=name,
        )


def can_read_dataset(caller: Caller, row: DatasetRow) -> bool:
    """Owner, members of the groups it is shared with, everybody if it is public, administrators."""
    groups: Iterable[int | None] = [share.group_id for share in row.shares]
    shared = [group for group in groups if group is not None]
    return can_read(caller, row.owner_id or 0, shared, public=len(shared) < len(row.shares))


def find_batch(session: Session, caller: Caller, batch_id: str, *, change: bool = False) -> BatchRow:
    """The batch, if the caller may read its dataset; to ``change`` it one must have made it (or own the dataset).

    Raises:
        NotFound, NotAllowed: as for datasets.
    """
    row = session.get(BatchRow, batch_id)
    if row is None or not can_read_dataset(caller, row.dataset):
        raise NotFound("no-such-batch", N_("There is no batch {id} that you may read."), id=batch_id)
    if change and not can_change(caller, row.dataset.owner_id or 0):
        must_change(caller, row.creator_id, row.id)
    return row


def find_set(session: Session, caller: Caller, set_id: str) -> FormattedSetRow:
    """The formatted set, if the caller may read its dataset.

    Raises:
        NotFound: there is none, or not for this caller.
    """
    row = session.get(FormattedSetRow, set_id)
    if row is None or not can_read_dataset(caller, row.batch.dataset):
        raise NotFound("no-such-set", N_("There is no formatted set {id} that you may read."), id=set_id)
    return row
