"""Count the labels of many samples as arrays: which sample has which class how often, and how large its boxes are.

A (label set, class) pair is a number. A sample whose classes are all known, and that carries no scores, needs a few lookups;
any other is read alone, which also makes its classes known. While most labels are one class, whose text comes again and again,
the text is looked up and the labels need not even be decoded. The counts do not depend on which way was taken.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from trainyard.datasets.index import Labels
from trainyard.datasets.sample import LabelSet, MediaType, Point, Problem, Sample, Url
from trainyard.datasets.statistics import BOX_AREAS, FACE, ClassCount, Counting, LabelSetCount, refuse_too_many
from trainyard.decoding import prepared

Ints = npt.NDArray[np.int64]
_TEXTS, _TRY_EVERY = 65_536, 64


class _Line(msgspec.Struct, gc=False, rename={"class_names": "class"}):
    """A line of the new schema less its labels; anything that only the old one has is refused: another way is taken."""

    url: Url
    type: MediaType = "image"
    source_url: str | None = None
    ops: str | None = None
    class_names: None = None
    detect: None = None
    facecluster: None = None


@prepared
class LabelledLine(_Line, gc=False, rename={"class_names": "class"}):
    """A line with its labels."""

    label: tuple[LabelSet, ...] | None = None


@prepared
class TextLine(_Line, gc=False, rename={"class_names": "class"}):
    """A line with its labels as they are written."""

    label: msgspec.Raw = msgspec.Raw(b"null")


Lines = Sequence[LabelledLine | TextLine]


class _Known(NamedTuple):
    """A label set: its number, whether each entry needs a box, and the number of each class."""

    number: int
    boxed: bool
    classes: dict[str | None, int]


class _Gathered(NamedTuple):
    """One row an entry: the sample's place, the pair's number; and of those with a box their place among the entries."""

    owners: list[int]
    pairs: list[int]
    boxes: list[tuple[Point, ...]]
    boxed: list[int]

    def forget(self, owner: int) -> None:
        """Take back what was gathered of the last sample."""
        while self.owners and self.owners[-1] == owner:
            self.owners.pop()
            self.pairs.pop()
        while self.boxed and self.boxed[-1] >= len(self.pairs):
            self.boxed.pop()
            self.boxes.pop()

    def add(self, owner: int, pair: int, box: tuple[Point, ...] | None) -> None:
        """One entry."""
        if box is not None:
            self.boxes.append(box)
            self.boxed.append(len(self.pairs))
        self.owners.append(owner)
        self.pairs.append(pair)


class Gatherer:
    """Takes blocks of samples; memory grows with the number of classes only."""

    def __init__(self, number_of: Callable[[tuple[str, str]], int]) -> None:
        """``number_of`` gives the number of a (``<type>.<name>``, class) pair."""
        self._number_of = number_of
        self._known: dict[tuple[str, str], _Known] = {}
        self._sets: list[LabelSetCount] = []
        self._set_of = array("q")
        self._images, self._objects = array("q"), array("q")
        self._pair_of_text: dict[bytes, int] = {}
        self._texts_repeat, self._blocks = True, 0
        self._decode_labels = msgspec.json.Decoder(LabelledLine).decode_lines
        self._decode_texts = msgspec.json.Decoder(TextLine).decode_lines
        self._decode_label = msgspec.json.Decoder(tuple[LabelSet, ...] | None).decode

    def decode(self, block: bytes) -> Lines:
        """The lines of ``block``, for ``take``.

        Raises:
            msgspec.MsgspecError, ValueError, RecursionError: a line is none of the new schema.
        """
        return self._decode_texts(block) if self._texts_repeat else self._decode_labels(block)

    def take(self, lines: Lines, alone: Callable[[int], Sample | Problem]) -> tuple[Labels, int] | None:
        """Count the labels of ``lines``: them, and how many samples have none. ``alone`` reads one line.

        None, with nothing counted, when one has a problem.
        """
        gathered = _Gathered([], [], [], [])
        unknown = 0
        for place, line in enumerate(lines):
            label = line.label
            if isinstance(label, msgspec.Raw):
                text = bytes(label)
                pair = self._pair_of_text.get(text)
                if pair is not None:
                    gathered.pairs.append(pair)
                    gathered.owners.append(place)
                    continue
                unknown += 1
                if self._gather_text(place, text, gathered):
                    continue
            elif not label or self._gather(place, label, gathered):
                continue
            gathered.forget(place)
            found = alone(place)
            if isinstance(found, Problem):
                return None
            self._gather_alone(place, found, gathered)
        self._choose_way(len(lines), unknown)
        return self._count(len(lines), gathered)

    def _choose_way(self, lines: int, unknown: int) -> None:
        """Look labels up by their text as long as most texts come again; try anew now and then."""
        self._blocks += 1
        self._texts_repeat = unknown * 2 < lines if self._texts_repeat else self._blocks % _TRY_EVERY == 0

    def _gather_text(self, place: int, text: bytes, gathered: _Gathered) -> bool:
        """Note the entries of a label that is new as a text; one that stands for a single class is remembered."""
        try:
            label = self._decode_label(text)
        except (ValueError, RecursionError):
            return False
        entries, boxes = len(gathered.pairs), len(gathered.boxes)
        if not self._gather(place, label or (), gathered):
            return False
        if len(gathered.pairs) == entries + 1 and len(gathered.boxes) == boxes and len(self._pair_of_text) < _TEXTS:
            self._pair_of_text[text] = gathered.pairs[-1]
        return True

    def _gather(self, place: int, label: tuple[LabelSet, ...], gathered: _Gathered) -> bool:
        """Note the entries of one sample; False where one has to be looked at."""
        known, owners, pairs = self._known, gathered.owners, gathered.pairs
        try:
            for labels in label:
                _, boxed, classes = known[labels.type, labels.name]
                for entry in labels.data:
                    box = entry.bbox
                    if box is not None:
                        gathered.boxed.append(len(pairs))
                        gathered.boxes.append(box)
                    elif boxed:
                        return False
                    if entry.score is not None:
                        return False
                    pairs.append(classes[entry.class_name])
                    owners.append(place)
        except KeyError:
            return False
        return True

    def _gather_alone(self, place: int, sample: Sample, gathered: _Gathered) -> None:
        for labels in sample.labels:
            known = self._set(labels)
            for entry in labels.truth():
                name = entry.class_name or FACE
                if name not in known.classes:
                    self._learn(labels, known, name)
                if entry.class_name is None:
                    known.classes[None] = known.classes[name]
                gathered.add(place, known.classes[name], entry.bbox)

    def _set(self, labels: LabelSet) -> _Known:
        key = labels.type, labels.name
        if key not in self._known:
            self._known[key] = _Known(len(self._sets), labels.type == "detection", {})
            self._sets.append(LabelSetCount(labels.name, labels.type))
        return self._known[key]

    def _learn(self, labels: LabelSet, known: _Known, name: str) -> None:
        refuse_too_many(labels.name, len(known.classes))
        pair = known.classes[name] = self._number_of((labels.key, name))
        missing = pair + 1 - len(self._set_of)
        for numbers in (self._set_of, self._images, self._objects):
            numbers.extend([0] * missing)
        self._set_of[pair] = known.number

    def _count(self, samples: int, gathered: _Gathered) -> tuple[Labels, int]:
        owners, pairs = np.array(gathered.owners, np.int64), np.array(gathered.pairs, np.int64)
        self._count_boxes(gathered, pairs)
        owners, pairs, objects = _distinct(owners, pairs, max(1, len(self._set_of)))
        labelled = int(np.count_nonzero(np.diff(owners))) + 1 if len(owners) else 0
        _add(self._images, np.bincount(pairs, minlength=len(self._images)))
        _add(self._objects, np.bincount(pairs, objects, minlength=len(self._objects)).astype(np.int64))
        self._count_sets(owners, pairs, labelled)
        return Labels(owners, pairs, objects), samples - labelled

    def _count_sets(self, owners: Ints, pairs: Ints, labelled: int) -> None:
        """How many samples carry each label set."""
        if len(self._sets) == 1:
            self._sets[0].images += labelled
            return
        _, sets, _ = _distinct(owners, np.array(self._set_of, np.int64)[pairs], max(1, len(self._sets)))
        for one, count in zip(self._sets, np.bincount(sets, minlength=len(self._sets)).tolist(), strict=True):
            one.images += count

    def _count_boxes(self, gathered: _Gathered, pairs: Ints) -> None:
        if not gathered.boxes:
            return
        bins = np.searchsorted(BOX_AREAS, _areas(gathered.boxes), side="right") - 1
        sets = np.array(self._set_of, np.int64)[pairs[np.array(gathered.boxed, np.int64)]]
        counts = np.bincount(sets * len(BOX_AREAS) + bins, minlength=len(self._sets) * len(BOX_AREAS))
        for one, sizes in zip(self._sets, counts.reshape(len(self._sets), -1).tolist(), strict=True):
            one.add_sizes(sizes)

    def count_into(self, counting: Counting) -> None:
        """Add everything that was taken to ``counting``."""
        for known in self._known.values():
            one = self._sets[known.number]
            for name, pair in known.classes.items():
                if name is not None and self._images[pair]:
                    one.classes[name] = ClassCount(self._images[pair], self._objects[pair])
            one.objects = sum(count.objects for count in one.classes.values())
            if one.images:
                counting.add_set(one)


def _distinct(owners: Ints, others: Ints, number: int) -> tuple[Ints, Ints, Ints]:
    """Each pair of ``owners`` and ``others`` (below ``number``) once, ascending, and how often it came."""
    if len(owners) < 2 or (np.diff(owners) > 0).all():
        return owners, others, np.ones(len(owners), np.int64)
    keys, counts = np.unique(owners * number + others, return_counts=True)
    return keys // number, keys % number, counts


def _areas(boxes: list[tuple[Point, ...]]) -> npt.NDArray[np.float64]:
    """The areas in square pixels of the extents of ``boxes``, whatever the number of their points."""
    points = np.fromiter(map(len, boxes), np.int64, len(boxes))
    numbers = np.fromiter(chain.from_iterable(chain.from_iterable(boxes)), np.float64, 2 * int(points.sum()))
    first = np.concatenate(([0], np.cumsum(points)[:-1]))
    with np.errstate(over="ignore", invalid="ignore"):  # a box of 1e308 pixels is a large one
        spans = [np.maximum.reduceat(part, first) - np.minimum.reduceat(part, first) for part in (numbers[::2], numbers[1::2])]
        areas: npt.NDArray[np.float64] = spans[0] * spans[1]
    return areas


def _add(total: array[int], counts: Ints) -> None:
    """Add ``counts`` to ``total`` in place."""
    view = np.frombuffer(total, dtype=np.int64)
    view += counts
