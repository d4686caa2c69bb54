"""One instance's event files, followed: what is new waits in memory until it is worth a write to the store.

Truth is in the event files. The store holds the points up to certain marks in them; what lies behind the marks is read again
after a restart, at most ``WAITING`` points. Two services may follow one instance: who comes second to a write notices
(``Overtaken``) and begins again from the store.
"""

from __future__ import annotations

import fcntl
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trainyard.metrics.levels import joined
from trainyard.metrics.progress import RunProgress, progress_of
from trainyard.metrics.reader import RunReader
from trainyard.metrics.sampling import chart, downsample
from trainyard.metrics.series import NO_POINTS, Points, Series, SeriesTable, Update
from trainyard.metrics.tags import PROGRESS, is_loss
from trainyard.records.trainings import SeriesPoints

from trainyard_service.trainings.series_store import Damaged, Overtaken, SeriesStore, State

WAITING = 1 << 16
AT_ONCE = 1 << 19
"""A long file is folded in pieces of so many points."""
MOST_TAGS = 2_000
MOST_POINTS = 20_000_000
"""Of one instance; its job writes as many as its disk takes, and a point is 24 bytes in the store."""
MOST_PROBLEMS = 20
_RECENT = 32
_EMPTY = State({}, {}, "")
log = logging.getLogger(__name__)


@dataclass
class Waiting:
    """What was read since the store's state: points by tag, and from which step on stored points are void."""

    table: SeriesTable = field(default_factory=lambda: SeriesTable(MOST_TAGS))
    cuts: dict[str, int] = field(default_factory=dict)

    def take(self, state: State, updates: list[Update]) -> None:
        """Apply what a reader found: later points replace what they repeat, in the store too."""
        for update in updates:
            if update.restart is not None:
                for tag in state.tags:
                    self._cut(state, tag, update.restart)
            known = {tag: points for tag, points in update.points.items() if self._has_room(state, tag)}
            for tag, points in known.items():
                self._cut(state, tag, int(points.steps.min()))
            self.table.apply([Update(known, update.restart)])

    def _has_room(self, state: State, tag: str) -> bool:
        known = tag in state.tags or tag in self.table.by_tag
        return known or len(state.tags.keys() | self.table.by_tag.keys()) < MOST_TAGS

    def _cut(self, state: State, tag: str, step: int) -> None:
        if tag in state.tags and step <= min(state.tags[tag].last[0], self.cuts.get(tag, step)):
            self.cuts[tag] = step


class Followed:
    """One instance: ``root`` is the trusted run folder, ``relative`` the event files' folder, ``path`` the store's file."""

    def __init__(self, root: Path, relative: str, path: Path) -> None:
        self.problems: list[str] = []
        self._root, self._relative, self._path = root, relative, path
        self._lock = threading.Lock()
        self._store: SeriesStore | None = None
        self._state = _EMPTY
        self._begin()

    @contextmanager
    def locked(self) -> Iterator[Followed]:
        """Alone with the instance, among threads and services; everything below is called within."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, self._path.with_suffix(".lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if self._changed():
                self._begin()
            yield self

    def catch_up(self, seconds: float = float("inf")) -> None:
        """Read what is new, for at most about so long."""
        deadline = time.monotonic() + seconds
        more = self._waiting.table.size < 2 * AT_ONCE or self._fold()
        while more and self.size < MOST_POINTS and time.monotonic() < deadline:
            news = self._reader.poll()
            self._waiting.take(self._state, news.updates)
            self._tell([f"{one.file}: {one.reason}" for one in news.problems])
            more = news.more
            if self._waiting.table.size >= (AT_ONCE if more else WAITING) and not self._fold():
                return
        if any(not len(self._waiting.table.by_tag.get(tag, _NONE)) for tag in self._waiting.cuts):
            self._fold()  # or nobody would know the newest point of a tag that was cut

    def put_away(self) -> None:
        """Write what waits, however little it is: nobody is about to look."""
        if self._waiting.table.size or self._waiting.cuts:
            self._fold()
        self.settle()

    def settle(self) -> None:
        """Bring a store that was just made to the disk and to its place; until then it is of this process only."""
        if self._store is None or not self.unsettled:
            return
        if self._path.exists():  # another service was quicker
            self._drop()
            self._begin()
            return
        try:
            self._store = self._store.settle(self._path)
        except OSError as error:
            log.warning("series not kept", extra={"path": str(self._path), "reason": str(error)})
            self._drop()
            self._begin()

    def anew(self) -> None:
        """Throw the store away, which turned out to be damaged, and begin from the event files."""
        self.remove()
        self._begin()

    def remove(self) -> None:
        """The instance is gone."""
        self._drop()
        SeriesStore(self._path).remove()
        self._path.with_suffix(".lock").unlink(missing_ok=True)

    @property
    def unsettled(self) -> bool:
        """Whether there is a store that is not in its place yet."""
        return self._store is not None and self._store.path != self._path

    @property
    def waiting(self) -> int:
        """Points that are in memory only."""
        return self._waiting.table.size

    # -- looking ----------------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """How many points there are, about (those to be cut count until they are)."""
        return self.waiting + sum(kept.total for kept in self._state.tags.values())

    @property
    def tags(self) -> list[str]:
        """The names of all scalars, sorted."""
        return sorted(tag for tag in self._state.tags.keys() | self._waiting.table.by_tag.keys() if self.last(tag))

    @property
    def moment(self) -> float | None:
        """When the newest point was written."""
        return max((point[1] for tag in self.tags if (point := self.last(tag))), default=None)

    @property
    def lost(self) -> list[str]:
        """The losses that are no number any more."""
        newest = {tag: self.last(tag) for tag in self.tags if is_loss(tag)}
        return [tag for tag, point in newest.items() if point and not math.isfinite(point[2])]

    def last(self, tag: str) -> tuple[int, float, float] | None:
        """Step, time and value of the newest point."""
        waiting = self._waiting.table.by_tag.get(tag)
        if waiting is not None and waiting.last is not None:
            return waiting.last
        kept = self._state.tags.get(tag)
        if kept is None:
            return None
        if tag not in self._waiting.cuts:
            return kept.last
        rest = self._kept_points(tag, (None, None), 1)
        return (int(rest.steps[-1]), float(rest.times[-1]), float(rest.values[-1])) if len(rest) else None

    def drawn(self, tag: str, most: int, bounds: tuple[int | None, int | None]) -> SeriesPoints:
        """One scalar between two steps as a chart wants it."""
        waiting: Series = self._waiting.table.by_tag.get(tag, _NONE)
        points = downsample(joined([self._kept_points(tag, bounds, most), waiting.window(*bounds)]), most)
        kept = self._state.tags.get(tag)
        return chart(tag, points, (kept.total if kept else 0) + len(waiting))

    def pieces(self, tag: str) -> Iterator[Points]:
        """All points of one scalar, a piece at a time."""
        kept, cut = self._state.tags.get(tag), self._waiting.cuts.get(tag)
        if kept is not None and self._store is not None:
            for points in self._store.chunks(kept):
                yield points if cut is None else points[points.steps < cut]
        if tag in self._waiting.table.by_tag:
            yield self._waiting.table.by_tag[tag].points

    def progress(self) -> RunProgress:
        """How far it is."""
        table = SeriesTable()
        for tag in PROGRESS:
            waiting = self._waiting.table.by_tag.get(tag, _NONE).points[-_RECENT:]
            kept = self._state.tags.get(tag)
            if len(waiting) < _RECENT and kept is not None and self._store is not None and tag not in self._waiting.cuts:
                waiting = joined([self._store.recent(kept, _RECENT), waiting])
            if len(waiting):
                table.apply([Update({tag: waiting})])
        return progress_of(table)

    def sizes(self) -> dict[str, int]:
        """The sizes of the event files that were read to their ends."""
        return self._reader.sizes

    def _kept_points(self, tag: str, bounds: tuple[int | None, int | None], most: int) -> Points:
        kept, cut = self._state.tags.get(tag), self._waiting.cuts.get(tag)
        if kept is None or self._store is None:
            return NO_POINTS
        first, last = bounds
        if cut is not None:
            last = cut - 1 if last is None else min(last, cut - 1)
        found: Points = self._store.window(kept, (first, last), most)
        return found

    # -- the store --------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """From what the store holds, or from nothing."""
        self._reader = RunReader(self._root, self._relative)
        self._waiting = Waiting()
        self._store, self._state = self._kept_before()
        self._reader.resume(self._state.marks)

    def _kept_before(self) -> tuple[SeriesStore | None, State]:
        store = SeriesStore(self._path)
        try:
            return store, store.state()
        except FileNotFoundError:
            pass
        except Damaged as reason:
            log.warning("series are made anew", extra={"path": str(self._path), "reason": str(reason)})
            store.remove()
        except sqlite3.Error as error:
            self._tell([str(error)])
        return None, _EMPTY

    def _changed(self) -> bool:
        """Whether another service has written, or removed, the store meanwhile."""
        if self._store is None:
            return self._path.exists()
        return self._store.name() != self._state.name

    def _fold(self) -> bool:
        """Write what waits into the store; False if the disk does not take it (it goes on waiting, and nothing is read)."""
        series = {tag: one.points for tag, one in self._waiting.table.by_tag.items() if len(one)}
        try:
            if self._store is None:
                self._store = SeriesStore.draft(self._path)
                self._state = self._store.state()
            self._state = self._store.fold(self._state, self._waiting.cuts, series, self._reader.marks)
        except (sqlite3.Error, OSError, Damaged, Overtaken) as error:
            log.warning("series not written", extra={"path": str(self._path), "reason": str(error)})
            self._tell([f"the curves cannot be kept: {error}"])
            return False
        self._waiting = Waiting()
        return True

    def _drop(self) -> None:
        if self._store is not None and self.unsettled:
            self._store.remove()
        self._store = None

    def _tell(self, problems: list[str]) -> None:
        self.problems = [*self.problems, *(one for one in problems if one not in self.problems)][-MOST_PROBLEMS:]


_NONE = Series("")
"""No points, for a tag of which none wait."""
