"""Reading event files while they grow: each reader remembers how far it came and holds nothing else.

A torn last record is left for the next time. A record whose checksum is wrong is passed over and told; where even its length
cannot be believed, the rest of that file is lost and told once. Reading never raises for what a file contains.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from trainyard.metrics.beneath import folder_beneath, open_in
from trainyard.metrics.bulk import Found, decode
from trainyard.metrics.framing import frames
from trainyard.metrics.series import Update

CHUNK = 4 << 20
"""Bytes looked at together; with ``LARGEST_RECORD`` it bounds the memory of a reader."""
LARGEST_RECORD = 16 << 20
"""No scalar is that large; a longer record (a graph, pictures, a hole in a sparse file) is passed over unread."""
_MARK = "tfevents"
Mark = tuple[int, int, bool]
"""Of an event file: how many bytes were read, its inode (0: not known), and whether nothing after them can be read."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with an event file, and where."""

    file: str
    offset: int
    reason: str


@dataclass
class News:
    """What a reader found this time. ``more``: there is more to read at once. ``bytes``: how far it came."""

    updates: list[Update] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    more: bool = False
    bytes: int = 0


class EventReader:
    """One event file; ``read`` gives what was added since the last time."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.broken = False
        self._identity: int | None = None
        self._at_once = CHUNK

    @property
    def mark(self) -> Mark:
        """Where it is, to be kept."""
        return self.offset, self._identity or 0, self.broken

    @classmethod
    def at(cls, path: Path, mark: Mark) -> EventReader:
        """A reader that goes on at ``mark``; of a file that was replaced since it notices that."""
        reader = cls(path, mark[0])
        reader._identity, reader.broken = mark[1] or None, mark[2]
        return reader

    def read(self, limit: int = CHUNK) -> News:
        """The scalars of about the next ``limit`` bytes.

        Raises:
            OSError: the file cannot be opened.
        """
        with self.path.open("rb") as file:
            return self.read_from(file, limit)

    def read_from(self, file: BinaryIO, limit: int = CHUNK) -> News:
        """Like ``read``, from a file that was opened with care (see ``beneath``)."""
        news = News()
        state = os.fstat(file.fileno())
        self._notice_replacement(state.st_ino, state.st_size, news)
        if self.broken or state.st_size <= self.offset:
            return news
        file.seek(self.offset)
        self._take(file.read(max(limit, self._at_once)), state.st_size, news)
        news.more = not self.broken and news.bytes > 0 and self.offset < state.st_size
        return news

    def _take(self, buffer: bytes, size: int, news: News) -> None:
        found = frames(buffer)
        tables, damaged = decode(buffer, found)
        news.updates.extend(_updates(tables))
        for position in damaged:
            self._tell(news, position, "the checksum of a record is wrong, the record was passed over")
        if found.broken:
            self.broken = True
            self._tell(news, found.consumed, f"{found.broken}, the rest of the file was not read")
        done = found.consumed
        if not done and found.needed > LARGEST_RECORD:
            done = found.needed if self.offset + found.needed <= size else 0
        self._at_once = found.needed if not done and len(buffer) < found.needed <= LARGEST_RECORD else CHUNK
        self.offset += done
        news.bytes += done

    def _notice_replacement(self, identity: int, size: int, news: News) -> None:
        replaced = self._identity is not None and (identity != self._identity or size < self.offset)
        self._identity = identity
        if replaced:
            self._tell(news, 0, "the file was replaced or cut, it is read again from its beginning")
            self.offset, self.broken = 0, False

    def _tell(self, news: News, position: int, reason: str) -> None:
        news.problems.append(Problem(self.path.name, self.offset + position, reason))


class RunReader:
    """All event files of a run's ``logs`` folder, oldest first; ``poll`` gives what is new in any of them.

    ``root`` is trusted, ``relative`` (the instance's folder below it) is not: no symbolic link is followed there.
    Memory is one chunk and a number a file; a poll without news costs one look at the folder.
    """

    def __init__(self, root: Path, relative: str = "") -> None:
        self.root = root
        self.relative = relative
        self._readers: dict[str, EventReader] = {}
        self._sizes: dict[str, int] = {}

    @property
    def offsets(self) -> dict[str, int]:
        """How far each file was read."""
        return {name: reader.offset for name, reader in self._readers.items()}

    @property
    def marks(self) -> dict[str, Mark]:
        """How far each file was read, and which file that was, to go on after a restart (``resume``)."""
        return {name: reader.mark for name, reader in self._readers.items()}

    def resume(self, marks: dict[str, Mark]) -> None:
        """Go on where a reader with these ``marks`` stopped."""
        self._readers = {name: EventReader.at(Path(name), mark) for name, mark in marks.items()}
        self._sizes = {}

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of files that were read to their end, by name."""
        return dict(self._sizes)

    def sizes_now(self) -> dict[str, int]:
        """The sizes of the files that are there; other than ``sizes`` where there is something to read."""
        try:
            with folder_beneath(self.root, self.relative) as folder:
                return dict(_event_files(folder))
        except OSError:
            return {}

    def poll(self, limit: int = 4 * CHUNK) -> News:
        """New points since the last poll, from about ``limit`` bytes; ask again at once while ``more`` is set."""
        news = News()
        try:
            with folder_beneath(self.root, self.relative) as folder:
                for name, size in _event_files(folder):
                    if size != self._sizes.get(name):
                        self._read(folder, name, size, limit, news)
                    if news.more:
                        break
        except FileNotFoundError:
            pass
        except OSError as error:
            news.problems.append(Problem(self.relative, 0, f"the folder cannot be read: {error.strerror or error}"))
        return news

    def _read(self, folder: int, name: str, size: int, limit: int, news: News) -> None:
        reader = self._readers.setdefault(name, EventReader(Path(name)))
        try:
            with open_in(folder, name) as file:
                while True:
                    part = reader.read_from(file)
                    news.updates += part.updates
                    news.problems += part.problems
                    news.bytes += part.bytes
                    if not part.more or news.bytes >= limit:
                        break
        except OSError as error:
            part = News()
            news.problems.append(Problem(name, 0, f"the file cannot be read: {error.strerror or error}"))
        news.more = part.more
        if not part.more:
            self._sizes[name] = size


def _event_files(folder: int) -> list[tuple[str, int]]:
    """Names and sizes of the event files in ``folder``, in the order they were begun (the time is in their names)."""
    with os.scandir(folder) as entries:
        found = [(e.name, e.stat(follow_symlinks=False).st_size) for e in entries if _MARK in e.name]
    return sorted(found, key=lambda item: (_begun(item[0]), item[0]))


def _begun(name: str) -> float:
    digits = name.partition(f"{_MARK}.")[2].split(".")
    try:
        return float(".".join(digits[:2])) if len(digits) > 1 and digits[1].isdigit() else float(digits[0])
    except ValueError:
        return 0.0


def _updates(found: Iterable[Found]) -> list[Update]:
    updates = []
    for part in found:
        points = {tag: rows.points() for tag, rows in part.rows.items()}
        if points or part.restart is not None:
            updates.append(Update(points, part.restart))
    return updates
