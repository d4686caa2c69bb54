"""Scalars of many events at once: ten million points of a foreign run must not take ten million trips through Python.

A training writes the same few events over and over: of one tag they differ only in time, step and value. So events of one
length are laid side by side, the first is parsed, and those that equal it everywhere else are decoded together by numpy.
What does not fit (first events, pictures, a thousand tags with few points each) is parsed one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from trainyard.metrics import proto
from trainyard.metrics.events import parse_event
from trainyard.metrics.series import Points

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]

_WORTH_IT = 24
"""Fewer events of one shape are faster one by one."""
_SHAPES = 48
"""So many different shapes of one length are tried before the rest is taken one by one."""
_LONGEST = 512


@dataclass(frozen=True)
class Shape:
    """Where time, step and value of a one-scalar event lie, and which bits its fellows share."""

    tag: str
    time_at: int
    step_at: int
    step_length: int
    value_at: int


@dataclass
class Rows:
    """Pieces of one tag's points, each with the indices of its events."""

    pieces: list[tuple[Indices, Points]] = field(default_factory=list)

    def add(self, indices: Indices, points: Points) -> None:
        """Take one more piece."""
        self.pieces.append((indices, points))

    def points(self) -> Points:
        """All points in the order their events were written."""
        if len(self.pieces) == 1:
            return self.pieces[0][1]
        order = np.argsort(np.concatenate([indices for indices, _ in self.pieces]), kind="stable")
        parts = [points for _, points in self.pieces]
        return Points(
            np.concatenate([part.steps for part in parts])[order],
            np.concatenate([part.times for part in parts])[order],
            np.concatenate([part.values for part in parts])[order],
        )


@dataclass
class Found:
    """Points by tag between two session starts; ``restart`` is the step of the start before them, if any."""

    restart: int | None = None
    rows: dict[str, Rows] = field(default_factory=dict)


def decode(buffer: bytes, spans: list[tuple[int, int]]) -> list[Found]:
    """The scalars of the events at ``spans`` of ``buffer``, cut where a session starts."""
    table = Found()
    rest = _decode_alike(buffer, spans, table)
    restarts = _decode_one_by_one(buffer, spans, rest, table)
    return _cut(table, restarts)


def _decode_alike(buffer: bytes, spans: list[tuple[int, int]], table: Found) -> Iterator[int]:
    """Decode what can be decoded together into ``table``; the indices of the others, in order."""
    if len(spans) < _WORTH_IT:
        return iter(range(len(spans)))
    both = np.array(spans, np.int64)
    starts, lengths = both[:, 0], both[:, 1] - both[:, 0]
    left = np.ones(len(spans), bool)
    whole = np.frombuffer(buffer, np.uint8)
    for length, count in zip(*np.unique(lengths, return_counts=True), strict=True):
        if count >= _WORTH_IT and length <= _LONGEST:
            indices = np.flatnonzero(lengths == length)
            lying = np.lib.stride_tricks.sliding_window_view(whole, int(length))[starts[indices]]
            _decode_length(lying, indices, table, left)
    return iter(np.flatnonzero(left).tolist())


def _decode_length(lying: Bytes, indices: Indices, table: Found, left: npt.NDArray[np.bool_]) -> None:
    """Decode events of one length, laid side by side (events × bytes), shape after shape."""
    for _ in range(_SHAPES):
        if len(indices) < _WORTH_IT:
            return
        shape = shape_of(lying[0].tobytes())
        alike = _alike(lying, shape) if shape else np.arange(len(indices)) == 0
        if shape:
            table.rows.setdefault(shape.tag, Rows()).add(indices[alike], _columns(lying[alike], shape))
            left[indices[alike]] = False
        lying, indices = lying[~alike], indices[~alike]


def shape_of(event: bytes) -> Shape | None:
    """The shape of an event with exactly one 32-bit scalar and a step; None for every other event."""
    try:
        parsed = parse_event(event)
        top = {number: (begin, end) for number, _, _, begin, end in proto.fields(event, 0, len(event))}
        if len(parsed.scalars) != 1 or set(top) != {1, 2, 5}:
            return None
        value_at = _value_at(event, *top[5])
    except proto.Malformed:
        return None
    if value_at is None:
        return None
    step_at, step_end = top[2]
    return Shape(parsed.scalars[0][0], top[1][0], step_at, step_end - step_at, value_at)


def _value_at(event: bytes, start: int, end: int) -> int | None:
    """Where the four bytes of the scalar are: simple_value, or a tensor's tensor_content or float_val."""
    values = [(begin, stop) for number, _, _, begin, stop in proto.fields(event, start, end) if number == 1]
    if len(values) != 1:
        return None
    for number, _, _, begin, stop in proto.fields(event, *values[0]):
        if number == 2:
            return begin
        if number == 8:
            inner = {n: (at, to) for n, _, _, at, to in proto.fields(event, begin, stop)}
            kind = [value for n, _, value, _, _ in proto.fields(event, begin, stop) if n == 1]
            at, to = inner.get(4) or inner.get(5) or (0, 0)
            return at if kind == [1] and to - at == 4 else None
    return None


def _alike(lying: Bytes, shape: Shape) -> npt.NDArray[np.bool_]:
    """Which events equal the first in every bit but those of time, value and the step's digits."""
    mask = np.full(lying.shape[1], 0xFF, np.uint8)
    mask[shape.time_at : shape.time_at + 8] = 0
    mask[shape.value_at : shape.value_at + 4] = 0
    mask[shape.step_at : shape.step_at + shape.step_length] = 0x80
    same: npt.NDArray[np.bool_] = ~(((lying ^ lying[0]) & mask).any(axis=1))
    return same


def _columns(lying: Bytes, shape: Shape) -> Points:
    times = _column(lying, shape.time_at, "<f8")
    values = _column(lying, shape.value_at, "<f4")
    steps = np.zeros(len(lying), np.uint64)
    for place in range(shape.step_length):
        digit = (lying[:, shape.step_at + place] & 0x7F).astype(np.uint64)
        steps |= digit << np.uint64(7 * place)
    return Points(steps.astype(np.int64), times, values)


def _column(lying: Bytes, at: int, kind: str) -> npt.NDArray[np.float64]:
    width = np.dtype(kind).itemsize
    return np.ascontiguousarray(lying[:, at : at + width]).view(kind)[:, 0].astype(np.float64)


def _decode_one_by_one(
    buffer: bytes, spans: list[tuple[int, int]], indices: Iterator[int], table: Found
) -> list[tuple[int, int]]:
    """Parse the events at ``indices`` into ``table``; (index, step) of every session start among them."""
    restarts: list[tuple[int, int]] = []
    single: dict[str, list[tuple[int, int, float, float]]] = {}
    for index in indices:
        try:
            event = parse_event(buffer, *spans[index])
        except proto.Malformed:
            continue
        if event.restart:
            restarts.append((index, event.step))
        for tag, value in event.scalars:
            single.setdefault(tag, []).append((index, event.step, event.wall_time, value))
    for tag, rows in single.items():
        where, steps, times, values = zip(*rows, strict=True)
        points = Points(np.array(steps, np.int64), np.array(times, float), np.array(values, float))
        table.rows.setdefault(tag, Rows()).add(np.array(where, np.int64), points)
    return restarts


def _cut(table: Found, restarts: list[tuple[int, int]]) -> list[Found]:
    """``table`` cut into what was written before, between and after the session starts."""
    if not restarts:
        return [table]
    parts = [Found(), *(Found(restart=step) for _, step in restarts)]
    borders = np.array([index for index, _ in restarts], np.int64)
    for tag, rows in table.rows.items():
        for indices, points in rows.pieces:
            belongs = np.searchsorted(borders, indices)
            for number in np.unique(belongs).tolist():
                chosen = belongs == number
                parts[number].rows.setdefault(tag, Rows()).add(indices[chosen], points[chosen])
    return parts
