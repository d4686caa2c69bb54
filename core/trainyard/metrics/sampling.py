"""Fewer points for a chart that looks the same: the lowest and the highest value of every column of pixels stay.

The first, the lowest, the highest and the last point of each column are kept ("M4", Jugel and others, VLDB 2014), and the
first value of a column that is no number, so that a NaN is seen at every zoom.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from trainyard.metrics.series import Points, Series
from trainyard.records.trainings import SeriesPoints

Indices = npt.NDArray[np.intp]
_PER_COLUMN = 4


def downsample(points: Points, limit: int) -> Points:
    """At most ``limit`` of ``points`` (five more if values are no numbers); all of them if they are few enough.

    The steps must not decrease. Time is linear in the number of points.
    """
    columns = max(1, limit // _PER_COLUMN)
    if len(points) <= limit:
        return points
    starts = _column_starts(points.steps, columns)
    ends = np.append(starts[1:], len(points)) - 1
    kept = [starts, ends, *_extremes(points.values, starts)]
    return points[np.unique(np.concatenate(kept))]


def view(series: Series, limit: int, first: int | None = None, last: int | None = None) -> SeriesPoints:
    """``series`` between two steps as a chart wants it: at most about ``limit`` points, None where the value is no number."""
    return chart(series.tag, downsample(series.window(first, last), limit), len(series))


def chart(tag: str, points: Points, total: int) -> SeriesPoints:
    """Points of one tag as a record; ``total`` is how many there are without down-sampling."""
    return SeriesPoints(
        tag=tag,
        steps=points.steps.tolist(),
        times=points.times.tolist(),
        values=[value if math.isfinite(value) else None for value in points.values.tolist()],
        total=total,
    )


def _column_starts(steps: npt.NDArray[np.int64], columns: int) -> Indices:
    """Index of the first point of every column that has one; columns are equally wide in steps."""
    low, high = float(steps[0]), float(steps[-1])
    edges = np.linspace(low, high, columns, endpoint=False)
    starts = np.searchsorted(steps, np.ceil(edges))
    return np.unique(np.append(0, starts[starts < len(steps)])).astype(np.intp)


def _extremes(values: npt.NDArray[np.float64], starts: Indices) -> list[Indices]:
    """For each column, where its lowest and highest number and its first no-number are."""
    finite = np.isfinite(values)
    column = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(values))))
    low = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
    high = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
    return [
        _first_of_each(column, values == low[column]),
        _first_of_each(column, values == high[column]),
        _first_of_each(column, ~finite),
    ]


def _first_of_each(column: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> Indices:
    where = np.flatnonzero(chosen)
    if not len(where):
        return where
    first: Indices = where[np.append(True, np.diff(column[where]) > 0)]
    return first
