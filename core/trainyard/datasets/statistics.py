"""Count what a list holds while it streams past: pictures, videos, objects, and classes per label set."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from trainyard.datasets.sample import LabelSet, Problem, Sample
from trainyard.errors import TooLarge
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.records.datasets import LabelSetSummary
    from trainyard.records.datasets import Statistics as StatisticsRecord

KEPT_PROBLEMS = 200
MAX_CLASSES = 100_000
FACE = "face"


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

    def add(self, labels: LabelSet) -> tuple[str, ...]:
        """Count one picture's labels; the distinct classes it has."""
        entries = labels.truth()
        self.images += 1
        self.objects += len(entries)
        if len(entries) == 1:
            name = entries[0].class_name or FACE
            self._count(name, 1)
            return (name,)
        found = Counter([entry.class_name or FACE for entry in entries])
        for name, count in found.items():
            self._count(name, count)
        return tuple(found)

    def _count(self, name: str, objects: int) -> None:
        count = self.classes.get(name)
        if count is None:
            if len(self.classes) >= MAX_CLASSES:
                raise TooLarge(
                    "too-many-classes",
                    N_("The label set {name} has more than {limit} classes."),
                    hint=N_("Put free text such as file names into another field than class."),
                    name=self.name,
                    limit=MAX_CLASSES,
                )
            count = self.classes[name] = ClassCount()
        count.images += 1
        count.objects += objects


class Statistics(msgspec.Struct):
    """What one pass over a list found. ``lines`` are those that are not blank; only the first problems are kept.

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

    @property
    def samples(self) -> int:
        """How many lines are valid."""
        return self.images + self.videos

    def label_set(self, key: str) -> LabelSetCount | None:
        """The label set called ``<type>.<name>``, or None."""
        return next((count for count in self.label_sets if f"{count.type}.{count.name}" == key), None)

    def to_record(self, language: str = "en") -> StatisticsRecord:
        """The record that REST answers with; reasons in the reader's language, classes by name."""
        from trainyard.records.datasets import ListProblem
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
        )


def _summary(count: LabelSetCount) -> LabelSetSummary:
    from trainyard.records.datasets import LabelSetSummary

    classes = sorted(count.classes)
    return LabelSetSummary(
        name=count.name,
        type=count.type,
        images=count.images,
        objects=count.objects,
        classes={name: count.classes[name].images for name in classes},
        objects_by_class={name: count.classes[name].objects for name in classes},
    )


class Counting:
    """Adds samples and problems to a ``Statistics`` one by one."""

    def __init__(self) -> None:
        self.result = Statistics()
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
        pairs = []
        for labels in sample.labels:
            count = self._count_of(labels)
            before = count.objects
            pairs += [(labels.key, name) for name in count.add(labels)]
            if labels.type != "classification":
                result.objects += count.objects - before
        return pairs

    def _count_of(self, labels: LabelSet) -> LabelSetCount:
        key = (labels.type, labels.name)
        count = self._sets.get(key)
        if count is None:
            count = self._sets[key] = LabelSetCount(labels.name, labels.type)
            self.result.label_sets.append(count)
        return count
