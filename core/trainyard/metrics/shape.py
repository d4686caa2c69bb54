"""Where time, step and value of an event with one scalar lie: its fellows differ there and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from trainyard import protobuf as proto
from trainyard.metrics.events import parse_event

Place = tuple[int, int]
"""Where something begins and ends."""
Kind = tuple[int, int]
"""Number and wire type of a field."""

_TIME, _STEP, _SUMMARY = (1, proto.FIXED64), (2, proto.VARINT), (5, proto.BYTES)
_VALUE = (1, proto.BYTES)
_TAG, _SIMPLE, _TENSOR = (1, proto.BYTES), (2, proto.FIXED32), (8, proto.BYTES)
_TYPE, _FLOAT32 = (1, proto.VARINT), b"\x01"
_OF_TENSOR = frozenset({_TYPE, (2, proto.BYTES), (3, proto.VARINT)})
"""Its type, shape and version."""
_NUMBERS = frozenset({(4, proto.BYTES), (5, proto.BYTES), (5, proto.FIXED32)})
"""Its tensor_content, or its float_val, packed or not."""


@dataclass(frozen=True)
class Shape:
    """Where time, step and value of a one-scalar event lie, and which bits its fellows share."""

    tag: str
    time_at: int
    step: tuple[int, int]
    value_at: int
    tag_place: tuple[int, int]

    @property
    def tag_at(self) -> int:
        """Where the tag begins."""
        return self.tag_place[0]

    @property
    def tag_length(self) -> int:
        """How many bytes it has; fellows have tags as long."""
        return self.tag_place[1]


def shape_of(event: bytes) -> Shape | None:
    """The shape of an event with exactly one 32-bit scalar and a step; None for every other event."""
    try:
        parsed, top = parse_event(event), _places(event, (0, len(event)))
        if len(parsed.scalars) != 1 or set(top) != {_TIME, _STEP, _SUMMARY}:
            return None
        summary = _places(event, top[_SUMMARY])
        places = _value_at(event, summary[_VALUE]) if set(summary) == {_VALUE} else None
    except proto.Malformed:
        return None
    if places is None:
        return None
    value_at, tag_at, tag_end = places
    step_at, step_end = top[_STEP]
    return Shape(parsed.scalars[0][0], top[_TIME][0], (step_at, step_end - step_at), value_at, (tag_at, tag_end - tag_at))


def _places(event: bytes, message: Place) -> dict[Kind, Place]:
    """Where the fields of a message lie; none where one is there twice."""
    fields = list(proto.fields(event, *message))
    places = {(number, wire): (begin, end) for number, wire, _, begin, end in fields}
    return places if len(places) == len(fields) else {}


def _value_at(event: bytes, value: Place) -> tuple[int, int, int] | None:
    """Where the four bytes of the scalar are (simple_value, or a tensor's tensor_content or float_val), and its tag."""
    parts = _places(event, value)
    if (_SIMPLE in parts) == (_TENSOR in parts):
        return None
    at = parts[_SIMPLE][0] if _SIMPLE in parts else _number_at(event, parts[_TENSOR])
    return None if at is None else (at, *parts.get(_TAG, (0, 0)))


def _number_at(event: bytes, tensor: Place) -> int | None:
    """Where a tensor holds its only 32-bit number."""
    inner = _places(event, tensor)
    numbers = [inner[kind] for kind in inner if kind not in _OF_TENSOR]
    begin, end = inner.get(_TYPE, (0, 0))
    if event[begin:end] != _FLOAT32 or len(numbers) != 1 or not _NUMBERS.intersection(inner):
        return None
    at, to = numbers[0]
    return at if to - at == 4 else None
