"""The records of a labelled picture list, in the shape of the new schema; the old schema is converted on reading.

The field names are those of the AVA handbook's JSON lines; docs/datasets.md has both schemas with examples.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec

from trainyard.words import translate

Point = tuple[float, float]
LabelType = Literal["classification", "detection", "face"]
MediaType = Literal["image", "video"]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class Landmark(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One point of a face, in pixels of the original picture."""

    index: int
    pt: Point
    score: float | None = None


class Cluster(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Which person (or group) a face belongs to."""

    id: str
    score: float | None = None


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, rename={"class_name": "class"}):
    """One class of a picture, one box, or one face.

    ``bbox`` holds at least two points in pixels of the original picture; only their extent counts. ``polygon`` is the
    outline of the object, at least three points. ``difficult`` objects are left out of PASCAL VOC's evaluation, ``crowd``
    boxes hold many objects (COCO). An entry with a ``score`` is a prediction unless ``ground_truth`` says otherwise.
    """

    class_name: str | None = None
    bbox: Annotated[tuple[Point, ...], msgspec.Meta(min_length=2)] | None = None
    score: float | None = None
    ground_truth: bool | None = None
    index: int | None = None
    bbox_score: float | None = None
    landmarks: tuple[Landmark, ...] = ()
    cluster: Cluster | None = None
    polygon: Annotated[tuple[Point, ...], msgspec.Meta(min_length=3)] | None = None
    difficult: bool | None = None
    crowd: bool | None = None

    def extent(self) -> tuple[float, float, float, float] | None:
        """``(xmin, ymin, xmax, ymax)`` over the points of the box, in pixels; None without a box."""
        if self.bbox is None:
            return None
        across, down = zip(*self.bbox, strict=True)
        return min(across), min(down), max(across), max(down)


def corners(points: Iterable[Point]) -> tuple[Point, Point]:
    """The upper left and the lower right corner of the extent of ``points``."""
    across, down = zip(*points, strict=True)
    return (min(across), min(down)), (max(across), max(down))


class LabelSet(msgspec.Struct, frozen=True, gc=False):
    """Everything that one labelling says about one picture, such as the boxes of the set ``general``."""

    name: str
    type: LabelType
    data: tuple[Entry, ...] = ()
    version: str | int = "1"

    @property
    def key(self) -> str:
        """``<type>.<name>``, as a formatted set's specification names its labels."""
        return f"{self.type}.{self.name}"

    def truth(self) -> tuple[Entry, ...]:
        """The entries to learn from: without a score or marked as ground truth; if there is none, all of them."""
        chosen = tuple(entry for entry in self.data if entry.score is None or entry.ground_truth)
        return chosen or self.data


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One valid line of a list. ``line`` counts from 1; ``extra`` keeps the schema's other optional fields."""

    line: int
    url: str
    type: MediaType = "image"
    labels: tuple[LabelSet, ...] = ()
    source_url: str | None = None
    ops: str | None = None
    extra: dict[str, Any] = {}

    def label_set(self, key: str) -> LabelSet | None:
        """The label set called ``<type>.<name>``, or None."""
        return next((labels for labels in self.labels if labels.key == key), None)


class Problem(msgspec.Struct, frozen=True):
    """Why a line was not taken. ``line`` and ``column`` count from 1; column 0 means the line as a whole.

    ``message`` is an English sentence with placeholders, the key of its translation; ``values`` fill it.
    """

    line: int
    column: int
    field: str
    code: str
    message: str
    values: dict[str, Any] = {}

    def text(self, language: str = "en") -> str:
        """The reason in the reader's language."""
        return translate(self.message, language, **self.values)


class Remark(msgspec.Struct):
    """Something worth a word that hinders nothing: how often, and the first places (lines or files)."""

    code: str
    message: str
    count: int = 0
    places: list[str] = []


def classes_of(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The distinct classes of ``entries`` in order of appearance."""
    return tuple(dict.fromkeys(entry.class_name for entry in entries if entry.class_name))
