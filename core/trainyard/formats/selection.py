"""Which samples of a list can be formatted, and what their labels become as numbers.

Classification: the pictures that have a class. Detection and faces: those that have a box; a face is of the class it
names, else of the one class ``face``. Without a label set: all pictures, unlabelled. Videos are selected on request, by
the same rules; their frames will have their labels.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np

from trainyard.datasets.folder import Stopped
from trainyard.datasets.jsonlist import ListReader
from trainyard.datasets.lines import BOM, SPACE, Line, read_lines
from trainyard.datasets.sample import Entry, Problem, Sample, classes_of
from trainyard.datasets.statistics import FACE
from trainyard.errors import Invalid
from trainyard.formats.record import UNLABELLED, Box, Kind, Labels, one_class, several_classes, some_boxes
from trainyard.formats.split import Membership, Numbers, families, label_table
from trainyard.words import N_

_ASK_EVERY = 10_000
_CLASSES, _DETECTION, _FACES = "classification.", "detection.", "face."


class Selection:
    """The pictures of ``list_path`` with labels in the label set ``key``, or all where it is empty.

    It takes 32 bytes for each (48 where it was made of another), and 4 for each of its classes. ``kind`` says what their
    labels are, ``labels`` maps class to index, ``difficult`` whether any box is marked so; ``videos`` were passed over because
    ``with_videos`` was not asked.

    Raises:
        Invalid: ``label-set-type``, ``label-set-unknown``, ``label-set-without-boxes``, ``list-without-labels`` or
            ``list-without-pictures``.
    """

    def __init__(
        self, list_path: Path, key: str, should_stop: Callable[[], bool] = lambda: False, *, with_videos: bool = False
    ) -> None:
        if key and not key.startswith((_CLASSES, _DETECTION, _FACES)):
            raise Invalid(
                "label-set-type",
                N_("{label_set} is not a label set."),
                hint=N_("The name of a label set begins with classification., detection. or face."),
                field="label_set",
                label_set=key,
            )
        self.key = key
        self._boxed = key.startswith((_DETECTION, _FACES))
        self.multi_label = False
        self.difficult = False
        self.videos = 0
        self._types = ("image", "video") if with_videos else ("image",)
        self._found: dict[str, int] = {}
        self._members, self._ends = array("I"), array("Q")
        self._reader = ListReader()
        self._offsets, self._lengths, self._lines = array("Q"), array("I"), array("I")
        self._own, self._made, self._origins = array("q"), array("Q"), array("q")
        self._file = os.open(list_path, os.O_RDONLY | os.O_CLOEXEC)
        self._scan(list_path, should_stop)
        self.labels = label_table(self._found)

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

    @property
    def kind(self) -> Kind:
        """What the labels of every selected sample are."""
        if not self.key:
            return "none"
        return "boxes" if self._boxed else "classes" if self.multi_label else "class"

    def labels_of(self, sample: Sample) -> Labels:
        """The labels of ``sample``, boxes in pixels of the original picture as the list has them."""
        entries = self._entries(sample)
        if not self.key:
            return UNLABELLED
        if self._boxed:
            return some_boxes(self._box(entry) for entry in entries if _class_of(entry) in self.labels)
        classes = [name for name in classes_of(entries) if name in self.labels]
        if not self.multi_label:
            return one_class(self.labels[classes[0]])
        numbers = [0.0] * len(self.labels)
        for name in classes:
            numbers[self.labels[name]] = 1.0
        return several_classes(numbers)

    def membership(self) -> Membership:
        """The classes of every selected sample by their indices in ``labels``."""
        place = np.asarray([self.labels[name] for name in self._found], dtype=np.int64)
        members = place[np.frombuffer(self._members, dtype=np.uint32)] if self._members else np.zeros(0, dtype=np.int64)
        return Membership(members, np.frombuffer(self._ends, dtype=np.uint64).astype(np.int64), len(self.labels))

    def families(self) -> Numbers | None:
        """A number for every selected sample, the same for those that come of one picture: made of it, or named again.

        None: every picture is alone.
        """
        made = np.asarray(self._made, dtype=np.int64)
        return families(np.frombuffer(self._own, np.int64), made, np.asarray(self._origins, dtype=np.int64))

    def keep_classes(self, names: set[str]) -> None:
        """Forget every class but ``names``: from here on they alone have indices, and labels of others are not told."""
        self.labels = label_table(names)

    def close(self) -> None:
        """Let go of the list."""
        os.close(self._file)

    def _scan(self, list_path: Path, should_stop: Callable[[], bool]) -> None:
        others: set[str] = set()
        with list_path.open("rb") as file:
            for turn, line in enumerate(read_lines(file)):
                if turn % _ASK_EVERY == 0 and should_stop():
                    raise Stopped
                found = self._reader.parse(line)
                if isinstance(found, Sample) and found.type in self._types:
                    self._select(line, found, others)
                elif isinstance(found, Sample):
                    self.videos += 1
        if not len(self):
            self._refuse(others)

    def _select(self, line: Line, sample: Sample, others: set[str]) -> None:
        entries = self._entries(sample)
        names = [_class_of(entry) for entry in entries] if self._boxed else classes_of(entries)
        if self.key and not names:
            others.update(one.key for one in sample.labels)
            return
        self._members.extend(self._found.setdefault(name, len(self._found)) for name in dict.fromkeys(names))
        self._ends.append(len(self._members))
        self.difficult = self.difficult or (self._boxed and any(map(_is_difficult, entries)))
        self.multi_label = self.multi_label or (not self._boxed and len(names) > 1)
        self._offsets.append(line.offset)
        self._lengths.append(line.length)
        self._lines.append(line.number)
        if sample.source_url is not None:
            self._made.append(len(self._own))
            self._origins.append(hash(sample.source_url))
        self._own.append(hash(sample.url))

    def _entries(self, sample: Sample) -> tuple[Entry, ...]:
        """What there is to learn from in the label set; in a set of boxes, what has one."""
        labels = sample.label_set(self.key) if self.key else None
        entries = labels.truth() if labels else ()
        return tuple(entry for entry in entries if entry.bbox) if self._boxed else entries

    def _box(self, entry: Entry) -> Box:
        left, top, right, bottom = entry.extent() or (0.0, 0.0, 0.0, 0.0)
        return Box(self.labels[_class_of(entry)], left, top, right, bottom, _is_difficult(entry))

    def _refuse(self, others: set[str]) -> None:
        if not self.key:
            raise Invalid(
                "list-without-pictures",
                N_("The list has no picture."),
                hint=N_("Videos are formatted as pictures when a rate of frames is chosen."),
            )
        if self.key in others:
            raise Invalid(
                "label-set-without-boxes",
                N_("No picture of the list has a box in {label_set}."),
                hint=N_("Draw boxes first, or choose another label set."),
                field="label_set",
                label_set=self.key,
            )
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
            hint=N_("Label the pictures first, or choose no label set: unlabelled pictures are formatted without labels."),
            field="label_set",
        )


def _is_difficult(entry: Entry) -> bool:
    """A crowd counts as difficult: neither is an object that a detector should be blamed for missing."""
    return bool(entry.difficult or entry.crowd)


def _class_of(entry: Entry) -> str:
    return entry.class_name or FACE
