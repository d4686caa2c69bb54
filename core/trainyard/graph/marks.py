"""Labels of a sample as marks that move with its picture, and back as labels of the picture that was made.

Boxes, outlines and landmarks of a list are in pixels of the picture as its file stores it; new pictures stand upright, so
they are turned first where Exif says so. What left the picture is left out; a label set of which nothing is left too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from trainyard.datasets.frame import Frame
from trainyard.datasets.sample import Entry, LabelSet, Point
from trainyard.graph.operations import Mark

_DECIMALS = 2
"""A hundredth of a pixel: as fine as anybody draws, and short in the list."""
_CORNERS = 4


class Moved(NamedTuple):
    """Labels of a new picture. ``dropped`` of the ``marked`` things that had a place in the picture have left it."""

    labels: tuple[LabelSet, ...]
    marked: int
    dropped: int

    @property
    def emptied(self) -> bool:
        """Whether everything that had a place has left the picture."""
        return 0 < self.marked == self.dropped


def marks_of(labels: Sequence[LabelSet], frame: Frame) -> list[Mark]:
    """The things in a picture that have a place, in the order of its labels, in the upright picture."""
    return [_mark(entry, frame) for one in labels for entry in one.data if _has_place(entry)]


def moved_labels(labels: Sequence[LabelSet], marks: Sequence[Mark | None]) -> Moved:
    """``labels`` with the places that ``marks`` (as ``marks_of`` gave them) have now; None for one that is gone."""
    left = iter(marks)
    sets = []
    for one in labels:
        entries = (_placed(entry, next(left)) if _has_place(entry) else entry for entry in one.data)
        if kept := tuple(entry for entry in entries if entry is not None):
            sets.append(msgspec.structs.replace(one, data=kept))
    return Moved(tuple(sets), len(marks), sum(mark is None for mark in marks))


def _has_place(entry: Entry) -> bool:
    return entry.bbox is not None or entry.polygon is not None or bool(entry.landmarks)


def _mark(entry: Entry, frame: Frame) -> Mark:
    extent = entry.extent()
    if extent is not None:
        (left, top), (right, bottom) = frame.point(*extent[:2]), frame.point(*extent[2:])
        extent = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
    polygon = tuple(frame.point(*point) for point in entry.polygon or ())
    return Mark(extent, polygon, tuple(frame.point(*one.pt) for one in entry.landmarks))


def _placed(entry: Entry, mark: Mark | None) -> Entry | None:
    if mark is None:
        return None
    landmarks = zip(entry.landmarks, mark.landmarks, strict=True)
    return msgspec.structs.replace(
        entry,
        bbox=_corners(mark, len(entry.bbox or ())) if mark.box is not None else None,
        polygon=tuple(_rounded(point) for point in mark.polygon) or None,
        landmarks=tuple(msgspec.structs.replace(one, pt=_rounded(point)) for one, point in landmarks if point is not None),
    )


def _corners(mark: Mark, points: int) -> tuple[Point, ...]:
    """The box as two points, or as four where it came as four."""
    assert mark.box is not None
    left, top, right, bottom = (round(number, _DECIMALS) for number in mark.box)
    if points == _CORNERS:
        return ((left, top), (right, top), (right, bottom), (left, bottom))
    return ((left, top), (right, bottom))


def _rounded(point: Point) -> Point:
    return round(point[0], _DECIMALS), round(point[1], _DECIMALS)
