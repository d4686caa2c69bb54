"""Caffe's ``Datum`` and SSD's ``AnnotatedDatum`` as protobuf bytes, written and read by hand: they will not grow any more.

    Datum           { int32 channels = 1; int32 height = 2; int32 width = 3; bytes data = 4; int32 label = 5;
                      repeated float float_data = 6; bool encoded = 7; }
    AnnotatedDatum  { Datum datum = 1; enum type = 2; repeated AnnotationGroup annotation_group = 3; }
    AnnotationGroup { int32 group_label = 1; repeated Annotation annotation = 2; }
    Annotation      { int32 instance_id = 1; NormalizedBBox bbox = 2; }
    NormalizedBBox  { float xmin = 1; float ymin = 2; float xmax = 3; float ymax = 4; int32 label = 5; bool difficult = 6; }

These are caffe.proto's numbers, in weiliu89's branch ssd for all but the first; proto2, so ``float_data`` is not packed.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import NamedTuple

from trainyard.formats.damage import Damaged
from trainyard.formats.record import Box
from trainyard.protobuf import (
    BYTES,
    FIXED32,
    VARINT,
    Buffer,
    Malformed,
    field_bytes,
    field_float,
    field_varint,
    fields,
    signed,
    varint,
)
from trainyard.words import N_


class Datum(NamedTuple):
    """One picture. ``data`` is an encoded file where ``encoded``, else raw bytes in channel, height, width order, BGR.

    ``label`` is None where the message has none. ``boxes`` is None in a plain ``Datum``; else their edges are parts of 1 and
    their label is SSD's, where 0 is the background.
    """

    channels: int
    height: int
    width: int
    data: Buffer
    label: int | None
    float_data: tuple[float, ...] = ()
    encoded: bool = True
    boxes: tuple[Box, ...] | None = None


class BadDatum(Damaged):
    """The bytes are no ``Datum``."""


def encode(datum: Datum) -> bytes:
    """The message's bytes, fields in ascending order as protobuf's own writers put them."""
    parts = [field_varint(1, datum.channels), field_varint(2, datum.height), field_varint(3, datum.width)]
    parts += [b"\x22", varint(len(datum.data)), bytes(datum.data)]
    if datum.label is not None:
        parts.append(field_varint(5, datum.label))
    parts += [field_float(6, number) for number in datum.float_data]
    parts.append(field_varint(7, datum.encoded))
    message = b"".join(parts)
    return message if datum.boxes is None else field_bytes(1, message) + field_varint(2, 0) + _groups(datum.boxes)


def decode(message: Buffer) -> Datum:
    """The message in ``message``, plain or annotated; unknown fields are passed over, ``data`` is a part of ``message``.

    Raises:
        BadDatum: the bytes are cut off or no protobuf.
    """
    try:
        found = _decode(message)
    except (Malformed, struct.error):
        raise BadDatum(N_("The value is no Datum message, or it is cut off.")) from None
    if not _all_finite(found):
        raise BadDatum(N_("A label is infinite or no number."))
    return found


def _all_finite(datum: Datum) -> bool:
    numbers = [*datum.float_data, *(edge for box in datum.boxes or () for edge in box[1:5])]
    return all(map(math.isfinite, numbers))


def _decode(message: Buffer) -> Datum:
    inner: Datum | None = None
    boxes: list[tuple[int, Box]] = []
    for field, wire, _, start, end in fields(message, 0, len(message)):
        if field == 1 and wire == BYTES:
            inner = _plain(message, start, end)
        elif field == 3 and wire == BYTES and inner is not None:
            _read_group(message, start, end, boxes)
        elif field == 1:
            break
    if inner is None:
        return _plain(message, 0, len(message))
    ordered = sorted(boxes, key=lambda one: one[0]) if len({place for place, _ in boxes}) == len(boxes) else boxes
    return inner._replace(boxes=tuple(box for _, box in ordered))


def _plain(message: Buffer, start: int, end: int) -> Datum:
    numbers = {1: 0, 2: 0, 3: 0, 7: 0}
    label: int | None = None
    data, floats = message[:0], []
    for field, wire, value, begin, stop in fields(message, start, end):
        if field == 4 and wire == BYTES:
            data = message[begin:stop]
        elif field == 5 and wire == VARINT:
            label = signed(value)
        elif field == 6 and wire in (BYTES, FIXED32):
            floats += [number for (number,) in struct.iter_unpack("<f", message[begin:stop])]
        elif field in numbers and wire == VARINT:
            numbers[field] = max(0, signed(value))
    return Datum(numbers[1], numbers[2], numbers[3], data, label, tuple(floats), bool(numbers[7]))


def _groups(boxes: Iterable[Box]) -> bytes:
    """One group for each class in order of appearance, as SSD's tools write them; ``instance_id`` counts in the picture."""
    groups: dict[int, list[bytes]] = {}
    for number, box in enumerate(boxes):
        edges = b"".join(field_float(place, edge) for place, edge in enumerate(box[1:5], start=1))
        annotation = field_varint(1, number) + field_bytes(2, edges + field_varint(6, box.difficult))
        groups.setdefault(box.label, []).append(field_bytes(2, annotation))
    return b"".join(field_bytes(3, field_varint(1, label) + b"".join(group)) for label, group in groups.items())


def _read_group(message: Buffer, start: int, end: int, boxes: list[tuple[int, Box]]) -> None:
    """Append the group's boxes, each with its ``instance_id``; the label may stand behind them."""
    label, found = 0, []
    for field, wire, value, begin, stop in fields(message, start, end):
        if field == 1 and wire == VARINT:
            label = signed(value)
        elif field == 2 and wire == BYTES:
            found.append(_read_annotation(message, begin, stop))
    boxes += [(place, box._replace(label=label)) for place, box in found]


def _read_annotation(message: Buffer, start: int, end: int) -> tuple[int, Box]:
    place, box = 0, Box(0, 0.0, 0.0, 0.0, 0.0)
    for field, wire, value, begin, stop in fields(message, start, end):
        if field == 1 and wire == VARINT:
            place = signed(value)
        elif field == 2 and wire == BYTES:
            box = _read_box(message, begin, stop)
    return place, box


def _read_box(message: Buffer, start: int, end: int) -> Box:
    edges, difficult = {1: 0.0, 2: 0.0, 3: 0.0, 4: 0.0}, False
    for field, wire, value, begin, stop in fields(message, start, end):
        if field in edges and wire == FIXED32:
            (edges[field],) = struct.unpack("<f", message[begin:stop])
        elif field == 6 and wire == VARINT:
            difficult = bool(value)
    return Box(0, edges[1], edges[2], edges[3], edges[4], difficult)
