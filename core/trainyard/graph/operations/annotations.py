"""Boxes, landmarks and polygons that move with their picture, and the rule for those that leave it.

The rule: the outline of a mark (the four corners of a box, the points of a polygon) is followed through all operations and
cut off at the frame after each. The mark is dropped when less than ``min_visible`` of the area is left that it would have
without frames. Otherwise its box is the extent of what is left. Landmarks stay with their mark; one outside the frame
becomes None. A mark with landmarks only is dropped with the last of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainyard.graph.operations.operation import Points, Size

Point = tuple[float, float]
Extent = tuple[float, float, float, float]
MIN_VISIBLE = 0.25
PER_EDGE = 8
FEW_CORNERS = 16
SMALLEST = 0.01
_FAR = 1e9
_ROUNDING = 1e-6


class Mark(NamedTuple):
    """One labelled thing in a picture, in continuous pixels.

    ``box`` is its extent ``(xmin, ymin, xmax, ymax)``; with a ``polygon`` the box follows the polygon when the picture is
    turned, otherwise its own four corners. ``landmarks`` keep their order; None is one that has left the picture.
    """

    box: Extent | None = None
    polygon: tuple[Point, ...] = ()
    landmarks: tuple[Point | None, ...] = ()


class Outlines(NamedTuple):
    """Polygons one after the other, (n, 2), and how many points each has; a polygon may have none."""

    points: Points
    lengths: tuple[int, ...]

    def parts(self) -> list[Points]:
        """Each polygon on its own."""
        ends = list(accumulate(self.lengths))
        return [self.points[end - length : end] for end, length in zip(ends, self.lengths, strict=True)]


class Tracks(NamedTuple):
    """The marks of a picture on their way: outlines without frames, what the frames have left of them, and landmarks.

    ``landmarks`` (n, 2) are those of all marks in their order; ``seen`` (n,) says which have always been in the frame.
    """

    marks: tuple[Mark, ...]
    whole: Outlines
    left: Outlines
    landmarks: Points
    seen: npt.NDArray[np.bool_]

    def moved(self, mover: Callable[[Points], Points], size: Size, *, bends: bool = False) -> Tracks:
        """Moved by ``mover`` into a picture of ``size``; ``bends`` says that straight lines may become curves."""
        whole, left = (_followed(outlines) if bends else outlines for outlines in (self.whole, self.left))
        points = mover(np.concatenate([whole.points, left.points, self.landmarks]))
        first, second = len(whole.points), len(whole.points) + len(left.points)
        landmarks = points[second:]
        return Tracks(
            self.marks,
            whole._replace(points=points[:first]),
            _framed(left._replace(points=points[first:second]), size),
            landmarks,
            self.seen & _within(landmarks, size),
        )

    def settled(self, min_visible: float = MIN_VISIBLE) -> tuple[Mark | None, ...]:
        """The marks as they lie now; None for one of which too little is left."""
        landmarks = iter(zip(self.landmarks.tolist(), self.seen.tolist(), strict=True))
        return tuple(
            _settled(mark, (whole, left), _landmarks(mark, landmarks), min_visible)
            for mark, whole, left in zip(self.marks, self.whole.parts(), self.left.parts(), strict=True)
        )


def tracks(marks: Iterable[Mark], size: Size) -> Tracks:
    """``marks`` at the start of their way, in a picture of ``size``; what lies outside of that never counts."""
    marks = tuple(marks)
    points = [corner for mark in marks for corner in _outline(mark)]
    outlines = _framed(Outlines(_array(points), tuple(len(_outline(mark)) for mark in marks)), size)
    landmarks = [point or (-1.0, -1.0) for mark in marks for point in mark.landmarks]
    there = [point is not None for mark in marks for point in mark.landmarks]
    return Tracks(marks, outlines, outlines, _array(landmarks), np.array(there, dtype=np.bool_))


def clipped(outline: Points, size: Size) -> Points:
    """The part of the polygon ``outline`` (n, 2) inside the picture (Sutherland and Hodgman); maybe no point at all."""
    for axis, limit in ((0, size.width), (1, size.height)):
        outline = _cut(outline, axis, 0.0, 1)
        outline = _cut(outline, axis, float(limit), -1)
    return outline


def area(outline: Points) -> float:
    """Of a polygon (n, 2), by the shoelace formula."""
    corners = outline.tolist()
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return float(abs(sum(here[0] * there[1] - here[1] * there[0] for here, there in pairs))) / 2


def _array(points: list[Point]) -> Points:
    """``points`` as an array; what a list may say of far away is held to where it can be reckoned with."""
    return np.array(points, dtype=np.float64).reshape(-1, 2).clip(-_FAR, _FAR)


def _outline(mark: Mark) -> tuple[Point, ...]:
    if mark.polygon or mark.box is None:
        return mark.polygon
    left, top, right, bottom = mark.box
    return (left, top), (right, top), (right, bottom), (left, bottom)


def _within(points: Points, size: Size) -> npt.NDArray[np.bool_]:
    return np.asarray(((points >= 0) & (points <= size)).all(axis=1))


def _framed(outlines: Outlines, size: Size) -> Outlines:
    points = outlines.points
    edge = np.clip(points, 0, size)
    away = np.abs(points - edge)
    if away.max(initial=0.0) <= _ROUNDING:
        return outlines._replace(points=edge)
    outlines = outlines._replace(points=np.where(away <= _ROUNDING, edge, points))
    parts = [clipped(part, size) for part in outlines.parts()]
    return Outlines(np.concatenate(parts), tuple(len(part) for part in parts))


def _followed(outlines: Outlines) -> Outlines:
    """``PER_EDGE`` points on every edge of polygons with few corners, so that their edges may bend."""
    parts = [_finer(part) if 0 < len(part) <= FEW_CORNERS else part for part in outlines.parts()]
    return Outlines(np.concatenate(parts) if parts else outlines.points, tuple(len(part) for part in parts))


def _finer(corners: Points) -> Points:
    share = np.arange(PER_EDGE)[None, :, None] / PER_EDGE
    edges = corners[:, None, :] * (1 - share) + np.roll(corners, -1, axis=0)[:, None, :] * share
    return np.asarray(edges.reshape(-1, 2), dtype=np.float64)


def _landmarks(mark: Mark, rest: Iterable[tuple[list[float], bool]]) -> tuple[Point | None, ...]:
    """The landmarks of one mark, taken from those of all."""
    return tuple((point[0], point[1]) if seen else None for _, (point, seen) in zip(mark.landmarks, rest, strict=False))


def _settled(
    mark: Mark, outlines: tuple[Points, Points], landmarks: tuple[Point | None, ...], min_visible: float
) -> Mark | None:
    whole, left = outlines
    if mark.box is None and not mark.polygon:
        return mark._replace(landmarks=landmarks) if not landmarks or any(landmarks) else None
    if not len(left) or not _enough(whole, left, min_visible):
        return None
    polygon = tuple((x, y) for x, y in left.tolist()) if mark.polygon else ()
    return Mark(_extent(left) if mark.box is not None else None, polygon, landmarks)


def _extent(outline: Points) -> Extent:
    (left, top), (right, bottom) = outline.min(axis=0).tolist(), outline.max(axis=0).tolist()
    return left, top, right, bottom


def _enough(whole: Points, left: Points, min_visible: float) -> bool:
    before, after = area(whole), area(left)
    return before < SMALLEST or (after >= SMALLEST and after >= min_visible * before)


def _cut(outline: Points, axis: int, limit: float, sign: int) -> Points:
    if not len(outline):
        return outline
    distance = sign * (outline[:, axis] - limit)
    if distance.min() >= 0:
        return outline
    kept: list[Points] = []
    for number in range(len(outline)):
        here, there = distance[number - 1], distance[number]
        if (here >= 0) != (there >= 0):
            crossing = outline[number - 1] + (outline[number] - outline[number - 1]) * (here / (here - there))
            crossing[axis] = limit
            kept.append(crossing)
        if there >= 0:
            kept.append(outline[number])
    return np.array(kept, dtype=np.float64).reshape(-1, 2)
