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
MOST_TAGS = 2_000
MOST_POINTS = 20_000_000
"""Of one instance; its job writes as many as its disk takes, and a point is 24 bytes here."""
MOST_POINTS_KEPT = 2 * MOST_POINTS


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
        run = self._run(training, instance)
        with run.lock:
            run.catch_up()
            return progress_of(run.table), run.last

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
