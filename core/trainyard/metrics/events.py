"""TensorBoard events as bytes: what our callbacks write, and the scalars of whatever others write.

Messages and field numbers are those of tensorflow/core/util/event.proto and tensorflow/core/framework/{summary,tensor}.proto:

    Event          1 wall_time double, 2 step int64, 3 file_version string, 5 summary, 7 session_log
    Summary        1 value*          Value  1 tag, 2 simple_value float, 8 tensor, 9 metadata
    TensorProto    1 dtype, 2 shape, 4 tensor_content, 5 float_val, 6 double_val, 7 int_val, 8 string_val, 10 int64_val
    SessionLog     1 status (1 = START)
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from trainyard import protobuf as proto

VERSION = "brain.Event:2"
_DOUBLE = struct.Struct("<d")
_FLOAT = struct.Struct("<f")
_WALL_TIME = b"\x09"
_STEP = b"\x10"
_SUMMARY = b"\x2a"
_SIMPLE_VALUE = b"\x15"
_START = 1

_DT_STRING = 7
_CONTENT_FORMATS = {1: "<f", 2: "<d", 3: "<i", 9: "<q", 19: "<e"}
"""TensorFlow's numbers of float32, float64, int32, int64 and float16 as ``struct`` formats."""


@dataclass(frozen=True)
class Event:
    """One event: its scalars, or the news that a session (re)starts at ``step``."""

    wall_time: float
    step: int
    scalars: tuple[tuple[str, float], ...] = ()
    restart: bool = False
    version: str = ""


def version_event(wall_time: float) -> bytes:
    """The first event of every file."""
    return proto.field_double(1, wall_time) + proto.field_bytes(3, VERSION.encode())


def restart_event(wall_time: float, step: int) -> bytes:
    """A session starts at ``step``: points from there on that were written before are superseded."""
    session = proto.field_varint(1, _START)
    return proto.field_double(1, wall_time) + proto.field_varint(2, step) + proto.field_bytes(7, session)


def scalar_event(wall_time: float, step: int, tag: str, value: float) -> bytes:
    """One scalar. ``value`` is kept as a 32-bit float, as TensorBoard keeps it; too large becomes infinite."""
    name = tag.encode()
    try:
        number = _FLOAT.pack(value)
    except OverflowError:
        number = _FLOAT.pack(float("inf") if value > 0 else float("-inf"))
    content = proto.field_bytes(1, name) + _SIMPLE_VALUE + number
    summary = proto.field_bytes(1, content)
    return b"".join(
        (_WALL_TIME, _DOUBLE.pack(wall_time), _STEP, proto.varint(step), _SUMMARY, proto.varint(len(summary)), summary)
    )


def text_event(wall_time: float, step: int, tag: str, text: str) -> bytes:
    """A text that TensorBoard's text plugin shows as Markdown."""
    plugin = proto.field_bytes(1, b"text")
    metadata = proto.field_bytes(1, plugin)
    shape = proto.field_bytes(2, proto.field_varint(1, 1))
    tensor = proto.field_varint(1, _DT_STRING) + proto.field_bytes(2, shape) + proto.field_bytes(8, text.encode())
    value = proto.field_bytes(1, tag.encode()) + proto.field_bytes(8, tensor) + proto.field_bytes(9, metadata)
    summary = proto.field_bytes(1, value)
    return proto.field_double(1, wall_time) + proto.field_varint(2, step) + proto.field_bytes(5, summary)


def parse_event(data: bytes, start: int = 0, end: int | None = None) -> Event:
    """The event between ``start`` and ``end`` of ``data``; what is no scalar is passed over.

    Raises:
        Malformed: the bytes are no event.
    """
    wall_time, step, restart, version = 0.0, 0, False, ""
    scalars: list[tuple[str, float]] = []
    for number, wire, value, begin, stop in proto.fields(data, start, len(data) if end is None else end):
        if number == 1 and wire == proto.FIXED64:
            wall_time = _DOUBLE.unpack_from(data, begin)[0]
        elif number == 2 and wire == proto.VARINT:
            step = proto.signed(value)
        elif number == 3 and wire == proto.BYTES:
            version = data[begin:stop].decode(errors="replace")
        elif number == 5 and wire == proto.BYTES:
            scalars.extend(_summary(data, begin, stop))
        elif number == 7 and wire == proto.BYTES:
            restart = _session_starts(data, begin, stop)
    return Event(wall_time, step, tuple(scalars), restart, version)


def _summary(data: bytes, start: int, end: int) -> list[tuple[str, float]]:
    found = []
    for number, wire, _, begin, stop in proto.fields(data, start, end):
        if number == 1 and wire == proto.BYTES:
            scalar = _value(data, begin, stop)
            if scalar is not None:
                found.append(scalar)
    return found


def _value(data: bytes, start: int, end: int) -> tuple[str, float] | None:
    tag, number = "", None
    for field, wire, _, begin, stop in proto.fields(data, start, end):
        if field == 1 and wire == proto.BYTES:
            tag = data[begin:stop].decode(errors="replace")
        elif field == 2 and wire == proto.FIXED32:
            number = _FLOAT.unpack_from(data, begin)[0]
        elif field == 8 and wire == proto.BYTES:
            number = _tensor(data, begin, stop)
    return None if number is None else (tag, number)


def _tensor(data: bytes, start: int, end: int) -> float | None:
    """The number of a tensor that holds exactly one, as TensorFlow 2 writes scalars; None for everything else."""
    kind, raw, listed, count = 0, b"", None, 1
    for field, wire, value, begin, stop in proto.fields(data, start, end):
        if field == 1 and wire == proto.VARINT:
            kind = value
        elif field == 2 and wire == proto.BYTES:
            count = _elements(data, begin, stop)
        elif field == 4 and wire == proto.BYTES:
            raw = data[begin:stop]
        elif field in (5, 6, 7, 10):
            listed = _listed(field, wire, value, data[begin:stop])
    layout = _CONTENT_FORMATS.get(kind)
    if layout is None or count != 1:
        return None
    if len(raw) == struct.calcsize(layout):
        return float(struct.unpack(layout, raw)[0])
    return listed


def _listed(field: int, wire: int, value: int, raw: bytes) -> float | None:
    """A single element of float_val, double_val, int_val or int64_val, packed or not."""
    if field in (5, 6):
        layout = "<f" if field == 5 else "<d"
        return float(struct.unpack(layout, raw)[0]) if len(raw) == struct.calcsize(layout) else None
    if wire == proto.BYTES:
        value, position = proto.read_varint(raw, 0, len(raw))
        if position != len(raw):
            return None
    return float(proto.signed(value))


def _elements(data: bytes, start: int, end: int) -> int:
    """The number of elements of a TensorShapeProto (2 dim*; Dim: 1 size)."""
    count = 1
    for field, wire, _, begin, stop in proto.fields(data, start, end):
        if field == 2 and wire == proto.BYTES:
            sizes = [value for number, kind, value, _, _ in proto.fields(data, begin, stop) if (number, kind) == (1, 0)]
            count *= sizes[0] if sizes else 0
    return count


def _session_starts(data: bytes, start: int, end: int) -> bool:
    return any((field, value) == (1, _START) for field, _, value, _, _ in proto.fields(data, start, end))
