"""A long series at several resolutions: of every block of points the first, lowest, highest and last, and one no-number.

A chart of a million points needs a few thousand of them. Extremes of extremes are extremes, so a chart drawn from a coarse
level has the same lowest and highest values as one drawn from all points; what it loses is where exactly inside a block.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from trainyard.metrics.series import NO_POINTS, Floats, Points

WIDTHS = (64, 1024, 4096)
"""Points of a block, level by level."""
CHUNK = WIDTHS[-1]
"""Points that are kept together."""
Places = npt.NDArray[np.int64]


def levels(points: Points) -> list[list[Points]]:
    """Of every ``CHUNK`` of ``points``, which are whole ones, its levels, the finest first: at most five points a block.

    A coarse level is found in the finer one. Time is linear.
    """
    places = np.arange(len(points), dtype=np.int64)
    borders = np.arange(0, len(points) + 1, CHUNK)
    told: list[list[Points]] = [[] for _ in borders[1:]]
    for width in WIDTHS if told else ():
        places = _extremes(points.values, places.reshape(len(points) // width, -1))
        kept = _distinct(places)
        chosen, ends = points[kept], np.searchsorted(kept, borders).tolist()
        for chunk, (begin, end) in zip(told, pairwise(ends), strict=True):
            chunk.append(chosen[begin:end])
    return told


def joined(parts: list[Points]) -> Points:
    """Pieces of one series, one after the other."""
    if len(parts) < 2:
        return parts[0] if parts else NO_POINTS
    return Points(
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def packed(points: Points) -> bytes:
    """``points`` as bytes: all steps, then all times, then all values, 8 bytes each, little endian."""
    columns = (points.steps, "<i8"), (points.times, "<f8"), (points.values, "<f8")
    return b"".join(column.astype(kind, copy=False).tobytes() for column, kind in columns)


def unpacked(data: bytes) -> Points:
    """Points from ``packed``.

    Raises:
        ValueError: the number of bytes fits no number of points.
    """
    count, rest = divmod(len(data), 24)
    if rest:
        raise ValueError(f"{len(data)} bytes are no points")
    floats = np.frombuffer(data, "<f8", offset=8 * count)
    return Points(np.frombuffer(data, "<i8", count).astype(np.int64), floats[:count], floats[count:])


def _extremes(values: Floats, places: Places) -> Places:
    """Of each row of ``places``, which are sorted: the first, lowest, highest and last, and the first of no number, sorted."""
    rows, inside = np.arange(len(places)), values[places]
    finite = np.isfinite(inside)
    everywhere = bool(finite.all())
    low = inside if everywhere else np.where(finite, inside, np.inf)
    high = inside if everywhere else np.where(finite, inside, -np.inf)
    picked = [places[:, 0], places[rows, low.argmin(axis=1)], places[rows, high.argmax(axis=1)], places[:, -1]]
    if not everywhere:
        picked.append(places[rows, (~finite).argmax(axis=1)])
    together = np.stack(picked, axis=1)
    together.sort(axis=1)
    return together


def _distinct(places: Places) -> npt.NDArray[np.intp]:
    """Sorted places without repetition; rows are blocks in order."""
    flat = places.reshape(-1)
    kept: npt.NDArray[np.intp] = flat[np.append(True, np.diff(flat) > 0)].astype(np.intp)
    return kept
