"""Count what a list holds while it streams past: pictures, videos, objects, and classes per label set."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from trainyard.datasets.sample import Entry, Problem, Remark, Sample
from trainyard.decoding import prepared
from trainyard.errors import TooLarge
from trainyard.words import N_, translate

if TYPE_CHECKING:
    from trainyard.records.datasets import LabelSetSummary
    from trainyard.records.datasets import Statistics as StatisticsRecord

KEPT_PROBLEMS = 200
MAX_CLASSES = 100_000
FACE = "face"
BOX_AREAS = (0.0, *(float(1 << power) for power in range(0, 32)))
"""Where the bins of box sizes begin, in square pixels: each holds twice the area of the one before."""


def refuse_too_many(name: str, classes: int) -> None:
    """Raises:
    TooLarge: a label set that has so many ``classes`` gets no more.
    """
    if classes >= MAX_CLASSES:
        raise TooLarge(
            "too-many-classes",
            N_("The label set {name} has more than {limit} classes."),
            hint=N_("Put free text such as file names into another field than class."),
            name=name,
            limit=MAX_CLASSES,
        )


SCHEMES = {
    "http:": "web", "https": "web", "s3://": "s3", "qiniu": "qiniu", "file:": "share", "/work": "share",
    "recor": "record", "pack:": "packed",
}  # fmt: skip
"""Where the pictures lie whose urls begin so; all others are relative."""


class ClassCount(msgspec.Struct):
    """How many pictures carry a class, and how often it occurs in them."""

    images: int = 0
    objects: int = 0


class LabelSetCount(msgspec.Struct):
    """One label set over the whole list. ``images`` carry it; ``objects`` are its entries, boxes or faces."""

    name: str
    type: str
    images: int = 0
    objects: int = 0
    classes: dict[str, ClassCount] = {}
    box_sizes: list[int] = []

    def add(self, entries: Sequence[Entry]) -> Counter[str]:
        """Count one picture's entries; how often it has each class."""
        found = Counter([entry.class_name or FACE for entry in entries])
        self.images += 1
        self.objects += len(entries)
        for name, count in found.items():
            self._count(name, count)
        extents = [extent for entry in entries if (extent := entry.extent())]
        if extents:
            self.box_sizes = self.box_sizes or [0] * len(BOX_AREAS)
        for left, top, right, bottom in extents:
            self.box_sizes[bisect_right(BOX_AREAS, (right - left) * (bottom - top)) - 1] += 1
        return found

    def merge(self, other: LabelSetCount) -> None:
        """Add what ``other`` counted in other samples."""
        self.images += other.images
        self.objects += other.objects
        self.add_sizes(other.box_sizes)
        for name, theirs in other.classes.items():
            ours = self.classes.get(name)
            if ours is None:
                refuse_too_many(self.name, len(self.classes))
                ours = self.classes[name] = ClassCount()
            ours.images += theirs.images
            ours.objects += theirs.objects

    def add_sizes(self, counts: list[int]) -> None:
        """Add the numbers of boxes in each bin of ``BOX_AREAS``."""
        if any(counts):
            self.box_sizes = [a + b for a, b in zip(self.box_sizes or [0] * len(counts), counts, strict=True)]

    def _count(self, name: str, objects: int) -> None:
        count = self.classes.get(name)
        if count is None:
            refuse_too_many(self.name, len(self.classes))
            count = self.classes[name] = ClassCount()
        count.images += 1
        count.objects += objects


@prepared
class Statistics(msgspec.Struct):
    """What one pass over a list found. ``lines`` are those that are not blank; only the first problems are kept.

    ``places`` counts them by where their picture lies (see ``SCHEMES``).
    ``videos`` and ``images`` count valid lines by type; ``objects`` counts boxes and faces; ``bytes`` is the list's size.
    """

    lines: int = 0
    images: int = 0
    videos: int = 0
    objects: int = 0
    unlabelled: int = 0
    bytes: int = 0
    problems_total: int = 0
    problems: list[Problem] = []
    label_sets: list[LabelSetCount] = []
    remarks: list[Remark] = []
    places: dict[str, int] = {}

    @property
    def samples(self) -> int:
        """How many lines are valid."""
        return self.images + self.videos

    def label_set(self, key: str) -> LabelSetCount | None:
        """The label set called ``<type>.<name>``, or None."""
        return next((count for count in self.label_sets if f"{count.type}.{count.name}" == key), None)

    def to_record(self, language: str = "en") -> StatisticsRecord:
        """The record that REST answers with; reasons in the reader's language, classes by name."""
        from trainyard.records.datasets import ListProblem, ListRemark
        from trainyard.records.datasets import Statistics as StatisticsRecord

        return StatisticsRecord(
            lines=self.lines,
            images=self.images,
            videos=self.videos,
            objects=self.objects,
            unlabelled=self.unlabelled,
            label_sets=[_summary(count) for count in self.label_sets],
            problems_total=self.problems_total,
            problems=[
                ListProblem(line=one.line, column=one.column, field=one.field, reason=one.text(language))
                for one in self.problems
            ],
            bytes=self.bytes,
            places=self.places,
            remarks=[
                ListRemark(code=one.code, text=translate(one.message, language), count=one.count, places=one.places)
                for one in self.remarks
            ],
        )


def _summary(count: LabelSetCount) -> LabelSetSummary:
    from trainyard.records.datasets import LabelSetSummary
    from trainyard.records.examinations import Bins

    classes = sorted(count.classes)
    return LabelSetSummary(
        name=count.name,
        type=count.type,
        images=count.images,
        objects=count.objects,
        classes={name: count.classes[name].images for name in classes},
        objects_by_class={name: count.classes[name].objects for name in classes},
        box_sizes=Bins(edges=[round(area**0.5, 2) for area in BOX_AREAS], counts=count.box_sizes) if count.box_sizes else None,
    )


class Counting:
    """Adds samples and problems to a ``Statistics`` one by one."""

    def __init__(self) -> None:
        self.result = Statistics()
        self.repeated: list[tuple[str, str, int]] = []
        """Of the last sample: label set, class, and how many objects beyond the first it has of that class."""
        self._sets: dict[tuple[str, str], LabelSetCount] = {}

    def add_problem(self, problem: Problem) -> None:
        """Count a line that was not taken; the first ones are kept."""
        self.result.lines += 1
        self.result.problems_total += 1
        if len(self.result.problems) < KEPT_PROBLEMS:
            self.result.problems.append(problem)

    def add(self, sample: Sample) -> list[tuple[str, str]]:
        """Count a sample; the pairs (``<type>.<name>``, class) it belongs to."""
        result = self.result
        result.lines += 1
        if sample.type == "video":
            result.videos += 1
        else:
            result.images += 1
        if not sample.labels:
            result.unlabelled += 1
        entries: dict[tuple[str, str], list[Entry]] = {}
        for labels in sample.labels:
            entries.setdefault((labels.type, labels.name), []).extend(labels.truth())
        pairs, self.repeated = [], []
        for (kind, name), those in entries.items():
            key, found = f"{kind}.{name}", self._set(kind, name).add(those)
            pairs += [(key, one) for one in found]
            self.repeated += [(key, one, many - 1) for one, many in found.items() if many > 1]
            result.objects += len(those) if kind != "classification" else 0
        return pairs

    def add_urls(self, urls: Iterable[str]) -> None:
        """Count where the pictures of valid lines lie."""
        places = self.result.places
        for start, count in Counter([url[:5] for url in urls]).items():
            place = SCHEMES.get(start, "relative")
            places[place] = places.get(place, 0) + count

    def add_lines(self, lines: int, videos: int, unlabelled: int) -> None:
        """Count so many valid lines whose labels are counted by ``add_set``."""
        self.result.lines += lines
        self.result.videos += videos
        self.result.images += lines - videos
        self.result.unlabelled += unlabelled

    def add_set(self, other: LabelSetCount) -> None:
        """Add one label set as it was counted in other samples."""
        self._set(other.type, other.name).merge(other)
        if other.type != "classification":
            self.result.objects += other.objects

    def _set(self, kind: str, name: str) -> LabelSetCount:
        count = self._sets.get((kind, name))
        if count is None:
            count = self._sets[kind, name] = LabelSetCount(name, kind)
            self.result.label_sets.append(count)
        return count
