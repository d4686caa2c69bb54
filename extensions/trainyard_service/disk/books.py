"""Whose bytes lie on the volume: one sum over all rows, by group and person.

A share belongs to its group; a member's own folder in it counts for the member. Trainings and models of a group stay with it.
Datasets, batches, uploads and models that nobody shares follow their owner: they are charged to the group chosen when they were
made while the owner is in it, else to the group the owner joined first, else to the share of people without a group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from trainyard.records.accounts import AccountState
from trainyard.records.storage import UploadPurpose

from trainyard_service.database.tables.accounts import AccountRow, MembershipRow
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow
from trainyard_service.database.tables.disk import FolderUseRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.storage import UploadRow
from trainyard_service.database.tables.trainings import TrainingRow

Key = tuple[int | None, int | None]
"""Group and person."""


@dataclass
class Stored:
    """Bytes by (group, person) and by what they are (the fields of ``DiskParts``)."""

    parts: dict[Key, Counter[str]] = field(default_factory=dict)

    def add(self, key: Key, kind: str, count: int) -> None:
        """Count more bytes."""
        self.parts.setdefault(key, Counter())[kind] += count

    def by_key(self) -> dict[Key, int]:
        """The sums, as ``quotas.Limits`` takes them."""
        return {key: parts.total() for key, parts in self.parts.items()}

    def of_group(self, group: int | None) -> Counter[str]:
        """What a group has, all persons together."""
        return sum((parts for (one, _), parts in self.parts.items() if one == group), Counter())

    def used(self, group: int, person: int | None = None) -> int:
        """Bytes of a group, or of one person in it."""
        if person is None:
            return self.of_group(group).total()
        return self.parts.get((group, person), Counter()).total()


class Owners:
    """Which group pays for what somebody owns."""

    def __init__(self, session: Session) -> None:
        self._groups: dict[int, list[int]] = {}
        order = select(MembershipRow.account_id, MembershipRow.group_id).order_by(MembershipRow.since, MembershipRow.group_id)
        for person, group in session.execute(order):
            self._groups.setdefault(person, []).append(group)
        deleted = select(AccountRow.id).where(AccountRow.state == AccountState.DELETED)
        self._deleted = set(session.scalars(deleted))

    def pays(self, person: int, group: int | None) -> int | None:
        """The group that is charged for what ``person`` owns and once chose ``group`` for."""
        groups = self._groups.get(person, [])
        if group is not None and (group in groups or person in self._deleted):
            return group
        return groups[0] if groups else None


def stored(session: Session) -> Stored:
    """Everything that is charged to somebody; the platform's own datasets are not."""
    books, owners = Stored(), Owners(session)
    for kind, person, group, count, follows in _rows(session):
        charged = owners.pays(person, group) if follows and person is not None else group
        books.add((charged, person), kind, count)
    return books


def _rows(session: Session) -> Iterator[tuple[str, int | None, int | None, int, bool]]:
    """Kind, person, group, bytes, and whether the charge follows the owner."""
    for kind, query, follows in _queries():
        for person, group, count in session.execute(query):
            yield kind, person, group, int(count or 0), follows or (kind == "models" and group is None)


def _queries() -> Iterator[tuple[str, Select[Any], bool]]:
    waiting = UploadRow.purpose != UploadPurpose.OBJECT
    datasets = _sum(DatasetRow.owner_id, DatasetRow.group_id, DatasetRow.disk)
    yield "datasets", datasets.where(DatasetRow.owner_id.is_not(None)), True
    yield "formatted", _sum(BatchRow.creator_id, BatchRow.group_id, BatchRow.disk), True
    yield "uploads", _sum(UploadRow.account_id, UploadRow.group_id, UploadRow.size).where(waiting), True
    yield "models", _sum(ModelRow.owner_id, ModelRow.group_id, ModelRow.size), False
    yield "runs", _sum(TrainingRow.owner_id, TrainingRow.group_id, TrainingRow.disk), False
    folders = _sum(FolderUseRow.account_id, FolderUseRow.group_id, FolderUseRow.bytes)
    yield "share", folders.where(FolderUseRow.group_id.is_not(None)), False
    yield "home", folders.where(FolderUseRow.group_id.is_(None)), True


def _sum(person: Any, group: Any, count: Any) -> Select[Any]:
    return select(person, group, func.sum(count)).group_by(person, group)
