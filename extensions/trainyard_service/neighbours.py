"""Services on one database hear of each other's changes at once, without asking again and again.

On PostgreSQL what a transaction announces goes out with it by ``NOTIFY`` and comes in by ``LISTEN``. Beside SQLite lies a file
``<database>-news``: a line for each commit, watched for changes; a line that was lost with its writer is made up for by the
reconciler's slow tick. Whoever begins to listen (again) publishes ``reset``: ask for everything, something may be new.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session
from trainyard.inotify import names_as_they_change

from trainyard_service.context import Context
from trainyard_service.database.engine import Database
from trainyard_service.events import EVERYBODY, Announcement, Audience, EventBus, announced
from trainyard_service.lasting import beside

log = logging.getLogger(__name__)
_CHANNEL = "trainyard"
_MOST_BYTES = 7900  # PostgreSQL refuses notifications of 8000 bytes
_MOST_NEWS = 4 << 20
_GATHER_SECONDS = 0.01
_HANDSHAKE_SECONDS = 0.2
_AGAIN_SECONDS = 1.0
_NOBODY = Audience(administrators=False)


class Neighbours(Protocol):
    """The way to the other services; ``tell`` is a hook of the database, ``listen`` runs until cancelled."""

    def tell(self, session: Session) -> None:
        """Pass on what the transaction announced."""
        ...

    async def listen(self) -> None:
        """Publish on our own bus what others tell."""
        ...


def join(database: Database, bus: EventBus) -> Neighbours:
    """Tell others from now on; call it before ``bus.after_commit`` becomes a hook of the database."""
    if database.conninfo is not None:
        notices = Notifications(database.conninfo, bus)
        database.before_commit.append(notices.tell)
        return notices
    if database.file is None:
        return Alone()
    journal = Journal(database.file.with_name(f"{database.file.name}-news"), bus)
    database.after_commit.append(journal.tell)
    return journal


@asynccontextmanager
async def neighbours_part(context: Context) -> AsyncIterator[None]:
    """Listen as long as the service runs."""
    async with beside(context.parts["neighbours"].listen):
        yield


class Alone:
    """A database in memory has one service."""

    def tell(self, session: Session) -> None:
        """There is nobody."""

    async def listen(self) -> None:
        """Nobody will ever say anything."""
        await asyncio.Event().wait()


class Notifications:
    """``NOTIFY`` and ``LISTEN`` on one channel."""

    def __init__(self, conninfo: str, bus: EventBus) -> None:
        self._conninfo = conninfo
        self._bus = bus

    def tell(self, session: Session) -> None:
        """See ``Neighbours``; part of the transaction, so it is heard if and only if that is committed."""
        for payload in _packed(self._bus.life, announced(session)):
            session.execute(text(f"SELECT pg_notify('{_CHANNEL}', :payload)"), {"payload": payload})

    async def listen(self) -> None:
        """See ``Neighbours``; a broken connection is made again."""
        audience = _NOBODY
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    self._bus.publish("reset", "", audience)
                    async for notice in connection.notifies():
                        _publish(self._bus, notice.payload)
            except psycopg.OperationalError as error:
                log.warning("not listening to the database: %s", type(error).__name__)
            audience = EVERYBODY
            await asyncio.sleep(_AGAIN_SECONDS)


class Journal:
    """One file that every service appends to and watches; begun anew when it has grown large."""

    def __init__(self, path: Path, bus: EventBus) -> None:
        self._path = path
        self._bus = bus
        self._position = 0
        self._heard = asyncio.Event()

    def tell(self, session: Session) -> None:
        """See ``Neighbours``."""
        self._append(_packed(self._bus.life, announced(session)))

    def _append(self, lines: Iterable[str]) -> None:
        data = "".join(f"{line}\n" for line in lines).encode()
        if not data:
            return
        with contextlib.suppress(OSError):  # a full disk must not undo what is committed
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                if os.fstat(descriptor).st_size > _MOST_NEWS:
                    os.ftruncate(descriptor, 0)
                os.write(descriptor, data)
            finally:
                os.close(descriptor)

    async def listen(self) -> None:
        """See ``Neighbours``."""
        self._path.touch(0o600)
        self._position = self._path.stat().st_size
        greeting = asyncio.create_task(self._greet())
        try:
            async for name in names_as_they_change(self._path.parent):
                if name == self._path.name:
                    self._heard.set()
                    await asyncio.sleep(_GATHER_SECONDS)
                    for line in self._news():
                        _publish(self._bus, line)
        finally:
            greeting.cancel()

    async def _greet(self) -> None:
        """Write until we hear ourselves: only then nothing can be missed any more."""
        while not self._heard.is_set():
            await asyncio.to_thread(self._append, [_pack(self._bus.life, [])])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), _HANDSHAKE_SECONDS)
        self._bus.publish("reset", "", _NOBODY)

    def _news(self) -> Iterator[str]:
        with self._path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size < self._position:
                self._position = 0
            if size == self._position:
                return  # of what was read together, each line still has its event
            file.seek(self._position)
            data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        self._position += len(complete)
        ours = f'{{"from":"{self._bus.life}"'
        yield from (line for line in complete.decode("utf-8", "replace").splitlines() if not line.startswith(ours))


def _packed(sender: str, events: list[Announcement]) -> Iterator[str]:
    """The events in as few messages as PostgreSQL takes."""
    if not events:
        return
    whole = _pack(sender, events)
    if len(whole.encode()) <= _MOST_BYTES:
        yield whole
    elif len(events) > 1:
        middle = len(events) // 2
        yield from _packed(sender, events[:middle])
        yield from _packed(sender, events[middle:])
    else:
        # an audience too large to name: reconcilers hear of it, pages when they ask again
        topic, id, _ = events[0]
        yield _pack(sender, [(topic, id, _NOBODY)])


def _pack(sender: str, events: list[Announcement]) -> str:
    rows = [[topic, id, sorted(to.accounts), sorted(to.groups), to.everybody, to.administrators] for topic, id, to in events]
    return json.dumps({"from": sender, "events": rows}, separators=(",", ":"))


def _publish(bus: EventBus, message: str) -> None:
    """What another service said, on our bus; our own words and broken lines are passed over."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        told = json.loads(message)
        if told["from"] == bus.life:
            return
        for topic, id, accounts, groups, everybody, administrators in told["events"]:
            bus.publish(topic, id, Audience(frozenset(accounts), frozenset(groups), everybody, administrators))
