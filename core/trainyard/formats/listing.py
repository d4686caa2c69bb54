"""``samples.jsonl``: one JSON object a picture, with everything that is known about it, so that no format loses anything.

``{"number": 0, "name": "cat/1.jpg", "image": "images/00000/00000000_1.jpg", "channels": 3, "height": 375, "width": 500,
"bytes": 61234, "sha256": "…", "label": 1}``. Instead of ``label`` there is ``labels`` (0 or 1 for every class) or ``boxes`` (a
list of ``[label, xmin, ymin, xmax, ymax]`` in pixels) with ``difficult`` (which of them are, from 0); unlabelled, nothing.
"""

from __future__ import annotations

import hashlib

import msgspec

from trainyard.formats.damage import Damaged
from trainyard.formats.record import UNLABELLED, Box, Description, Labels, Record, one_class, several_classes, some_boxes
from trainyard.words import N_

SAMPLES = "samples.jsonl"
Edge = int | float


class Listed(msgspec.Struct, omit_defaults=True):
    """One line. ``image`` is the picture's path below the set, empty where pictures lie in containers."""

    number: int
    name: str
    image: str = ""
    channels: int = 0
    height: int = 0
    width: int = 0
    bytes: int = 0
    sha256: str = ""
    label: int | None = None
    labels: list[Edge] | None = None
    boxes: list[tuple[int, Edge, Edge, Edge, Edge]] | None = None
    difficult: list[int] = []


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Listed)


def encode(record: Record, image: str = "") -> bytes:
    """The line that stands for ``record``, without its end."""
    labels = record.labels
    line = Listed(
        record.number,
        record.name,
        image,
        record.channels,
        record.height,
        record.width,
        len(record.picture),
        hashlib.sha256(record.picture).hexdigest(),
    )
    if labels.kind == "class":
        line.label = int(labels.numbers[0])
    elif labels.kind == "classes":
        line.labels = [int(number) if number.is_integer() else number for number in map(float, labels.numbers)]
    elif labels.kind == "boxes":
        line.boxes = [box[:5] for box in labels.boxes]
        line.difficult = [place for place, box in enumerate(labels.boxes) if box.difficult]
    return _ENCODER.encode(line)


def decode(line: bytes) -> Listed:
    """The line as it was written.

    Raises:
        Damaged: it is another kind of line.
    """
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(N_("The line is not that of a sample: {problem}"), problem=str(error)) from None


def labels_of(line: Listed) -> Labels:
    """The labels in ``line``."""
    if line.boxes is not None:
        hard = set(line.difficult)
        return some_boxes(
            Box(label, float(left), float(top), float(right), float(bottom), place in hard)
            for place, (label, left, top, right, bottom) in enumerate(line.boxes)
        )
    if line.labels is not None:
        return several_classes(map(float, line.labels))
    return UNLABELLED if line.label is None else one_class(line.label)


def description_of(line: Listed) -> Description:
    """What ``line`` says of its picture."""
    return Description(line.number, line.name, labels_of(line), line.bytes, line.channels, line.height, line.width)


def record_of(line: Listed, picture: bytes) -> Record:
    """``line`` with its picture."""
    return Record(line.number, line.name, labels_of(line), picture, line.channels, line.height, line.width)
