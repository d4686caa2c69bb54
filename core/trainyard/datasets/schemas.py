"""How a line of either schema looks on the wire, and its conversion into a ``Sample``.

New schema: ``label`` is an array of label sets. Old AtFlow schema: ``label`` is an object with ``class``, ``detect`` and
``facecluster``; these may also stand beside ``label``, because the schema's own published example has them there.
Both are told apart line by line.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from trainyard.datasets.sample import Cluster, Entry, LabelSet, MediaType, Point, Sample, Url
from trainyard.decoding import prepared

EXTRA = ("uid", "create_time", "original_url", "md5", "usage", "hard")


class OldBox(msgspec.Struct, gc=False, rename={"class_name": "class"}):
    """One box of the old schema."""

    pts: Annotated[tuple[Point, ...], msgspec.Meta(min_length=2)]
    class_name: str = ""
    score: float | None = None


class OldDetection(msgspec.Struct, gc=False):
    """All boxes of one sub-task of the old schema."""

    bbox: tuple[OldBox, ...] = ()


class OldLabels(msgspec.Struct, gc=False, rename={"class_names": "class"}):
    """The label object of the old schema."""

    class_names: dict[str, str] | None = None
    detect: dict[str, OldDetection] | None = None
    facecluster: str | None = None


@prepared
class WireLine(msgspec.Struct, gc=False, rename={"class_names": "class"}):
    """A line of either schema as it was written."""

    url: Url
    type: MediaType = "image"
    label: tuple[LabelSet, ...] | OldLabels | None = None
    source_url: str | None = None
    ops: str | None = None
    uid: Any = None
    create_time: Any = None
    original_url: Any = None
    md5: Any = None
    usage: Any = None
    hard: Any = None
    class_names: dict[str, str] | None = None
    detect: dict[str, OldDetection] | None = None
    facecluster: str | None = None

    def to_sample(self, number: int) -> Sample:
        """The normalised record; ``number`` is the line's, from 1."""
        return Sample(number, self.url, self.type, self._labels(), self.source_url, self.ops, self._extra())

    def _labels(self) -> tuple[LabelSet, ...]:
        label = self.label
        if type(label) is tuple:
            return label
        outer = _from_old(self.class_names, self.detect, self.facecluster)
        if isinstance(label, OldLabels):
            return _from_old(label.class_names, label.detect, label.facecluster) + outer
        return outer

    def _extra(self) -> dict[str, Any]:
        if self.uid is self.create_time is self.original_url is self.md5 is self.usage is self.hard is None:
            return {}
        return {name: value for name in EXTRA if (value := getattr(self, name)) is not None}


def _from_old(
    classes: dict[str, str] | None, detect: dict[str, OldDetection] | None, cluster: str | None
) -> tuple[LabelSet, ...]:
    sets = [LabelSet(name, "classification", (Entry(value),)) for name, value in (classes or {}).items() if value]
    sets += [
        LabelSet(name, "detection", tuple(Entry(box.class_name, box.pts, box.score) for box in boxes.bbox))
        for name, boxes in (detect or {}).items()
    ]
    if cluster:
        sets.append(LabelSet("face", "face", (Entry(cluster=Cluster(cluster)),)))
    return tuple(sets)


def repaired(line: Any) -> Any:
    """``line`` with the slips that tools are known for put right: whole numbers where class names belong.

    Numbers written as strings need no repair here; the second, lenient conversion takes them.
    """
    if isinstance(line, dict):
        label = line.get("label")
        for holder in (line, label):
            if isinstance(holder, dict):
                _repair_old(holder)
        for labels in label if isinstance(label, list) else ():
            if isinstance(labels, dict):
                _classes_to_text(labels.get("data"))
    return line


def _repair_old(holder: dict[str, Any]) -> None:
    classes = holder.get("class")
    if isinstance(classes, dict):
        holder["class"] = {name: _text(value) for name, value in classes.items()}
    if "facecluster" in holder:
        holder["facecluster"] = _text(holder["facecluster"])
    detect = holder.get("detect")
    for boxes in detect.values() if isinstance(detect, dict) else ():
        if isinstance(boxes, dict):
            _classes_to_text(boxes.get("bbox"))


def _classes_to_text(entries: Any) -> None:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and "class" in entry:
            entry["class"] = _text(entry["class"])


def _text(value: Any) -> Any:
    return str(value) if type(value) is int else value
