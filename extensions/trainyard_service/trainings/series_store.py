"""The series of one instance on disk, whole and at several resolutions, so that a chart of a million points reads a few pages.

One SQLite file an instance: chunks of 4,096 points with their coarse levels, and how far each event file was read. All of it
changes in one transaction, so what a kill leaves is what was there before or after. The file is a copy of what event files say:
one that is damaged or of another version is thrown away and made anew.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainyard.metrics.levels import CHUNK, WIDTHS, joined, levels, packed, unpacked
from trainyard.metrics.reader import Mark
from trainyard.metrics.series import NO_POINTS, Points

VERSION = 1
APPLICATION = 0x54595345
_BUSY_SECONDS = 30
_SCHEMA = """
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tag (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, total INTEGER NOT NULL,
                  step INTEGER NOT NULL, time REAL, value REAL);
CREATE TABLE chunk (id INTEGER PRIMARY KEY, tag INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
                    count INTEGER NOT NULL, level2 BLOB, level1 BLOB, level0 BLOB);
CREATE UNIQUE INDEX chunk_place ON chunk (tag, first, last, count);
CREATE TABLE whole (id INTEGER PRIMARY KEY, points BLOB NOT NULL);
"""
_LEVELS = ("level0", "level1", "level2")
_WHOLE = "(SELECT points FROM whole WHERE whole.id = chunk.id)"
_ALL = f"SELECT {_WHOLE} FROM chunk WHERE tag = ? ORDER BY first"  # noqa: S608
_FEW = 32
"""So many times the points that are asked for are read and thinned out as quickly as a level is."""


class Damaged(Exception):
    """The file cannot be trusted."""


class Overtaken(Exception):
    """Another process has changed the file meanwhile."""


@dataclass(frozen=True)
class Kept:
    """One tag in the store: its newest point (step, time, value) and how many points it has."""

    number: int
    total: int
    last: tuple[int, float, float]


@dataclass(frozen=True)
class State:
    """What the store holds: tags in the order they came, marks of event files, and the name of this very state."""

    tags: dict[str, Kept]
    marks: dict[str, Mark]
    name: str


class SeriesStore:
    """The store at ``path``; it holds nothing open between calls. Errors of the disk are ``sqlite3.Error``."""

    def __init__(self, path: Path, *, draft: bool = False) -> None:
        self.path = path
        self._draft = draft

    @classmethod
    def draft(cls, path: Path) -> SeriesStore:
        """A new, empty store that becomes ``path`` by ``settle``; until then its writes wait for no disk."""
        path.parent.mkdir(parents=True, exist_ok=True)
        store = cls(path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.draft"), draft=True)
        with store._open() as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.executescript(_SCHEMA)
            _remember(connection, {})
            connection.commit()
        return store

    def settle(self, path: Path) -> SeriesStore:
        """The same store at ``path``, once its bytes are on the disk."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(path)
        return SeriesStore(path)

    def state(self) -> State:
        """What it holds.

        Raises:
            Damaged: nothing to be trusted. FileNotFoundError: it is not there.
        """
        if not self.path.exists():
            raise FileNotFoundError(self.path)
        try:
            with self._open() as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version != VERSION or connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
                    raise Damaged(f"version {version}")
                return State(_tags(connection), _marks(connection), _name(connection))
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError) as error:
            if isinstance(error, sqlite3.OperationalError) and "unable to open" in str(error):
                raise
            raise Damaged(str(error)) from error

    def name(self) -> str:
        """The name of its state; another one means that somebody has changed it."""
        try:
            with self._open() as connection:
                return _name(connection)
        except sqlite3.Error:
            return ""

    def fold(self, before: State, cuts: Mapping[str, int], news: Mapping[str, Points], marks: Mapping[str, Mark]) -> State:
        """Add ``news`` after forgetting, of each tag of ``cuts``, the points from that step on.

        Raises:
            Overtaken: the store is not (any more) in the state ``before``. sqlite3.Error: the disk refused.
        """
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if _name(connection) != before.name:
                raise Overtaken(before.name)
            tags = _tags(connection)
            for tag, step in cuts.items():
                if tag in tags:
                    _cut(connection, tags[tag].number, step)
            for tag in dict.fromkeys([*cuts, *news]):
                number = tags[tag].number if tag in tags else _new_tag(connection, tag)
                _append(connection, number, news.get(tag, NO_POINTS))
                _count(connection, number)
            _remember(connection, marks)
            connection.commit()
            return State(_tags(connection), dict(marks), _name(connection))

    def window(self, kept: Kept, bounds: tuple[int | None, int | None], most: int) -> Points:
        """The points between two steps, both included, at the finest level that has not many more than ``most``."""
        first, last = bounds
        where = "FROM chunk WHERE tag = ? AND last >= ? AND first <= ?"
        low, high = (-(1 << 63) if first is None else first), ((1 << 63) - 1 if last is None else last)
        with self._open() as connection:
            values = (kept.number, low, high)
            count = connection.execute(f"SELECT sum(count) {where}", values).fetchone()[0] or 0
            chosen = f"coalesce({column}, {_WHOLE})" if (column := _level_for(count, most)) else _WHOLE
            found = joined([unpacked(row[0]) for row in connection.execute(f"SELECT {chosen} {where} ORDER BY first", values)])
        inside = (found.steps >= low) & (found.steps <= high)
        return found if inside.all() else found[inside]

    def recent(self, kept: Kept, count: int) -> Points:
        """The newest ``count`` points, or all."""
        parts: list[Points] = []
        with self._open() as connection:
            for row in connection.execute(f"{_ALL} DESC", (kept.number,)):
                parts.insert(0, unpacked(row[0]))
                if sum(map(len, parts)) >= count:
                    break
        return joined(parts)[-count:]

    def chunks(self, kept: Kept) -> Iterator[Points]:
        """All points, a piece at a time."""
        with self._open() as connection:
            for row in connection.execute(_ALL, (kept.number,)):
                yield unpacked(row[0])

    def remove(self) -> None:
        """It is gone, with what a killed transaction may have left."""
        for name in (self.path.name, f"{self.path.name}-journal"):
            self.path.with_name(name).unlink(missing_ok=True)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(_connect(self.path)) as connection:
            connection.execute("PRAGMA cache_size = -1024")
            if self._draft:
                connection.execute("PRAGMA journal_mode = OFF")
                connection.execute("PRAGMA synchronous = OFF")
            yield connection


def remove_drafts(folder: Path) -> None:
    """Drafts of processes that are no more; another service may be writing one now."""
    for draft in folder.glob("*.draft"):
        pid = draft.name.split(".")[-2].partition("-")[0]
        if not Path("/proc", pid).exists():
            draft.unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    # a download is read by one thread after the other
    return sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _level_for(count: int, most: int) -> str | None:
    """The coarsest level that leaves ``most`` of ``count`` points; None for all points, where they are few."""
    if count <= _FEW * most:
        return None
    fitting = [name for name, width in zip(_LEVELS, WIDTHS, strict=True) if count * 4 // width >= most]
    return fitting[-1]


def _name(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT value FROM state WHERE name = 'name'").fetchone()
    return str(row[0]) if row else ""


def _marks(connection: sqlite3.Connection) -> dict[str, Mark]:
    told = json.loads(connection.execute("SELECT value FROM state WHERE name = 'marks'").fetchone()[0])
    return {name: (int(offset), int(inode), bool(broken)) for name, (offset, inode, broken) in told.items()}


def _remember(connection: sqlite3.Connection, marks: Mapping[str, Mark]) -> None:
    rows = (("marks", json.dumps(marks)), ("name", secrets.token_hex(8)))
    connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", rows)


def _tags(connection: sqlite3.Connection) -> dict[str, Kept]:
    rows = connection.execute("SELECT name, id, total, step, time, value FROM tag ORDER BY id")
    return {row[0]: Kept(row[1], row[2], (row[3], _number(row[4]), _number(row[5]))) for row in rows}


def _number(stored: float | None) -> float:
    """SQLite keeps what is no number as nothing."""
    return float("nan") if stored is None else float(stored)


def _new_tag(connection: sqlite3.Connection, name: str) -> int:
    found = connection.execute("INSERT INTO tag (name, total, step) VALUES (?, 0, 0)", (name,)).lastrowid
    assert found is not None
    return found


def _cut(connection: sqlite3.Connection, tag: int, step: int) -> None:
    """Forget points from ``step`` on; the chunk it lies in becomes shorter and open again."""
    torn = connection.execute("SELECT id FROM chunk WHERE tag = ? AND first < ? AND last >= ?", (tag, step, step)).fetchall()
    left = [_points(connection, number)[0] for number in torn]
    doomed = [row[0] for row in connection.execute("SELECT id FROM chunk WHERE tag = ? AND last >= ?", (tag, step))]
    _delete(connection, doomed)
    for points in left:
        _insert(connection, tag, points[points.steps < step])


def _append(connection: sqlite3.Connection, tag: int, news: Points) -> None:
    """``news`` behind what is there: the last chunk is filled up first."""
    if not len(news):
        return
    row = connection.execute("SELECT id, count FROM chunk WHERE tag = ? ORDER BY first DESC LIMIT 1", (tag,)).fetchone()
    if row is not None and row[1] < CHUNK:
        news = joined([*_points(connection, (row[0],)), news])
        _delete(connection, [row[0]])
    whole = len(news) // CHUNK * CHUNK
    for place, found in enumerate(levels(news[:whole])):
        _insert(connection, tag, news[place * CHUNK : (place + 1) * CHUNK], found)
    if whole < len(news):
        _insert(connection, tag, news[whole:])


def _points(connection: sqlite3.Connection, number: tuple[int]) -> list[Points]:
    return [unpacked(row[0]) for row in connection.execute("SELECT points FROM whole WHERE id = ?", number)]


def _insert(connection: sqlite3.Connection, tag: int, points: Points, found: Sequence[Points] = ()) -> None:
    """One chunk; only a full one has levels (``found``), an open one is short enough without."""
    coarse = [packed(one) for one in found] if found else [None] * len(WIDTHS)
    columns = (tag, int(points.steps[0]), int(points.steps[-1]), len(points), *reversed(coarse))
    query = "INSERT INTO chunk (tag, first, last, count, level2, level1, level0) VALUES (?, ?, ?, ?, ?, ?, ?)"
    number = connection.execute(query, columns).lastrowid
    connection.execute("INSERT INTO whole VALUES (?, ?)", (number, packed(points)))


def _delete(connection: sqlite3.Connection, numbers: list[int]) -> None:
    for table in ("chunk", "whole"):
        connection.executemany(f"DELETE FROM {table} WHERE id = ?", [(number,) for number in numbers])  # noqa: S608


def _count(connection: sqlite3.Connection, tag: int) -> None:
    """Write down how many points a tag has, and its newest; a tag without points is gone."""
    query = "SELECT sum(count), max(first) FROM chunk WHERE tag = ?"
    total, _ = connection.execute(query, (tag,)).fetchone()
    if not total:
        connection.execute("DELETE FROM tag WHERE id = ?", (tag,))
        return
    row = connection.execute("SELECT id FROM chunk WHERE tag = ? ORDER BY first DESC LIMIT 1", (tag,)).fetchone()
    newest = _points(connection, row)[0]
    values = (total, int(newest.steps[-1]), float(newest.times[-1]), float(newest.values[-1]), tag)
    connection.execute("UPDATE tag SET total = ?, step = ?, time = ?, value = ? WHERE id = ?", values)
