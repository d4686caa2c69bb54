"""The curves of instances, read from their event files as these grow; what was read is kept while pages ask for it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from trainyard.home import Home
from trainyard.metrics.progress import RunProgress, progress_of
from trainyard.metrics.reader import RunReader
from trainyard.metrics.sampling import view
from trainyard.metrics.series import SeriesTable
from trainyard.records.trainings import SeriesPoints

MOST_KEPT = 64
MOST_TOLD, MOST_FILES = 4096, 64
"""Of so many instances, of at most so many files each, it is remembered how far they came: lists of old ones read nothing."""
MOST_TAGS = 2_000
MOST_POINTS = 20_000_000
"""Of one instance; its job writes as many as its disk takes, and a point is 24 bytes here."""
MOST_POINTS_KEPT = 2 * MOST_POINTS


@dataclass(frozen=True)
class _Told:
    """How far an instance is, as long as its files have these sizes; ``full``: no more of them is ever read."""

    reader: RunReader
    sizes: dict[str, int]
    full: bool
    progress: RunProgress
    last: float | None

    def holds(self) -> bool:
        """Whether there is nothing new."""
        return self.full or self.reader.sizes_now() == self.sizes


@dataclass
class _Run:
    """One instance's reader and what it has read."""

    reader: RunReader
    table: SeriesTable = field(default_factory=lambda: SeriesTable(MOST_TAGS))
    size: int = 0
    last: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def catch_up(self) -> None:
        """Read what is new; called under the lock."""
        more = True
        while more and self.size < MOST_POINTS:
            news = self.reader.poll()
            self.table.apply(news.updates)
            self.size, more = self.table.size, news.more
        newest = [series.last for series in self.table.by_tag.values()]
        self.last = max((point[1] for point in newest if point), default=None)

    def told(self) -> _Told:
        """What is worth remembering; called under the lock."""
        # a reader of its own: this one holds a place in every file
        look = RunReader(self.reader.root, self.reader.relative)
        return _Told(look, self.reader.sizes, self.size >= MOST_POINTS, progress_of(self.table), self.last)


@dataclass(frozen=True)
class Window:
    """Which part of the curves is asked for: tags (all when empty), at most so many points, between two steps."""

    tags: tuple[str, ...] = ()
    points: int = 1000
    first: int | None = None
    last: int | None = None


class CurveReader:
    """Curves by instance; the ones asked for last are kept in memory."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._runs: OrderedDict[str, _Run] = OrderedDict()
        self._told: OrderedDict[str, _Told] = OrderedDict()
        self._lock = threading.Lock()

    def series(self, training: str, instance: str, window: Window) -> list[SeriesPoints]:
        """The scalars of one instance."""
        run = self._run(training, instance)
        with run.lock:
            run.catch_up()
            tags = sorted(run.table.by_tag) if not window.tags else [tag for tag in window.tags if tag in run.table.by_tag]
            return [view(run.table.by_tag[tag], window.points, window.first, window.last) for tag in tags]

    def progress(self, training: str, instance: str) -> tuple[RunProgress, float | None]:
        """How far an instance is, and when it wrote its last point (seconds since 1970)."""
        known = self._remembered(instance)
        if known is not None and known.holds():
            return known.progress, known.last
        run = self._run(training, instance)
        with run.lock:
            run.catch_up()
            told = run.told()
        self._remember(instance, told)
        return told.progress, told.last

    def _remembered(self, instance: str) -> _Told | None:
        with self._lock:
            return self._told.get(instance) if instance not in self._runs else None

    def _remember(self, instance: str, told: _Told) -> None:
        if len(told.sizes) > MOST_FILES:
            return
        with self._lock:
            self._told[instance] = told
            self._told.move_to_end(instance)
            while len(self._told) > MOST_TOLD:
                self._told.popitem(last=False)

    def newest(self, training: str, instance: str) -> dict[str, float]:
        """The newest value of every scalar."""
        run = self._run(training, instance)
        with run.lock:
            run.catch_up()
            return {tag: point[2] for tag, series in run.table.by_tag.items() if (point := series.last)}

    def _run(self, training: str, instance: str) -> _Run:
        with self._lock:
            run = self._runs.get(instance)
            if run is None:
                run = self._runs[instance] = _Run(RunReader(self._home.run(training), f"{instance}/logs"))
            self._runs.move_to_end(instance)
            while len(self._runs) > MOST_KEPT or (len(self._runs) > 1 and self._points() > MOST_POINTS_KEPT):
                self._runs.popitem(last=False)
            return run

    def _points(self) -> int:
        return sum(run.size for run in self._runs.values())

    def forget(self, instance: str) -> None:
        """The instance is gone."""
        with self._lock:
            self._runs.pop(instance, None)
            self._told.pop(instance, None)
