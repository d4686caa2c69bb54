"""One place that opens the database and begins transactions.

``read()`` gives a consistent view; ``write()`` takes the write lock at once (SQLite: ``BEGIN IMMEDIATE``; PostgreSQL: an
advisory lock of the transaction), so that what is read inside stays true until the commit: the ledger and every rule of
uniqueness rely on it. After the commit the events collected in ``session.info`` are handed to ``after_commit``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

_BUSY_SECONDS = 30
_WRITE_LOCK = 0x7772697465  # "write", among the advisory locks of this database
Hook = Callable[[Session], None]


def open_engine(url: str) -> Engine:
    """An engine for ``url``; a plain ``postgresql://`` means psycopg 3."""
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        return create_engine(parsed, pool_pre_ping=True, pool_size=20, max_overflow=20)
    engine = create_engine(parsed, connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False}, pool_size=20)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    # without this the driver begins transactions by itself, and only before writes
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", f"busy_timeout={_BUSY_SECONDS * 1000}", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")


class Database:
    """Sessions on one engine. Rows stay readable after the transaction (they do not expire).

    ``info`` is what every session is given to know, by name.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        options: dict[str, Any] = {"writes": False}
        if self.engine.dialect.name == "postgresql":
            options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reading = self.engine.execution_options(**options)
        self.info: dict[str, Any] = {}
        self.before_commit: list[Hook] = []
        self.after_commit: list[Hook] = []

    @property
    def conninfo(self) -> str | None:
        """The address for connections of psycopg's own; None where it is not PostgreSQL."""
        if self.engine.dialect.name != "postgresql":
            return None
        return self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def file(self) -> Path | None:
        """SQLite's file; None for another database, or one in memory."""
        name = self.engine.url.database if self.engine.dialect.name == "sqlite" else None
        return Path(name).resolve() if name and name != ":memory:" else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads; what it changes is rolled back."""
        with Session(self._reading, expire_on_commit=False, info=self.info) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is committed at the end, or rolled back when an exception leaves it."""
        with Session(self.engine, expire_on_commit=False, info=self.info) as session:
            # now, not at the first statement: who waits for this lock must not hold another one meanwhile (the queue's)
            session.connection()
            if self.engine.dialect.name == "postgresql":
                session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _WRITE_LOCK})
            yield session
            for hook in self.before_commit:
                hook(session)
            session.commit()
        for hook in self.after_commit:
            hook(session)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
