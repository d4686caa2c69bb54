"""Which samples of a list can be formatted, and what their labels become as numbers."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from pathlib import Path

from trainyard.datasets.folder import Stopped
from trainyard.datasets.jsonlist import ListReader
from trainyard.datasets.lines import BOM, SPACE, Line, read_lines
from trainyard.datasets.sample import Problem, Sample, classes_of
from trainyard.errors import Invalid
from trainyard.formats.split import label_table
from trainyard.words import N_

_ASK_EVERY = 10_000


class Selection:
    """The pictures of ``list_path`` that have a class in the label set ``key``; 16 bytes of memory for each.

    Raises:
        Invalid: ``label-set-type``, ``label-set-unknown`` or ``list-without-labels``.
    """

    def __init__(self, list_path: Path, key: str, should_stop: Callable[[], bool] = lambda: False) -> None:
        if key and not key.startswith("classification."):
            raise Invalid(
                "label-set-type",
                N_("{label_set} is not a classification label set; only these can be formatted."),
                hint=N_("Choose a label set whose name begins with classification."),
                field="label_set",
                label_set=key,
            )
        self.key = key
        self.multi_label = False
        self._reader = ListReader()
        self._offsets, self._lengths, self._lines = array("Q"), array("I"), array("I")
        self._file = os.open(list_path, os.O_RDONLY | os.O_CLOEXEC)
        self.labels = label_table(self._scan(list_path, should_stop))

    def __len__(self) -> int:
        return len(self._offsets)

    def sample(self, number: int) -> Sample:
        """The ``number``-th selected sample, in the order of the list; safe from several threads."""
        offset, length = self._offsets[number], self._lengths[number]
        data = os.pread(self._file, length, offset)
        found = self._reader.parse(Line(self._lines[number], offset, length, data.removeprefix(BOM).strip(SPACE)))
        if isinstance(found, Problem):
            raise Invalid("list-changed", N_("The list changed while it was formatted."), hint=N_("Format the dataset again."))
        return found

    def numbers_of(self, sample: Sample) -> tuple[float, ...]:
        """The class index of ``sample``; where pictures have several classes, 0 or 1 for every class."""
        labels = sample.label_set(self.key)
        classes = classes_of(labels.truth()) if labels else ()
        if not self.multi_label:
            return (float(self.labels[classes[0]]),)
        numbers = [0.0] * len(self.labels)
        for name in classes:
            numbers[self.labels[name]] = 1.0
        return tuple(numbers)

    def close(self) -> None:
        """Let go of the list."""
        os.close(self._file)

    def _scan(self, list_path: Path, should_stop: Callable[[], bool]) -> set[str]:
        classes: set[str] = set()
        others: set[str] = set()
        with list_path.open("rb") as file:
            for turn, line in enumerate(read_lines(file)):
                if turn % _ASK_EVERY == 0 and should_stop():
                    raise Stopped
                found = self._reader.parse(line)
                if isinstance(found, Sample) and found.type == "image":
                    self._select(line, found, classes, others)
        if not len(self):
            self._refuse(others)
        return classes

    def _select(self, line: Line, sample: Sample, classes: set[str], others: set[str]) -> None:
        labels = sample.label_set(self.key)
        names = classes_of(labels.truth()) if labels else ()
        if not names:
            others.update(one.key for one in sample.labels)
            return
        classes.update(names)
        self.multi_label = self.multi_label or len(names) > 1
        self._offsets.append(line.offset)
        self._lengths.append(line.length)
        self._lines.append(line.number)

    def _refuse(self, others: set[str]) -> None:
        if others:
            raise Invalid(
                "label-set-unknown",
                N_("No picture of the list has a label in {label_set}."),
                hint=N_("The list has these label sets: {others}."),
                field="label_set",
                label_set=self.key,
                others=", ".join(sorted(others)[:20]),
            )
        raise Invalid(
            "list-without-labels",
            N_("No picture of the list has a label."),
            hint=N_("Label the pictures first; unlabelled pictures cannot be formatted."),
            field="label_set",
        )
