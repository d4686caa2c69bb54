"""The curves of instances: followed as jobs write them, kept at several resolutions on disk, drawn from there.

What was read is kept in the service's folder (``series_store``), so that a chart after a start of the service reads pages, not
event files. In memory is only what waits to be written, of instances that were asked for or written to lately.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from os import cpu_count

from trainyard.home import Home
from trainyard.metrics.progress import RunProgress
from trainyard.metrics.reader import RunReader
from trainyard.metrics.series import Points
from trainyard.records.trainings import SeriesPoints

from trainyard_service.context import Context
from trainyard_service.trainings.followed import Followed
from trainyard_service.trainings.series_store import remove_drafts

MOST_KEPT = 32
MOST_WAITING = 1 << 20
"""Points in memory of all instances together, beyond which those asked for longest ago are put away."""
MOST_TOLD, MOST_FILES = 4096, 64
"""Of so many instances, of at most so many files each, it is remembered how far they came: lists of old ones read nothing."""
QUIET_SECONDS = 600
"""An instance that wrote nothing for so long is put away as soon as it was looked at."""
_LOOK_SECONDS = 0.5
"""A list waits no longer for what a foreign run holds; its own page does."""
_PART = "curves"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Told:
    """How far an instance is, as long as its files have these sizes."""

    reader: RunReader
    sizes: dict[str, int]
    progress: RunProgress
    last: float | None

    def holds(self) -> bool:
        """Whether there is nothing new."""
        return self.reader.sizes_now() == self.sizes


@dataclass(frozen=True)
class Window:
    """Which part of the curves is asked for: tags (all when empty), at most so many points, between two steps."""

    tags: tuple[str, ...] = ()
    points: int = 1000
    first: int | None = None
    last: int | None = None


class CurveReader:
    """Curves by training and instance."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folder = home.service / "series"
        self._runs: OrderedDict[str, Followed] = OrderedDict()
        self._told: OrderedDict[str, _Told] = OrderedDict()
        self._lock = threading.Lock()
        self._tidying = ThreadPoolExecutor(1, thread_name_prefix="series")
        self._looking = ThreadPoolExecutor(max(2, min(8, cpu_count() or 1)), thread_name_prefix="curves")
        remove_drafts(self._folder)

    def series(self, training: str, instance: str, window: Window) -> list[SeriesPoints]:
        """The scalars of one instance."""
        with self._run(training, instance) as run:
            try:
                return _series(run, window)
            except (sqlite3.DatabaseError, ValueError) as error:
                _made_anew(run, instance, error)
                return _series(run, window)

    def of_many(self, instances: Sequence[tuple[str, str]], window: Window) -> list[list[SeriesPoints]]:
        """The scalars of several instances (training, instance), some at a time."""
        return list(self._looking.map(lambda one: self.series(one[0], one[1], window), instances))

    def follow(self, training: str, instance: str) -> list[str]:
        """Its job has written: read it, so that charts find it read. The losses that are no number any more."""
        with self._run(training, instance) as run:
            try:
                run.catch_up()
                return run.lost
            except (sqlite3.DatabaseError, ValueError) as error:
                _made_anew(run, instance, error)
                run.catch_up()
                return run.lost

    def problems(self, training: str, instance: str) -> list[str]:
        """What is wrong with the event files, as far as they were read."""
        with self._run(training, instance) as run:
            return list(run.problems)

    def pieces(self, training: str, instance: str, tags: Sequence[str]) -> Iterator[tuple[str, Points]]:
        """All points of the scalars, tag by tag, a piece at a time."""
        with self._run(training, instance) as run:
            run.catch_up()
            chosen = [tag for tag in run.tags if not tags or tag in tags]
        for tag in chosen:
            with self._run(training, instance) as run:
                parts = run.pieces(tag)
            for points in parts:
                yield tag, points

    def progress(self, training: str, instance: str) -> tuple[RunProgress, float | None]:
        """How far an instance is, and when it wrote its last point (seconds since 1970)."""
        known = self._remembered(instance)
        if known is not None and known.holds():
            return known.progress, known.last
        with self._run(training, instance) as run:
            run.catch_up(_LOOK_SECONDS)
            # a reader of its own: the other one holds a place in every file
            look = RunReader(self._home.run(training), f"{instance}/logs")
            told = _Told(look, run.sizes(), run.progress(), run.moment)
            if told.last is not None and time.time() - told.last > QUIET_SECONDS:
                run.put_away()
        self._remember(instance, told)
        return told.progress, told.last

    def newest(self, training: str, instance: str) -> dict[str, float]:
        """The newest value of every scalar."""
        with self._run(training, instance) as run:
            run.catch_up()
            return {tag: point[2] for tag in run.tags if (point := run.last(tag))}

    def forget(self, instance: str) -> None:
        """The instance is gone."""
        with self._lock:
            run = self._runs.pop(instance, None)
            self._told.pop(instance, None)
        run = run or self._followed("", instance)
        with run.locked():
            run.remove()

    def close(self) -> None:
        """Write what waits; the service ends."""
        self._looking.shutdown()
        with self._lock:
            runs, self._runs = list(self._runs.values()), OrderedDict()
        for run in runs:
            self._tidying.submit(_put_away, run)
        self._tidying.shutdown()

    @contextmanager
    def _run(self, training: str, instance: str) -> Iterator[Followed]:
        """The instance, locked; afterwards what is too much in memory is put away behind the caller's back."""
        with self._lock:
            run = self._runs.get(instance)
            if run is None:
                run = self._runs[instance] = self._followed(training, instance)
            self._runs.move_to_end(instance)
        with run.locked():
            yield run
            unsettled = run.unsettled
        if unsettled:
            self._tidying.submit(_settle, run)
        for old in self._too_many():
            self._tidying.submit(_put_away, old)

    def _followed(self, training: str, instance: str) -> Followed:
        return Followed(self._home.run(training), f"{instance}/logs", self._folder / f"{instance}.series")

    def _too_many(self) -> list[Followed]:
        with self._lock:
            doomed = []
            while len(self._runs) > MOST_KEPT or (len(self._runs) > 1 and self._waiting() > MOST_WAITING):
                doomed.append(self._runs.popitem(last=False)[1])
            return doomed

    def _waiting(self) -> int:
        return sum(run.waiting for run in self._runs.values())

    def _remembered(self, instance: str) -> _Told | None:
        with self._lock:
            return self._told.get(instance)

    def _remember(self, instance: str, told: _Told) -> None:
        if len(told.sizes) > MOST_FILES:
            return
        with self._lock:
            self._told[instance] = told
            self._told.move_to_end(instance)
            while len(self._told) > MOST_TOLD:
                self._told.popitem(last=False)


def curves_of(context: Context) -> CurveReader:
    """The service's curve reader."""
    reader: CurveReader | None = context.parts.get(_PART)
    if reader is None:
        # of two threads that come first, one reader stays
        reader = context.parts.setdefault(_PART, CurveReader(context.home))
    return reader


def moment(seconds: float | None) -> datetime | None:
    """A time an event file tells; what no calendar has is as good as none: the file is a job's."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _made_anew(run: Followed, instance: str, error: Exception) -> None:
    log.warning("series are made anew", extra={"instance": instance, "reason": str(error)})
    run.anew()


def _series(run: Followed, window: Window) -> list[SeriesPoints]:
    run.catch_up()
    known = run.tags
    tags = [tag for tag in window.tags if tag in known] if window.tags else known
    return [run.drawn(tag, window.points, (window.first, window.last)) for tag in tags]


def _put_away(run: Followed) -> None:
    with run.locked():
        run.put_away()


def _settle(run: Followed) -> None:
    with run.locked():
        run.settle()
