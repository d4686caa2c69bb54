"""What was booked of the machine in a month and stood idle, in device hours. Pure: no clock, no database.

*Booked* is what the ledger held for somebody, whether a program ran or not: cores of every start, cards of those that have
some. *Measured* is the part of it of which it is known what was done, *idle* the part of that in which next to nothing was:
a start that computed less than ``BUSY_CORES`` of a core, or whose cards were busy less than ``BUSY_CARDS`` on average.
Months are those of UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

CORES = "cpu"
"""The device of core hours; every other one is a type of card."""
BUSY_CORES = 0.05
BUSY_CARDS = 0.01
_HOUR = 3600.0
_NAME = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month of UTC."""

    year: int
    month: int

    @classmethod
    def named(cls, name: str) -> Month:
        """The month of ``2026-10``.

        Raises:
            ValueError: it is no month that a date can have.
        """
        found = _NAME.fullmatch(name)
        if found is None:
            raise ValueError(f"no month: {name}")
        month = cls(int(found[1]), int(found[2]))
        if month.begin >= month.end:  # what is no date is refused when it is asked for
            raise ValueError(f"no month: {name}")
        return month

    @classmethod
    def at(cls, moment: float) -> Month:
        """The month that a moment lies in."""
        day = datetime.fromtimestamp(moment, UTC)
        return cls(day.year, day.month)

    def next(self) -> Month:
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def name(self) -> str:
        """As people write it: ``2026-10``."""
        return f"{self.year:04}-{self.month:02}"

    @property
    def begin(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first moment of the next one."""
        return self.next().begin


@dataclass(frozen=True, slots=True)
class Meter:
    """Seconds of which it is known what a start did, and those of them in which that was next to nothing."""

    measured: float = 0.0
    idle: float = 0.0


@dataclass(frozen=True, slots=True)
class Booking:
    """One start: what it held of each device from ``since`` to ``until``; ``cores`` and ``cards`` are its month's meters."""

    person: int
    group: int | None
    devices: Mapping[str, float]
    since: float
    until: float
    cores: Meter = Meter()
    cards: Meter = Meter()


@dataclass
class Hours:
    """Device hours."""

    booked: float = 0.0
    measured: float = 0.0
    idle: float = 0.0

    def add(self, count: float, seconds: float, meter: Meter) -> None:
        """``count`` devices were held for so many seconds; what was measured is never more than that."""
        measured = min(meter.measured, seconds)
        self.booked += count * seconds / _HOUR
        self.measured += count * measured / _HOUR
        self.idle += count * min(meter.idle, measured) / _HOUR

    def merge(self, other: Hours) -> None:
        """Add what another account had."""
        self.booked += other.booked
        self.measured += other.measured
        self.idle += other.idle


Account = tuple[int | None, int, str]
"""Group, person, device."""


@dataclass
class MonthHours:
    """Hours of a month by account, added up booking by booking."""

    month: Month
    accounts: dict[Account, Hours] = field(default_factory=dict)

    @classmethod
    def of(cls, month: Month, bookings: Iterable[Booking]) -> MonthHours:
        """What all ``bookings`` had in the month, in one pass."""
        found = cls(month)
        for one in bookings:
            found._add(one)
        return found

    def _add(self, one: Booking) -> None:
        seconds = min(one.until, self.month.end.timestamp()) - max(one.since, self.month.begin.timestamp())
        if seconds <= 0:
            return
        for device, count in one.devices.items():
            hours = self.accounts.setdefault((one.group, one.person, device), Hours())
            hours.add(count, seconds, one.cores if device == CORES else one.cards)


def months(since: float, until: float) -> Iterator[Month]:
    """All months that a span touches, the first first."""
    month = Month.at(since)
    while month.begin.timestamp() < until:
        yield month
        month = month.next()


def metered(samples: Iterable[tuple[float, float | None]], since: float, until: float, busy: float) -> Meter:
    """What samples (moment, mean since the sample before; None: not known) tell of a span.

    A clock that was set back counts nothing twice.
    """
    measured = idle = 0.0
    known: float | None = None
    for moment, value in samples:
        if known is not None and value is not None:
            seconds = max(0.0, min(moment, until) - max(known, since))
            measured += seconds
            idle += seconds if value < busy else 0.0
        known = moment if known is None else max(known, moment)
    return Meter(measured, idle)
