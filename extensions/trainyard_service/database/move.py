"""Copying a whole database to another one: tables as they are in the source, counts compared before anything is kept.

It knows nothing of what the tables mean, so the Hub's database moves the same way. PostgreSQL's
sequences go on after the largest id, so that no id is given twice.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    delete,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import TypeEngine
from trainyard.errors import Conflict, Unavailable
from trainyard.home import Home
from trainyard.words import N_

from trainyard_service.database.engine import Database, open_engine
from trainyard_service.database.upgrade import upgrade

_ROWS = 1000


def move_ours(source: str, target: str) -> dict[str, int]:
    """Move the service's own database; its tables come from the migrations, so that they are exactly the code's."""
    return move(source, target, _migrate)


def refuse_while_running(home: Home) -> None:
    """What is written while a copy is made would be lost.

    Raises:
        Conflict: ``make run`` holds the home (``platform-running``).
    """
    lock = home.root / "stack" / "run.lock"
    if not lock.exists():
        return
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            sentence = N_("The platform is running; its database can be moved only while it is stopped.")
            raise Conflict("platform-running", sentence, hint=N_("Stop it with: make stop")) from None


def beside(url: str, suffix: str) -> str:
    """The URL of a database on the same server whose name ends in ``suffix``."""
    parsed = make_url(url)
    return parsed.set(database=f"{parsed.database}{suffix}").render_as_string(hide_password=False)


def _migrate(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.close()


def move(source: str, target: str, prepare: Callable[[str], None] | None = None) -> dict[str, int]:
    """Copy every table of ``source`` to ``target`` in one transaction; how many rows each has.

    ``prepare`` makes the target's tables; without it they are made from the source's own description.

    Raises:
        Unavailable: one of them cannot be opened. Conflict: the target is not empty, or a count differs (no row is kept then).
    """
    old, new = open_engine(source), open_engine(target)
    try:
        with new.connect() as looking:
            _must_be_empty(looking)
        if prepare is not None:
            prepare(target)
        with old.connect().execution_options(writes=False) as reading, new.begin() as writing:
            for connection in (reading, writing):
                _speak_utc(connection)
            tables = _described(reading)
            tables.create_all(writing)
            return {table.name: _copy(table, reading, writing) for table in tables.sorted_tables}
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        sentence = N_("The database cannot be used: {reason}")
        raise Unavailable("database-refused", sentence, hint=N_("Make it first and look at its URL."), reason=reason) from error
    finally:
        old.dispose()
        new.dispose()


def _speak_utc(connection: Connection) -> None:
    """Times without a zone are UTC on both sides, whatever zone the server is in."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))


def _described(reading: Connection) -> MetaData:
    """The source's tables, with types that both databases have; server defaults of one are no SQL for the other."""
    tables = MetaData()
    tables.reflect(reading)
    for table in tables.tables.values():
        for column in table.columns:
            column.type = _portable(column.type)
            column.server_default = None
        table.dialect_options["sqlite"]["autoincrement"] = _counts_up(reading, table)
    return tables


def _counts_up(reading: Connection, table: Table) -> bool:
    if reading.dialect.name != "sqlite":
        return bool(table.autoincrement_column is not None)
    made = reading.execute(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table.name}).scalar() or ""
    return "AUTOINCREMENT" in made.upper()


def _portable(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    if isinstance(kind, Boolean):
        return Boolean()
    if isinstance(kind, DateTime):
        # the Hub keeps times without a zone, and cannot compare them with others
        return DateTime(timezone=bool(kind.timezone))
    if isinstance(kind, JSON):
        return JSON()
    if isinstance(kind, LargeBinary):
        return LargeBinary()
    if isinstance(kind, Integer):
        # SQLite does not tell 32 from 64 bits; only its ids must be INTEGER
        return BigInteger().with_variant(Integer(), "sqlite")
    return kind.as_generic()


def _must_be_empty(writing: Connection) -> None:
    present = MetaData()
    present.reflect(writing)
    if present.tables:
        raise Conflict(
            "database-not-empty",
            N_("The target database has {count} tables already."),
            hint=N_("Make an empty database and name that."),
            count=len(present.tables),
        )


def _copy(table: Table, reading: Connection, writing: Connection) -> int:
    writing.execute(delete(table))  # the mark of the migrations, which a prepared target has already
    rows = reading.execution_options(yield_per=_ROWS).execute(select(table))
    for part in rows.mappings().partitions(_ROWS):
        writing.execute(insert(table), [dict(row) for row in part])
    counted = select(func.count()).select_from(table)
    before, after = reading.scalar(counted) or 0, writing.scalar(counted) or 0
    if before != after:
        sentence = N_("The table {table} had {before} rows and has {after} now; nothing was kept.")
        raise Conflict("counts-differ", sentence, table=table.name, before=before, after=after)
    _go_on_counting(table, reading, writing)
    return after


def _go_on_counting(table: Table, reading: Connection, writing: Connection) -> None:
    """The next id is above every id ever given, also of rows that are gone."""
    column = table.autoincrement_column
    if column is None:
        return
    last = writing.scalar(select(func.max(column))) or 0
    if reading.dialect.name == "sqlite" and table.dialect_options["sqlite"]["autoincrement"]:
        given = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        last = max(last, reading.execute(given, {"name": table.name}).scalar() or 0)
    if writing.dialect.name == "postgresql" and last:
        sequence = "pg_get_serial_sequence(quote_ident(:name), :column)"
        writing.execute(text(f"SELECT setval({sequence}, :last)"), {"name": table.name, "column": column.name, "last": last})
