"""Tells members and administrators, once, that the disk quota of a group is used up; and again when it was free in between."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.quotas import readable
from trainyard.words import N_

from trainyard_service.accounts import notices, people
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import GroupRow
from trainyard_service.database.tables.disk import PreferenceRow
from trainyard_service.disk.books import Stored

USED_UP = N_("The disk quota of {group} is used up: {used} of {limit}. New jobs wait until something is deleted.")
_TOLD = "disk-told"


def tell_full(session: Session, books: Stored) -> None:
    """After a measurement: notices for the groups that are full now and were not the last time."""
    row = session.get(PreferenceRow, _TOLD)
    told = set(row.value["groups"]) if row else set()
    full = {
        group.id: group for group in session.scalars(select(GroupRow).where(GroupRow.disk.is_not(None))) if _full(group, books)
    }
    for number in full.keys() - told:
        _tell(session, full[number], books.used(number))
    if full.keys() != told:
        session.merge(PreferenceRow(key=_TOLD, value={"groups": sorted(full)}, at=now()))


def _full(group: GroupRow, books: Stored) -> bool:
    return group.disk is not None and books.used(group.id) >= group.disk


def _tell(session: Session, group: GroupRow, used: int) -> None:
    values: dict[str, Any] = {"group": group.name, "used": readable(used), "limit": readable(group.disk or 0)}
    members = {membership.account_id for membership in group.memberships}
    for account in members:
        notices.send(session, account, USED_UP, link="/services/pages/account?tab=disk", **values)
    for administrator in people.administrators(session):
        if administrator.id not in members:
            notices.send(session, administrator.id, USED_UP, link="/services/pages/admin?tab=usage", **values)
