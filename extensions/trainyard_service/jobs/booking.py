"""What starts held, kept when they give it back; and what their samples tell of it, read once a minute.

Allocations are what is held now. When one ends it becomes a booking in the same statement's transaction, and its samples
(``usage.jsonl``, which is there for a while only) are read beside the queue's work, month by month.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, bindparam, delete, insert, or_, select, true, update
from sqlalchemy.orm import Session
from trainyard.home import Home
from trainyard.quotas.hours import BUSY_CARDS, BUSY_CORES, CORES, Booking, Meter, Month, metered, months

from trainyard_service.context import Context
from trainyard_service.database.base import Table, UtcTime, now
from trainyard_service.database.tables.jobs import AllocationRow, BookingRow
from trainyard_service.identity import Caller
from trainyard_service.jobs import kept
from trainyard_service.lasting import every

log = logging.getLogger(__name__)
_SECONDS = 60.0
_PART = 200
_ATTEMPT = re.compile(r"job-([0-9a-f]{16})-(\d+)")
_COPIED = ("key", "owner_id", "group_id", "cpu", "gpu", "devices", "since")

# of the tables, not of the classes: the ORM looks for rows of its own that such a statement could touch; there are none
_held = Table.metadata.tables[AllocationRow.__tablename__]
_kept = Table.metadata.tables[BookingRow.__tablename__]
_OF_LAUNCH = _held.c.key == bindparam("launch")
_BOOK = insert(_kept).from_select(
    [*_COPIED, "until"],
    select(*(_held.c[name] for name in _COPIED), bindparam("until", type_=UtcTime())).where(_OF_LAUNCH),
)
_RELEASE = delete(_held).where(_OF_LAUNCH)
_UNREAD = update(_kept).where(_kept.c.id == bindparam("number"), _kept.c.meter.is_(None))
_METER = _UNREAD.values(meter=bindparam("found")).returning(_kept.c.key)
Held = BookingRow | AllocationRow | Row[Any]
"""What was or is held, as an object or as a row of its table."""


def give_back(session: Session, key: str) -> None:
    """The launch ``key`` holds nothing any more; what it held is kept as a booking."""
    session.flush()
    connection = session.connection()
    connection.execute(_BOOK, {"launch": key, "until": now()})
    connection.execute(_RELEASE, {"launch": key})


async def watch_bookings(context: Context, types: Mapping[str, str], days: float) -> None:
    """Once a minute, until cancelled, read the samples of what has ended, and forget what did so many ``days`` ago.

    ``types`` are those of the machine's cards.
    """

    def keep_books() -> None:
        read_all(context, types)
        forget_old(context, days)

    await every(_SECONDS, "bookings", keep_books)


def forget_old(context: Context, days: float) -> None:
    """Bookings that ended longer ago are gone: nobody can ask for their hours any more."""
    old = _kept.c.until < now() - timedelta(days=days)
    with context.database.read() as session:
        if session.scalar(select(_kept.c.id).where(old).limit(1)) is None:
            return
    with context.database.write() as session:
        session.execute(delete(_kept).where(old))


def read_all(context: Context, types: Mapping[str, str]) -> None:
    """Read the samples of every booking that has none read yet; a workspace's are not needed any more then.

    Of several services that read the same the first one counts: the others may have found its samples gone. Of a row that
    cannot be read nothing is known, and the others are read all the same.
    """
    unread = select(BookingRow).where(BookingRow.meter.is_(None)).order_by(BookingRow.id).limit(_PART)
    while True:
        with context.database.read() as session:
            rows = list(session.scalars(unread))
        if not rows:
            return
        read = {row.id: _known(context.home, row, types) for row in rows}
        with context.database.write() as session:
            told = [session.scalar(_METER, {"number": number, "found": found}) for number, found in read.items()]
        for key in filter(None, told):
            if not _ATTEMPT.fullmatch(key):
                kept.discard(context.home.kept(key))


def _known(home: Home, row: BookingRow, types: Mapping[str, str]) -> dict[str, Any]:
    try:
        return meter(home, row, row.until.timestamp(), types)
    except Exception:
        log.exception("the samples of booking %s cannot be read", row.key)
        return {"devices": {CORES: row.cpu}, "months": {}}


def meter(home: Home, row: Held, until: float, types: Mapping[str, str]) -> dict[str, Any]:
    """What is known of a start until then: its devices, and by month the seconds measured and idle of cores and of cards."""
    return {
        "devices": devices_of(row, types),
        "months": _months(home, row.key, (row.since.timestamp(), until), bool(row.devices)),
    }


def _months(home: Home, key: str, span: tuple[float, float], has_cards: bool) -> dict[str, Any]:
    """By month the seconds of a start that are measured and idle."""
    samples, (since, until) = _samples(home, key), span
    by_month: dict[str, dict[str, tuple[float, float]]] = {}
    for month in months(since, until):
        begin, end = max(since, month.begin.timestamp()), min(until, month.end.timestamp())
        cores = metered(((at, cpu) for at, cpu, _ in samples), begin, end, BUSY_CORES)
        cards = metered(((at, gpu) for at, _, gpu in samples), begin, end, BUSY_CARDS) if has_cards else Meter()
        if cores.measured or cards.measured:
            by_month[month.name] = {"cores": (cores.measured, cores.idle), "cards": (cards.measured, cards.idle)}
    return by_month


_months_of_held = lru_cache(1024)(_months)
"""Samples of what goes on are read once a minute, however often somebody asks: until the minute's end is one question."""


def devices_of(row: Held, types: Mapping[str, str]) -> dict[str, float]:
    """How much of which device a start holds: cores, and cards by their type."""
    devices: dict[str, float] = {CORES: row.cpu}
    for device in row.devices:
        kind = types.get(device, "")
        devices[kind] = devices.get(kind, 0) + 1
    return devices


def _samples(home: Home, key: str) -> list[tuple[float, float | None, float | None]]:
    """Moment, cores and how busy the cards were, as a launch's supervisors wrote them down; nothing where they did not."""
    found = _ATTEMPT.fullmatch(key)
    samples = kept.samples(home, found[1], int(found[2])) if found else kept.samples_in(home.kept(key))
    return [(one[0] or 0.0, one[1], one[3]) for one in samples]


def bookings(session: Session, home: Home, month: Month, types: Mapping[str, str], caller: Caller) -> Iterator[Booking]:
    """Everything that was or is held in the month by those whom the caller sees, one after the other."""
    moment, ended = now().timestamp(), select(_kept).where(_kept.c.until > month.begin, _kept.c.since < month.end)
    ended, present = ended.where(_seen(_kept, caller)), select(_held).where(_held.c.since < month.end, _seen(_held, caller))
    minute = _SECONDS * math.ceil(moment / _SECONDS)
    for row in session.execute(ended.execution_options(yield_per=_PART)):
        until = row.until.timestamp()
        yield from _booking(row, until, month, partial(_told, home, row, until, types))
    for held in session.execute(present):
        yield from _booking(held, moment, month, partial(_told_now, home, held, minute, types))


def _told(home: Home, row: Row[Any], until: float, types: Mapping[str, str]) -> Mapping[str, Any]:
    return row.meter or meter(home, row, until, types)


def _told_now(home: Home, row: Held, minute: float, types: Mapping[str, str]) -> Mapping[str, Any]:
    by_month = _months_of_held(home, row.key, (row.since.timestamp(), minute), bool(row.devices))
    return {"devices": devices_of(row, types), "months": by_month}


def _seen(table: FromClause, caller: Caller) -> ColumnElement[bool]:
    """What is the caller's own or their groups'; for administrators everything."""
    own = or_(table.c.owner_id == caller.id, table.c.group_id.in_(list(caller.groups)))
    return true() if caller.administrator else own


def _booking(row: Held, until: float, month: Month, tell: Callable[[], Mapping[str, Any]]) -> Iterator[Booking]:
    """The booking of a row; none where the row is odd: everybody else's hours are told all the same."""
    try:
        told = tell()
        seconds = told["months"].get(month.name, {})
        cores, cards = (Meter(*map(float, seconds.get(kind, (0, 0)))) for kind in ("cores", "cards"))
        devices = {device: float(count) for device, count in told["devices"].items()}
    except Exception:
        log.exception("booking %s cannot be counted", row.key)
        return
    yield Booking(row.owner_id, row.group_id, devices, row.since.timestamp(), until, cores, cards)
