"""Booked and idle hours of a month as records: all of them for administrators, the caller's part for others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import Invalid
from trainyard.home import Home
from trainyard.quotas.hours import CORES, Hours, Month, MonthHours
from trainyard.records.base import Person
from trainyard.records.hours import BookedHours, HoursRow
from trainyard.words import N_

from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import AccountRow, GroupRow
from trainyard_service.database.tables.disk import PreferenceRow
from trainyard_service.database.tables.jobs import AllocationRow
from trainyard_service.identity import Caller
from trainyard_service.jobs.booking import bookings, devices_of

_KEPT_SINCE = "bookings"
"""The preference that the migration left: its time is when keeping began."""
Key = tuple[int | None, int | None, str]
"""Group, person (None: all of them), device."""


@dataclass(frozen=True)
class Machine:
    """Where samples lie, the types of the machine's cards, and for how many days bookings are kept."""

    home: Home
    types: Mapping[str, str]
    days: float


def month_named(name: str | None) -> Month:
    """The month that was asked for; without a name the present one.

    Raises:
        Invalid: it is no month.
    """
    if not name:
        return Month.at(now().timestamp())
    try:
        return Month.named(name)
    except ValueError:
        hint = N_("Write it as year and month: {example}.")
        example = Month.at(now().timestamp()).name
        raise Invalid(
            "no-such-month", N_("{name} is no month."), hint=hint, field="month", name=name, example=example
        ) from None


def booked_hours(session: Session, machine: Machine, month: Month, caller: Caller) -> BookedHours:
    """Rows in the order of the names, cores before cards; those with nothing booked are left out."""
    found = MonthHours.of(month, bookings(session, machine.home, month, machine.types, caller))
    accounts: dict[Key, Hours] = defaultdict(Hours)
    for (group, person, device), hours in found.accounts.items():
        accounts[group, person, device] = hours
        accounts[group, None, device].merge(hours)
    table = _Table(session, machine.types, accounts)
    return BookedHours(
        month=month.name,
        begin=month.begin,
        end=max(month.begin, min(month.end, now())),
        kept_since=_kept_since(session, machine.days),
        groups=table.rows(lambda key: key[1] is None and (caller.administrator or key[0] in caller.groups)),
        people=table.rows(lambda key: key[1] is not None and (caller.administrator or key[1] == caller.id)),
    )


def _kept_since(session: Session, days: float) -> datetime | None:
    """Since when every start that ended is kept; None where it always was, and none is old enough to be forgotten."""
    began = session.get(PreferenceRow, _KEPT_SINCE)
    return max(began.at, now() - timedelta(days=days)) if began else None


class _Table:
    def __init__(self, session: Session, types: Mapping[str, str], accounts: Mapping[Key, Hours]) -> None:
        self._accounts = accounts
        self._groups = {row.id: row.name for row in session.scalars(select(GroupRow).order_by(GroupRow.name_key))}
        self._people = {row.id: row.name for row in session.scalars(select(AccountRow).order_by(AccountRow.name_key))}
        self._holds = _held_now(session, types)

    def rows(self, wanted: Callable[[Key], bool]) -> list[HoursRow]:
        return [self._row(key) for key in sorted(filter(wanted, self._accounts), key=self._place)]

    def _place(self, key: Key) -> tuple[str, str, bool, str]:
        group, person, device = key
        return self._groups.get(group or 0, "\uffff"), self._people.get(person or 0, ""), device != CORES, device

    def _row(self, key: Key) -> HoursRow:
        group, person, device = key
        hours = self._accounts[key]
        return HoursRow(
            group=self._groups.get(group or 0),
            person=None if person is None else Person(id=person, name=self._people.get(person, str(person))),
            device=device,
            holds=self._holds[key],
            booked=hours.booked,
            measured=hours.measured,
            idle=hours.idle,
        )


def _held_now(session: Session, types: Mapping[str, str]) -> Mapping[Key, float]:
    """Devices that are given out now, by group and person and by group alone."""
    held: dict[Key, float] = defaultdict(float)
    for row in session.scalars(select(AllocationRow)):
        for device, count in devices_of(row, types).items():
            for person in (row.owner_id, None):
                held[row.group_id, person, device] += count
    return held
