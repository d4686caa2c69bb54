"""Read and write labelled picture lists: one JSON object a line, in the old or the new schema.

The reader streams, holds at most one line, and answers every line that is not blank with a ``Sample`` or a ``Problem``.
The writer knows only the new schema.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import msgspec

from trainyard.datasets.explain import field_problem, place_of, shown_path, shown_value, syntax_problem, twice_problem
from trainyard.datasets.lines import MAX_LINE, Line, read_lines
from trainyard.datasets.locate import Steps, column_of_steps
from trainyard.datasets.modelarts import ManifestProblem, is_manifest, to_line
from trainyard.datasets.sample import Entry, LabelSet, Problem, Sample, corners
from trainyard.datasets.schemas import WireLine, repaired
from trainyard.words import N_

MAX_CLASS = 255
_CACHE = 100_000


class ListReader:
    """Turns lines into samples; remembers the names it has checked, so that each costs its check once."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(WireLine).decode
        self._known: set[str | None] = set()
        self._sets: set[str] = set()

    def read(self, file: BinaryIO, limit: int = MAX_LINE) -> Iterator[Sample | Problem]:
        """Every line of ``file`` that is not blank, in order; lines of more than ``limit`` bytes are problems."""
        for line in read_lines(file, limit):
            yield self.parse(line)

    def parse(self, line: Line) -> Sample | Problem:
        """One line as a sample, or why it is none."""
        if line.data is None:
            return Problem(line.number, 0, "", "line-too-long", TOO_LONG, {"length": line.length})
        try:
            wire = self._decode(line.data)
        except msgspec.ValidationError:
            return self._parse_leniently(line.number, line.data)
        except (ValueError, RecursionError) as error:
            return syntax_problem(line.number, line.data, error)
        if twice := twice_problem(line.number, line.data):
            return twice
        return self._checked(wire.to_sample(line.number), line.data)

    def _parse_leniently(self, number: int, data: bytes) -> Sample | Problem:
        """The second try: numbers may be strings, class names may be numbers."""
        try:
            line = msgspec.json.decode(data)
            if is_manifest(line):
                return self._parse_manifest(number, data, line)
            wire = msgspec.convert(repaired(line), WireLine, strict=False)
        except msgspec.ValidationError as error:
            return field_problem(number, data, error)
        except (ValueError, RecursionError) as error:
            return syntax_problem(number, data, error)
        if twice := twice_problem(number, data):
            return twice
        sample = wire.to_sample(number)
        return _not_finite(sample, data) or self._checked(sample, data)

    def _parse_manifest(self, number: int, data: bytes, line: dict[str, Any]) -> Sample | Problem:
        """A line of a ModelArts manifest. What is wrong is told of the line of our schema that stands for it."""
        try:
            made = to_line(line)
        except ManifestProblem as problem:
            return _problem(number, data, problem.steps, problem.code, problem.value)
        stands = msgspec.json.encode(made)
        try:
            sample = msgspec.convert(repaired(made), WireLine, strict=False).to_sample(number)
        except msgspec.ValidationError as error:
            return msgspec.structs.replace(field_problem(number, stands, error), column=0)
        found = _not_finite(sample, stands) or self._checked(sample, stands)
        return found if isinstance(found, Sample) else msgspec.structs.replace(found, column=0)

    def _checked(self, sample: Sample, data: bytes) -> Sample | Problem:
        """``sample`` as it is where all its names were seen before, which is the fast path; else checked and cleaned."""
        known, sets = self._known, self._sets
        for labels in sample.labels:
            boxed = labels.type == "detection"
            if labels.name not in sets or not labels.data:
                return self._clean(sample, data)
            for entry in labels.data:
                if entry.class_name not in known or (boxed and entry.bbox is None):
                    return self._clean(sample, data)
        return sample if len(sample.labels) < 2 else _joined(sample)

    def _clean(self, sample: Sample, data: bytes) -> Sample | Problem:
        """``sample`` with its names in normal form and without empty classifications, or what is wrong."""
        sets = []
        for i, labels in enumerate(sample.labels):
            if not labels.name or _control(labels.name):
                place = place_of(data, i, labels)
                named = (*place, "name") if place == ("label", i) else place
                return _problem(sample.line, data, named, "label-set-name", labels.name)
            name = self._normal_set(labels.name)
            boxed = tuple(_boxed(entry) for entry in labels.data)
            for j, entry in enumerate(boxed):
                if code := _entry_problem(labels, entry):
                    return _problem(sample.line, data, place_of(data, i, labels, j), code, entry.class_name)
            entries = tuple(self._normal(entry) for entry in boxed if entry.class_name or labels.type != "classification")
            if entries:
                sets.append(msgspec.structs.replace(labels, name=name, data=entries))
        return _joined(msgspec.structs.replace(sample, labels=tuple(sets)))

    def _normal(self, entry: Entry) -> Entry:
        """``entry`` with its class in Unicode's normal form C, so that one name is one class."""
        name = entry.class_name
        if not name:
            return entry
        normal = unicodedata.normalize("NFC", name)
        if len(self._known) >= _CACHE:
            self._known.clear()
        self._known.add(normal)
        return entry if normal == name else msgspec.structs.replace(entry, class_name=normal)

    def _normal_set(self, name: str) -> str:
        """The name of a label set in the same form. What is known of them is kept apart: other rules hold for classes."""
        if len(self._sets) >= _CACHE:
            self._sets.clear()
        normal = unicodedata.normalize("NFC", name)
        self._sets.add(normal)
        return normal


TOO_LONG = N_("The line has {length} bytes and was passed over. Write one object a line, and shorter ones.")
RULES = {
    "label-set-name": N_(
        "The label set in {field} is named {value}; a name must not be empty or hold control characters. Rename it."
    ),
    "class-missing": N_("The box in {field} has no class. Write its class into the field class."),
    "box-missing": N_(
        "The object in {field} has no bbox; a detection needs one. Write two corners like [[10, 20], [110, 220]]."
    ),
    "class-too-long": N_("The class in {field} has {length} characters; at most {limit} are allowed. Shorten it."),
    "class-control": N_(
        "The class in {field} is {value}; control characters such as line breaks are not allowed. Delete them."
    ),
    "number": N_("{field} is {value}; it must be a finite number. Write one with digits."),
    "manifest-source": N_("{field} is {value}; only pictures can be samples. Give the address of a picture."),
    "manifest-annotation": N_("{field} is {value}; it must be a list of objects. Put them between [ and ]."),
    "manifest-type": N_("{field} is {value}; only modelarts/image_classification and modelarts/object_detection can be read."),
    "manifest-loc": N_("The VOC file in {field} could not be read: {value}. Correct it and make the dataset again."),
    "manifest-shape": N_("The shape in {field} is {value}; give a box, a circle or an outline with at least three points."),
}


def _joined(sample: Sample) -> Sample:
    """``sample`` with what stands in several label sets of one name in one: none of it is lost, and all of it is counted."""
    found: dict[str, LabelSet] = {}
    for one in sample.labels:
        before = found.get(one.key)
        found[one.key] = one if before is None else msgspec.structs.replace(before, data=before.data + one.data)
    return sample if len(found) == len(sample.labels) else msgspec.structs.replace(sample, labels=tuple(found.values()))


def _boxed(entry: Entry) -> Entry:
    """``entry`` with the extent of its polygon as its box where it has none."""
    return entry if entry.bbox or not entry.polygon else msgspec.structs.replace(entry, bbox=corners(entry.polygon))


def _entry_problem(labels: LabelSet, entry: Entry) -> str:
    name = entry.class_name
    if labels.type == "detection" and not name:
        return "class-missing"
    if labels.type == "detection" and entry.bbox is None:
        return "box-missing"
    if name and len(name) > MAX_CLASS:
        return "class-too-long"
    return "class-control" if name and _control(name) else ""


def read_list(file: BinaryIO, limit: int = MAX_LINE) -> Iterator[Sample | Problem]:
    """Every line of the list ``file`` that is not blank, as a sample or a problem; nothing is held in memory.

    Args:
        file: opened for reading bytes; UTF-8, with or without a byte order mark, LF or CRLF.
        limit: the longest line in bytes.
    """
    return ListReader().read(file, limit)


def write_list(file: BinaryIO, samples: Iterable[Sample]) -> int:
    """Append ``samples`` in the new schema, one line each; how many there were."""
    encoder = msgspec.json.Encoder()
    count = 0
    for sample in samples:
        file.write(encoder.encode(to_wire(sample)) + b"\n")
        count += 1
    return count


def to_wire(sample: Sample) -> dict[str, Any]:
    """The line of the new schema that stands for ``sample``; fields that are absent are left out."""
    line: dict[str, Any] = {"url": sample.url, "type": sample.type}
    if sample.labels:
        line["label"] = sample.labels
    if sample.source_url is not None:
        line["source_url"] = sample.source_url
    if sample.ops is not None:
        line["ops"] = sample.ops
    return line | sample.extra


def _control(text: str) -> bool:
    return any(unicodedata.category(letter) in {"Cc", "Zl", "Zp", "Cs"} for letter in text)


def _not_finite(sample: Sample, data: bytes) -> Problem | None:
    """The problem of a number that is infinite or not a number: only strings such as ``"nan"`` can bring one."""
    for i, labels in enumerate(sample.labels):
        for j, entry in enumerate(labels.data):
            for way, number in _numbers(entry):
                if number is not None and not math.isfinite(number):
                    place = place_of(data, i, labels, j)
                    old = way[0] == "bbox" and place[:2] != ("label", i)
                    steps = (*place, "pts", *way[1:]) if old else (*place, *way)
                    return _problem(sample.line, data, steps, "number", number)
    return None


def _numbers(entry: Entry) -> Iterator[tuple[Steps, float | None]]:
    """Every number of ``entry`` that may have a fraction, and the way there."""
    yield ("score",), entry.score
    yield ("bbox_score",), entry.bbox_score
    yield ("cluster", "score"), entry.cluster.score if entry.cluster else None
    for name, points in (("bbox", entry.bbox or ()), ("polygon", entry.polygon or ())):
        for k, point in enumerate(points):
            yield (name, k, 0), point[0]
            yield (name, k, 1), point[1]
    for k, landmark in enumerate(entry.landmarks):
        yield ("landmarks", k, "pt", 0), landmark.pt[0]
        yield ("landmarks", k, "pt", 1), landmark.pt[1]
        yield ("landmarks", k, "score"), landmark.score


def _problem(number: int, data: bytes, steps: Steps, code: str, value: Any = "") -> Problem:
    """A broken rule of ours; ``value`` is the name that breaks it."""
    field = shown_path(steps)
    values = {
        "field": field,
        "value": shown_value(value),
        "length": len(value) if isinstance(value, str) else 0,
        "limit": MAX_CLASS,
    }
    return Problem(number, column_of_steps(data, steps), field, code, RULES[code], values)
