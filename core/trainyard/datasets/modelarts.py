"""Lines of a ModelArts manifest as lines of a list, and the VOC files that they name.

Format: Huawei Cloud ModelArts, "Specifications for Importing a Manifest File". A line has ``source`` instead of ``url``; both
kinds may stand in one file and are told apart line by line. Keys are written with ``-`` or with ``_``.

==============================  ====================================================================================
``source``                      the picture; ``obs://bucket/key`` is read from the bound bucket as ``s3://bucket/key``
``annotation[].name``           a class; several by several entries, or parted by U+0001
``annotation[].annotation-loc``  a VOC file, read when the dataset is made; its boxes then stand in the line
``@modelarts:feature``          a box ``[[xmin, ymin], [xmax, ymax]]``, a circle ``[cx, cy, r]``, or an outline
``confidence``                  the score; what a person annotated is the truth all the same
``usage``, ``hard``, ``id``     kept, the last as ``uid``
==============================  ====================================================================================
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from trainyard.datasets.lines import BOM, read_lines

LABEL_SET = "general"
_PARTED = "\u0001"
_KINDS = {"image_classification": "classification", "object_detection": "detection"}
_MARKS = (b"annotation-loc", b"annotation_loc")
Boxes = Callable[[str, str], list[dict[str, Any]]]
"""The entries for the picture of a url, of the VOC file at an address; raises ``Unreadable``."""
_Read = Callable[[str], list[dict[str, Any]]]


class Unreadable(Exception):
    """Why a VOC file gives no boxes."""


class ManifestProblem(Exception):
    """Why a line of a manifest is no sample: the field it is about, what stands there, and a code of ``RULES``."""

    def __init__(self, code: str, *steps: str | int, value: Any = None) -> None:
        super().__init__(code, steps)
        self.code, self.steps, self.value = code, steps, value


def is_manifest(line: Any) -> bool:
    """Whether a line (plain objects) is one of a manifest."""
    return isinstance(line, dict) and "source" in line and "url" not in line


def to_line(line: dict[str, Any], boxes: Boxes | None = None) -> dict[str, Any]:
    """The line of the new schema that stands for one of a manifest, not checked yet; ``boxes`` reads the files it names.

    Raises:
        ManifestProblem: it is about text or sound, has an annotation that is none of a picture, or names a file and there
            are no ``boxes`` to read it.
        Unreadable: ``boxes`` cannot read it.
    """
    line = _dashed(line)
    source = line.get("source")
    if not isinstance(source, str) or source.startswith("content://"):
        raise ManifestProblem("manifest-source", "source", value=source)
    url = "s3://" + source.removeprefix("obs://") if source.startswith("obs://") else source
    read = None if boxes is None else partial(boxes, url)
    made = {"url": url, "label": _label_sets(line.get("annotation"), read)}
    named = {"uid": line.get("id"), "usage": line.get("usage"), "hard": line.get("hard")}
    return made | {name: value for name, value in named.items() if value is not None}


def _label_sets(annotations: Any, boxes: _Read | None) -> list[dict[str, Any]]:
    if annotations is None:
        return []
    if not isinstance(annotations, list):
        raise ManifestProblem("manifest-annotation", "annotation", value=annotations)
    found: dict[str, list[dict[str, Any]]] = {}
    for number, one in enumerate(annotations):
        kind, entries = _entries(one, number, boxes)
        found.setdefault(kind, []).extend(entries)
    return [{"name": LABEL_SET, "type": kind, "version": "1", "data": data} for kind, data in found.items() if data]


def _entries(one: Any, number: int, boxes: _Read | None) -> tuple[str, list[dict[str, Any]]]:
    if not isinstance(one, dict):
        raise ManifestProblem("manifest-annotation", "annotation", number, value=one)
    one = _dashed(one)
    told = str(one.get("type") or "modelarts/image_classification")
    kind = _KINDS.get(told.rpartition("/")[2])
    if kind is None:
        raise ManifestProblem("manifest-type", "annotation", number, "type", value=told)
    more = _score(one)
    shape = one.get("property") if isinstance(one.get("property"), dict) else {}
    if kind == "classification":
        names = one.get("name")
        parts = names.split(_PARTED) if isinstance(names, str) else [names]
        return kind, [{"class": name, **more} for name in parts]
    if isinstance(place := one.get("annotation-loc"), str):
        if boxes is None:  # they were read when the dataset was made, but for those that could not be
            reason = one.get("annotation-problem")
            raise ManifestProblem("manifest-loc", "annotation", number, "annotation-loc", value=reason or place)
        return kind, [entry | more for entry in boxes(place)]
    feature = shape.get("@modelarts:feature") if isinstance(shape, dict) else None
    return kind, [{"class": one.get("name"), **_geometry(feature, number), **more}]


def _geometry(feature: Any, number: int) -> dict[str, Any]:
    """``bbox`` and ``polygon`` of a shape."""
    if isinstance(feature, list) and len(feature) == 3 and all(isinstance(value, int | float) for value in feature):
        x, y, radius = feature
        return {"bbox": [[x - radius, y - radius], [x + radius, y + radius]]}
    if isinstance(feature, list) and len(feature) >= 2 and all(isinstance(point, list) for point in feature):
        return {"bbox": feature} if len(feature) == 2 else {"bbox": feature, "polygon": feature}
    raise ManifestProblem("manifest-shape", "annotation", number, "property", value=feature)


def _score(one: dict[str, Any]) -> dict[str, Any]:
    confidence, by = one.get("confidence"), str(one.get("annotated-by") or "")
    told = {} if confidence is None else {"score": confidence}
    return told | ({"ground_truth": True} if told and by.startswith("human") else {})


def _dashed(one: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("_", "-"): value for key, value in one.items()}


def names_files(path: Path) -> bool:
    """Whether a list names annotation files at all; costs one search of the file."""
    if not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return any(text.find(mark) >= 0 for mark in _MARKS)


def resolve(path: Path, boxes: Boxes, between: Callable[[int], None]) -> None:
    """Write the boxes of every VOC file into its line; other lines stay as they are, and every line keeps its number.

    A line whose file cannot be read stays, too: it is then told as a problem with the rest.
    """
    part = path.with_name(f".{path.name}.resolved")
    with path.open("rb") as source, part.open("wb") as target:
        last = 0
        for line in read_lines(source):
            target.write(b"\n" * (line.number - last - 1))
            last = line.number
            between(line.offset)
            if line.data is None:
                target.write(b'{"url": ""}\n')
                continue
            target.write(_resolved(line.data.removeprefix(BOM), boxes) + b"\n")
    part.replace(path)


def _resolved(data: bytes, boxes: Boxes) -> bytes:
    if not any(mark in data for mark in _MARKS):
        return data
    try:
        line = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return data
    if not is_manifest(line):
        return data
    try:
        return msgspec.json.encode(to_line(line, boxes))
    except ManifestProblem:
        return data
    except Unreadable as error:
        return msgspec.json.encode(_marked(line, str(error)))


def _marked(line: dict[str, Any], reason: str) -> dict[str, Any]:
    """``line`` with the reason beside each address of a file."""
    annotations = [{**one, "annotation-problem": reason} if isinstance(one, dict) else one for one in line["annotation"]]
    return {**line, "annotation": annotations}
