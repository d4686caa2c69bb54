"""Scalars of many events at once: ten million points of a foreign run must not take ten million trips through Python.

A training writes the same few events over and over: of one tag they differ only in time, step and value. Where they repeat
with a period they are decoded where they lie (``periods``). Of the others those of one length are laid side by side, the first
is parsed, and those that equal it everywhere else are decoded together by numpy. What does not fit (first events, pictures, a
thousand tags with few points each) is parsed one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from trainyard import protobuf as proto
from trainyard.metrics.events import parse_event
from trainyard.metrics.framing import LONGEST_TOGETHER, Framed, all_sound, sound
from trainyard.metrics.levels import joined
from trainyard.metrics.periods import decode_run
from trainyard.metrics.series import Points
from trainyard.metrics.shape import Shape, shape_of
from trainyard.tfrecord import FOOTER, HEADER

Bytes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_WORTH_IT = 24
"""Fewer events of one shape are faster one by one."""
_SHAPES = 48
"""So many different shapes of one length are tried before the rest is taken one by one."""


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
        pieces = sorted(self.pieces, key=lambda piece: int(piece[0][0]))
        points = joined([points for _, points in pieces])
        if all(before[0][-1] < after[0][0] for before, after in pairwise(pieces)):
            return points
        return points[np.argsort(np.concatenate([indices for indices, _ in pieces]), kind="stable")]


@dataclass
class Found:
    """Points by tag between two session starts; ``restart`` is the step of the start before them, if any."""

    restart: int | None = None
    rows: dict[str, Rows] = field(default_factory=dict)


def decode(buffer: bytes, framed: Framed) -> tuple[list[Found], list[int]]:
    """The scalars of the records ``framed`` of ``buffer``, cut where a session starts, and where damaged records begin."""
    table = Found()
    left = np.ones(len(framed.starts), bool)
    damaged = np.zeros(len(framed.starts), bool)
    _decode_runs(buffer, framed, table, left)
    _decode_alike(buffer, framed, table, (left, damaged))
    restarts = _decode_one_by_one(buffer, framed, table, (left, damaged))
    return _cut(table, restarts), (framed.starts[damaged] - HEADER.size).tolist()


def _decode_runs(buffer: bytes, framed: Framed, table: Found, left: Flags) -> None:
    """Decode the records that repeat with a period."""
    for run in framed.runs:
        columns = decode_run(buffer, run)
        for place, column in enumerate(columns):
            indices = np.arange(run.first + place, run.first + len(column.points) * len(columns), len(columns))
            table.rows.setdefault(column.tag, Rows()).add(indices, column.points)
            left[indices] = False


def _decode_alike(buffer: bytes, framed: Framed, table: Found, marks: tuple[Flags, Flags]) -> None:
    """Decode what can be decoded together into ``table``; ``marks``: what is left for later, and what is damaged."""
    left, damaged = marks
    if left.sum() < _WORTH_IT:
        return
    whole = np.frombuffer(buffer, np.uint8)
    for length, count in zip(*np.unique(framed.lengths[left], return_counts=True), strict=True):
        if count >= _WORTH_IT and length <= LONGEST_TOGETHER:
            indices = np.flatnonzero(left & (framed.lengths == length))
            windows = np.lib.stride_tricks.sliding_window_view(whole, int(length) + FOOTER.size)
            lying = windows[framed.starts[indices]]
            fits = all_sound(lying)
            if not fits.all():
                damaged[indices[~fits]] = True
                left[indices[~fits]] = False
                lying, indices = lying[fits], indices[fits]
            _decode_length(lying[:, : int(length)], indices, table, left)


def _decode_length(lying: Bytes, indices: Indices, table: Found, left: Flags) -> None:
    """Decode events of one length, laid side by side (events × bytes), shape after shape."""
    for _ in range(_SHAPES):
        if len(indices) < _WORTH_IT:
            return
        shape = shape_of(lying[0].tobytes())
        alike = _alike(lying, shape) if shape else np.arange(len(indices)) == 0
        if shape:
            everything = bool(alike.all())
            _add_tags(lying if everything else lying[alike], indices if everything else indices[alike], shape, table)
            left[indices[alike]] = False
            if everything:
                return
        lying, indices = lying[~alike], indices[~alike]


def _add_tags(lying: Bytes, indices: Indices, shape: Shape, table: Found) -> None:
    """Events of one shape, tag by tag."""
    columns = _columns(lying, shape)
    names = np.ascontiguousarray(lying[:, shape.tag_at : shape.tag_at + shape.tag_length])
    if shape.tag_length == 0 or not (names != names[0]).any():
        table.rows.setdefault(shape.tag, Rows()).add(indices, columns)
        return
    different, belongs = np.unique(names.view(np.dtype((np.void, shape.tag_length)))[:, 0], return_inverse=True)
    order = np.argsort(belongs, kind="stable")
    borders = np.searchsorted(belongs[order], np.arange(len(different) + 1))
    for number, name in enumerate(different.tolist()):
        chosen = order[borders[number] : borders[number + 1]]
        tag = bytes(name).decode(errors="replace")
        table.rows.setdefault(tag, Rows()).add(indices[chosen], columns[chosen])


def _alike(lying: Bytes, shape: Shape) -> Flags:
    """Which events equal the first in every bit but those of time, value, tag and the step's digits."""
    mask = np.full(lying.shape[1], 0xFF, np.uint8)
    step_at, step_length = shape.step
    mask[shape.time_at : shape.time_at + 8] = 0
    mask[shape.value_at : shape.value_at + 4] = 0
    mask[shape.tag_at : shape.tag_at + shape.tag_length] = 0
    mask[step_at : step_at + step_length] = 0x80
    asked = np.flatnonzero(mask)
    parts = lying[:, asked] ^ lying[0, asked]
    differing = np.flatnonzero(np.bitwise_or.reduce(parts, axis=0) & mask[asked])
    same: Flags = ~((parts[:, differing] & mask[asked[differing]]).any(axis=1))
    return same


def _columns(lying: Bytes, shape: Shape) -> Points:
    times = _column(lying, shape.time_at, "<f8")
    values = _column(lying, shape.value_at, "<f4")
    steps = np.zeros(len(lying), np.uint64)
    for place in range(shape.step[1]):
        digit = (lying[:, shape.step[0] + place] & 0x7F).astype(np.uint64)
        steps |= digit << np.uint64(7 * place)
    return Points(steps.astype(np.int64), times, values)


def _column(lying: Bytes, at: int, kind: str) -> npt.NDArray[np.float64]:
    width = np.dtype(kind).itemsize
    return np.ascontiguousarray(lying[:, at : at + width]).view(kind)[:, 0].astype(np.float64)


def _decode_one_by_one(buffer: bytes, framed: Framed, table: Found, marks: tuple[Flags, Flags]) -> list[tuple[int, int]]:
    """Parse the events that are left into ``table``; (index, step) of every session start among them."""
    left, damaged = marks
    restarts: list[tuple[int, int]] = []
    single: dict[str, list[tuple[int, int, float, float]]] = {}
    for index in np.flatnonzero(left).tolist():
        start = int(framed.starts[index])
        end = start + int(framed.lengths[index])
        if not sound(buffer[start:end], buffer[end : end + FOOTER.size]):
            damaged[index] = True
            continue
        try:
            event = parse_event(buffer, start, end)
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
