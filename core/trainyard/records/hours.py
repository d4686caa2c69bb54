"""What was booked of the machine in a month, and what of it stood idle."""

from __future__ import annotations

from datetime import datetime

from trainyard.records.base import Person, Record


class HoursRow(Record):
    """A group (``person`` None), or one person in it, and one device: ``cpu`` (core hours) or a type of GPU (card hours).

    ``holds`` are the devices held now. ``measured`` are the hours of which it is known whether they were used, ``idle`` those
    of them in which next to nothing was done.
    """

    group: str | None
    person: Person | None = None
    device: str
    holds: float = 0
    booked: float = 0
    measured: float = 0
    idle: float = 0


class BookedHours(Record):
    """A calendar month of UTC, until ``end`` (now, in the present one): everybody's rows for administrators; own rows, and the
    sums of one's groups, for others.

    Starts that had ended before ``kept_since`` are not in it: nothing was kept of them, or not any more.
    """

    month: str
    begin: datetime
    end: datetime
    kept_since: datetime | None
    groups: list[HoursRow]
    people: list[HoursRow]
