"""Who has how much on the volume, as records: all of it for administrators, the caller's part for others."""

from __future__ import annotations

import shutil

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.home import Home
from trainyard.quotas import Limits
from trainyard.records.accounts import Quota
from trainyard.records.base import Person
from trainyard.records.disk import DiskParts, DiskRow, DiskUse

from trainyard_service.database.tables.accounts import AccountRow, GroupRow
from trainyard_service.disk.books import Key, Stored, stored
from trainyard_service.disk.measured import measured
from trainyard_service.identity import Caller


def overview(session: Session, home: Home, limits: Limits, caller: Caller) -> DiskUse:
    """Rows in the order of the names; groups without bytes too, so that every limit is seen."""
    books = stored(session)
    names = {row.id: row.name for row in session.scalars(select(GroupRow).order_by(GroupRow.name_key))}
    people = {row.id: row.name for row in session.scalars(select(AccountRow).order_by(AccountRow.name_key))}
    shown: list[int | None] = [*caller.groups] or [None]
    if caller.administrator:
        shown = [*names, None]
    keys = [key for key in sorted(_keys(books, shown), key=lambda key: _place(key, names, people)) if _may_see(caller, key)]
    room = shutil.disk_usage(home.volume) if caller.administrator else None
    return DiskUse(
        measured=measured(session),
        groups=[_group(books, limits, group, names) for group in shown],
        people=[_person(books, limits, key, names, people) for key in keys],
        volume_total=room.total if room else None,
        volume_free=room.free if room else None,
    )


def _keys(books: Stored, groups: list[int | None]) -> list[Key]:
    return [(group, person) for group, person in books.parts if group in groups and person is not None]


def _may_see(caller: Caller, key: Key) -> bool:
    return caller.administrator or key[1] == caller.id


def _place(key: Key, names: dict[int, str], people: dict[int, str]) -> tuple[int, int]:
    group, person = key
    order = [*names].index(group) if group in names else len(names)
    return order, [*people].index(person) if person in people else 0


def _group(books: Stored, limits: Limits, group: int | None, names: dict[int, str]) -> DiskRow:
    parts = books.of_group(group)
    limit = limits.groups.get(group, Quota()).disk
    return DiskRow(group=names.get(group or 0), used=parts.total(), limit=limit, parts=DiskParts(**parts))


def _person(books: Stored, limits: Limits, key: Key, names: dict[int, str], people: dict[int, str]) -> DiskRow:
    group, person = key
    assert person is not None
    limit = limits.persons.get((group, person), Quota()).disk
    who = Person(id=person, name=people.get(person, str(person)))
    parts = books.parts[key]
    return DiskRow(group=names.get(group or 0), person=who, used=parts.total(), limit=limit, parts=DiskParts(**parts))
