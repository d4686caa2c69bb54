"""A long series at several resolutions: of every block of points the first, lowest, highest and last, and one no-number.

A chart of a million points needs a few thousand of them. Extremes of extremes are extremes, so a chart drawn from a coarse
level has the same lowest and highest values as one drawn from all points; what it loses is where exactly inside a block.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainyard.metrics.series import NO_POINTS, Points

WIDTHS = (64, 1024, 4096)
"""Points of a block, level by level."""
CHUNK = WIDTHS[-1]
"""Points that are kept together."""


def level(points: Points, width: int) -> Points:
    """At most five points for every ``width`` of ``points``; a last block may be shorter. Time is linear."""
    whole = len(points) // width * width
    parts = [_whole_blocks(points[:whole], width)] if whole else []
    if whole < len(points):
        parts.append(_whole_blocks(points[whole:], len(points) - whole))
    return joined(parts)


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
    columns = points.steps.astype("<i8"), points.times.astype("<f8"), points.values.astype("<f8")
    return b"".join(column.tobytes() for column in columns)


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


def _whole_blocks(points: Points, width: int) -> Points:
    values = points.values.reshape(-1, width)
    finite = np.isfinite(values)
    begins = np.arange(len(values), dtype=np.int64) * width
    everywhere = bool(finite.all())
    low = values if everywhere else np.where(finite, values, np.inf)
    high = values if everywhere else np.where(finite, values, -np.inf)
    places = [begins, begins + low.argmin(axis=1), begins + high.argmax(axis=1), begins + width - 1]
    if not everywhere:
        places.insert(1, begins + (~finite).argmax(axis=1))
    return points[_distinct(np.stack(places, axis=1))]


def _distinct(places: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Sorted places without repetition; rows are blocks in order."""
    places.sort(axis=1)
    flat = places.reshape(-1)
    kept: npt.NDArray[np.intp] = flat[np.append(True, np.diff(flat) > 0)].astype(np.intp)
    return kept
