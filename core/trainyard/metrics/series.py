"""Scalar series: points of one tag in the order of their steps, growing as a run goes on.

A run that is continued from a snapshot writes steps again that it had written before. What was written last is true: a
point at step *s* removes the points at *s* and after it, the same rule as TensorBoard's data server, so both show one line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Steps = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Points:
    """Parallel arrays of one length: step, time (UTC seconds), value (may be NaN or infinite)."""

    steps: Steps
    times: Floats
    values: Floats

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, chosen: slice | npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Points:
        return Points(self.steps[chosen], self.times[chosen], self.values[chosen])


NO_POINTS = Points(np.empty(0, np.int64), np.empty(0), np.empty(0))


@dataclass(frozen=True)
class Update:
    """New points by tag. ``restart``: a session began at this step before them; later points of every tag are void."""

    points: dict[str, Points]
    restart: int | None = None


class Series:
    """The points of one tag, steps strictly increasing; appending costs amortised constant time a point (24 bytes each)."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._length = 0
        self._steps = np.empty(64, np.int64)
        self._times = np.empty(64)
        self._values = np.empty(64)

    def __len__(self) -> int:
        return self._length

    @property
    def points(self) -> Points:
        """All points; a view that the next append may change."""
        n = self._length
        return Points(self._steps[:n], self._times[:n], self._values[:n])

    @property
    def last(self) -> tuple[int, float, float] | None:
        """Step, time and value of the newest point."""
        n = self._length - 1
        return None if n < 0 else (int(self._steps[n]), float(self._times[n]), float(self._values[n]))

    def append(self, new: Points) -> None:
        """Take ``new`` points in the order they were written; steps that go backwards replace what they repeat."""
        new = _newest(new)
        if not len(new):
            return
        self.cut(int(new.steps[0]))
        self._reserve(self._length + len(new))
        part = slice(self._length, self._length + len(new))
        self._steps[part], self._times[part], self._values[part] = new.steps, new.times, new.values
        self._length += len(new)

    def cut(self, step: int) -> None:
        """Forget the points at ``step`` and after it."""
        if self._length and self._steps[self._length - 1] >= step:
            self._length = int(np.searchsorted(self._steps[: self._length], step))

    def window(self, first: int | None = None, last: int | None = None) -> Points:
        """The points from step ``first`` to step ``last``, both included; None is open."""
        steps = self._steps[: self._length]
        begin = 0 if first is None else int(np.searchsorted(steps, first))
        end = self._length if last is None else int(np.searchsorted(steps, last, side="right"))
        return self.points[begin : max(begin, end)]

    def _reserve(self, length: int) -> None:
        if length > len(self._steps):
            size = max(length, 2 * len(self._steps))
            self._steps = _grown(self._steps, self._length, size)
            self._times = _grown(self._times, self._length, size)
            self._values = _grown(self._values, self._length, size)


class SeriesTable:
    """Every series of a run, by tag; with ``most`` only of so many tags, the first ones."""

    def __init__(self, most: int | None = None) -> None:
        self.by_tag: dict[str, Series] = {}
        self._most = most

    @property
    def size(self) -> int:
        """How many points all series have."""
        return sum(map(len, self.by_tag.values()))

    def apply(self, updates: Iterable[Update]) -> None:
        """Take what a reader found, in its order."""
        for update in updates:
            if update.restart is not None:
                for series in self.by_tag.values():
                    series.cut(update.restart)
            for tag, points in update.points.items():
                if tag in self.by_tag or self._most is None or len(self.by_tag) < self._most:
                    self.by_tag.setdefault(tag, Series(tag)).append(points)

    def last(self, tag: str) -> float | None:
        """The newest value of ``tag``."""
        series = self.by_tag.get(tag)
        newest = series.last if series else None
        return newest[2] if newest else None


def _newest(points: Points) -> Points:
    """Points that no later point of the same batch takes back: those before the smallest step that follows."""
    steps = points.steps
    if len(steps) < 2 or bool(np.all(steps[1:] > steps[:-1])):
        return points
    following = np.minimum.accumulate(steps[::-1])[::-1]
    keep = np.append(steps[:-1] < following[1:], True)
    return points[keep]


def _grown(array: npt.NDArray[Scalar], used: int, size: int) -> npt.NDArray[Scalar]:
    grown = np.empty(size, array.dtype)
    grown[:used] = array[:used]
    return grown
