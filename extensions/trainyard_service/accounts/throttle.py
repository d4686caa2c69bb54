"""Slowing down whoever guesses passwords: after five failures a name or address waits, twice as long each time."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session
from trainyard.errors import TooMany
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import ThrottleRow

FREE_BY_NAME = 5
FREE_BY_ADDRESS = 30  # a whole class may sit behind one address
FREE_APPLICATIONS = 60
SIGN_INS = (
    N_("Too many failed attempts to sign in; the next is possible in {seconds} seconds."),
    N_("If you forgot your password, ask an administrator for a new one."),
)
APPLICATIONS = (
    N_("Too many applications came from your address; the next is possible in {seconds} seconds."),
    N_("Wait so long, then send the form again."),
)
_FIRST_SECONDS = 5
_LONGEST_SECONDS = 900
_FORGOTTEN = timedelta(hours=24)


def keys(name_key: str, address: str) -> dict[str, int]:
    """The counters one attempt belongs to, with how many failures each forgives."""
    counters = {f"name:{name_key}": FREE_BY_NAME}
    return counters | ({f"address:{address}": FREE_BY_ADDRESS} if address else {})


def application_keys(address: str) -> dict[str, int]:
    """The counter of applications from an address: a whole school may apply in one lesson."""
    return {f"applications:{address}": FREE_APPLICATIONS}


def begin(session: Session, counters: dict[str, int], refusal: tuple[str, str] | None = None) -> None:
    """Count an attempt as failed until ``succeeded`` takes it back, unless it comes too early.

    Raises:
        TooMany: with the seconds to wait.
    """
    must_wait_not(session, counters, refusal or SIGN_INS)
    failed(session, counters)


def must_wait_not(session: Session, counters: dict[str, int], refusal: tuple[str, str] | None = None) -> None:
    """Refuse an attempt that comes too early.

    Raises:
        TooMany: with the seconds to wait.
    """
    sentence, hint = refusal or SIGN_INS
    for key in counters:
        row = session.get(ThrottleRow, key)
        if row and row.blocked_until and row.blocked_until > now():
            seconds = int((row.blocked_until - now()).total_seconds()) + 1
            raise TooMany("too-many-attempts", sentence, hint=hint, seconds=seconds)


def failed(session: Session, counters: dict[str, int]) -> None:
    """Count a failure, and forget those of yesterday: names that nobody has must not fill the table."""
    audit.beside(session)
    session.execute(delete(ThrottleRow).where(ThrottleRow.last < now() - _FORGOTTEN))
    for key, free in counters.items():
        row = session.get(ThrottleRow, key)
        if row is None:
            row = ThrottleRow(key=key, failures=0, last=now())
            session.add(row)
        row.failures += 1
        row.last = now()
        row.blocked_until = _until(row.failures, free)


def _until(failures: int, free: int) -> datetime | None:
    if failures < free:
        return None
    return now() + timedelta(seconds=min(_FIRST_SECONDS * 2 ** min(failures - free, 20), _LONGEST_SECONDS))


def succeeded(session: Session, counters: dict[str, int]) -> None:
    """Forget a name's failures; of an address only this attempt, or one good account would shield guesses at others."""
    for key, free in counters.items():
        row = session.get(ThrottleRow, key)
        if row is None:
            continue
        row.failures -= 1
        row.blocked_until = _until(row.failures, free)
        if key.startswith("name:") or row.failures <= 0:
            session.delete(row)
