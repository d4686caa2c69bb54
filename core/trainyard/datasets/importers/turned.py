"""Labels of pictures that Exif turns: tools show them upright and write down what they show, our list is of the stored picture.

Ultralytics, CVAT, Label Studio and torchvision's COCO readers turn pictures before anything else. Where an annotation tells the
size of its picture and it is the stored one, lying, the labels are taken to be of that instead.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from trainyard.datasets.frame import Frame
from trainyard.datasets.importers.media import frame_of
from trainyard.datasets.sample import Entry, Point, corners


class Labelled:
    """A picture whose labels were drawn on it as it is shown; ``told`` is the size that they name, (0, 0) for none."""

    def __init__(self, frame: Frame | None = None, told: tuple[float, float] = (0, 0)) -> None:
        lying = frame is not None and frame.upright != (frame.width, frame.height)
        self._frame = frame
        self.turned = frame is not None and frame.orientation > 1 and not (lying and told == (frame.width, frame.height))

    @classmethod
    def at(cls, path: Path, told: tuple[float, float]) -> Labelled:
        """The picture in a file."""
        return cls(frame_of(path), told)

    def stored(self, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """``entries`` in pixels of the picture as its file stores it."""
        return tuple(map(self._entry, entries)) if self.turned else entries

    def _entry(self, entry: Entry) -> Entry:
        box = corners(self._points(entry.bbox)) if entry.bbox else None
        return msgspec.structs.replace(entry, bbox=box, polygon=self._points(entry.polygon) if entry.polygon else None)

    def _points(self, points: tuple[Point, ...]) -> tuple[Point, ...]:
        assert self._frame is not None
        return tuple(self._frame.stored(*point) for point in points)
