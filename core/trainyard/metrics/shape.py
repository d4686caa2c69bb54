"""Where time, step and value of an event with one scalar lie: its fellows differ there and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from trainyard import protobuf as proto
from trainyard.metrics.events import parse_event


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
        parsed = parse_event(event)
        top = {number: (begin, end) for number, _, _, begin, end in proto.fields(event, 0, len(event))}
        if len(parsed.scalars) != 1 or set(top) != {1, 2, 5}:
            return None
        places = _value_at(event, *top[5])
    except proto.Malformed:
        return None
    if places is None:
        return None
    value_at, tag_at, tag_end = places
    step_at, step_end = top[2]
    return Shape(parsed.scalars[0][0], top[1][0], (step_at, step_end - step_at), value_at, (tag_at, tag_end - tag_at))


def _value_at(event: bytes, start: int, end: int) -> tuple[int, int, int] | None:
    """Where the four bytes of the scalar are (simple_value, or a tensor's tensor_content or float_val), and its tag."""
    values = [(begin, stop) for number, _, _, begin, stop in proto.fields(event, start, end) if number == 1]
    if len(values) != 1:
        return None
    parts = {number: (begin, stop) for number, _, _, begin, stop in proto.fields(event, *values[0])}
    tag = parts.get(1, (0, 0))
    if 2 in parts:
        return parts[2][0], *tag
    if 8 not in parts:
        return None
    inner = {n: (at, to) for n, _, _, at, to in proto.fields(event, *parts[8])}
    kind = [value for n, _, value, _, _ in proto.fields(event, *parts[8]) if n == 1]
    at, to = inner.get(4) or inner.get(5) or (0, 0)
    return (at, *tag) if kind == [1] and to - at == 4 else None
