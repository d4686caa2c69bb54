"""Records that repeat are decoded together just as they are one by one: whatever their tags, steps and damage."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainyard import protobuf as proto
from trainyard.metrics.bulk import Found, decode
from trainyard.metrics.events import restart_event, scalar_event, version_event
from trainyard.metrics.framing import frames
from trainyard.metrics.levels import CHUNK, WIDTHS, levels
from trainyard.metrics.periods import decode_run
from trainyard.metrics.series import Points
from trainyard.tfrecord import frame

ALTERNATING = ("loss/train", "loss/valid")  # as long as one another
DIFFERENT = ("loss/train", "accuracy/train", "learning_rate", "throughput/samples_per_second")


def run_of(tags: tuple[str, ...], count: int, first: int = 0) -> bytes:
    """An event file: a version, then at each step a scalar of every tag."""
    events = [version_event(1.7e9)]
    for step in range(first, first + count):
        values = {tag: math.sin(step * (place + 1)) for place, tag in enumerate(tags)}
        events += [scalar_event(1.7e9 + step * 0.37, step, tag, value) for tag, value in values.items()]
    return b"".join(map(frame, events))


def rows(found: list[Found]) -> list[dict[str, list[tuple[int, float, str]]]]:
    """Points by tag, as plain tuples in which equal no-numbers are equal."""
    return [{tag: _plain(one.points()) for tag, one in part.rows.items()} for part in found]


def _plain(points: Points) -> list[tuple[int, float, str]]:
    return list(zip(points.steps.tolist(), points.times.tolist(), map(repr, points.values.tolist()), strict=True))


def is_decoded_as_one_by_one(buffer: bytes) -> bool:
    framed = frames(buffer)
    together, apart = decode(buffer, framed), decode(buffer, replace(framed, runs=()))
    return rows(together[0]) == rows(apart[0]) and together[1] == apart[1]


def in_runs(buffer: bytes) -> int:
    """How many points are decoded by their period."""
    return sum(len(column.points) for run in frames(buffer).runs for column in decode_run(buffer, run))


@pytest.mark.parametrize("tags", [("loss",), ALTERNATING, DIFFERENT, (*ALTERNATING, *DIFFERENT)], ids=len)
@pytest.mark.parametrize("first", [0, 100, 16_300, 2**40, 2**55])
def test_every_point_is_read_and_nearly_all_of_them_together(tags: tuple[str, ...], first: int) -> None:
    buffer = run_of(tags, 1000, first)
    (found,) = rows(decode(buffer, frames(buffer))[0])
    assert {tag: [step for step, _, _ in points] for tag, points in found.items()} == {
        tag: list(range(first, first + 1000)) for tag in tags
    }
    assert is_decoded_as_one_by_one(buffer)
    assert in_runs(buffer) > 600 * len(tags)


@given(
    tags=st.sampled_from([("loss",), ALTERNATING, DIFFERENT]),
    count=st.integers(0, 400),
    first=st.sampled_from([0, 90, 16_200]),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=4),
    cut=st.floats(0, 1),
)
def test_whatever_is_damaged_or_torn_is_told_as_one_by_one(
    tags: tuple[str, ...], count: int, first: int, damage: list[tuple[float, int]], cut: float
) -> None:
    torn = bytearray(run_of(tags, count, first))
    for place, bits in damage:
        torn[int(place * len(torn))] ^= bits
    assert is_decoded_as_one_by_one(bytes(torn[: int(len(torn) * cut)] if cut < 0.5 else torn))


def tensor(*numbers: bytes) -> bytes:
    """A tensor of one float32, as the field of a summary's value."""
    return proto.field_bytes(8, b"".join([proto.field_varint(1, 1), *numbers]))


FOREIGN: dict[str, Callable[[float], list[bytes]]] = {
    "simple value": lambda value: [proto.field_float(2, value)],
    "tensor content": lambda value: [tensor(proto.field_bytes(4, struct.pack("<f", value)))],
    "packed numbers": lambda value: [tensor(proto.field_bytes(5, struct.pack("<f", value)))],
    "a number": lambda value: [tensor(proto.field_float(5, value))],
    "numbers of two kinds": lambda value: [tensor(proto.field_float(5, value), proto.field_varint(7, 3))],
    "a number twice": lambda value: [tensor(proto.field_float(5, 0.5), proto.field_float(5, value))],
    "both": lambda value: [proto.field_float(2, value), tensor(proto.field_float(5, 0.5))],
    "a varint for a simple value": lambda value: [proto.field_varint(2, 7), tensor(proto.field_float(5, value))],
}
"""How others write the number of a scalar."""


@given(
    number=st.sampled_from(sorted(FOREIGN)),
    fields=st.permutations([0, 1, 2]),
    parts=st.permutations([0, 1, 2]),
    varint_time=st.booleans(),
    first=st.sampled_from([0, 100, 16_300, 2**40]),
)
def test_whatever_the_order_and_the_types_of_the_fields_it_is_read_as_one_by_one(
    number: str, fields: list[int], parts: list[int], varint_time: bool, first: int
) -> None:
    def event(step: int) -> bytes:
        value = [proto.field_bytes(1, b"loss"), *FOREIGN[number](math.sin(step)), b""]
        summary = proto.field_bytes(5, proto.field_bytes(1, b"".join(value[place] for place in parts)))
        time = proto.field_varint(1, 3) if varint_time else proto.field_double(1, 1.7e9 + step)
        written = (time, proto.field_varint(2, step), summary)
        return b"".join(written[place] for place in fields)

    assert is_decoded_as_one_by_one(b"".join(frame(event(step)) for step in range(first, first + 300)))


@pytest.mark.parametrize("part", ["time", "value", "checksum", "tag"])
def test_the_same_damage_in_two_records_does_not_cancel(part: str) -> None:
    buffer, record = bytearray(run_of(("loss",), 500)), frame(scalar_event(1.7e9, 300, "loss", 0.5))
    at = {"time": 13, "value": len(record) - 6, "checksum": len(record) - 2, "tag": record.index(b"loss")}[part]
    second_last, last = len(buffer) - 2 * len(record), len(buffer) - len(record)
    for begin in (second_last, last):
        buffer[begin + at] ^= 0x10
    assert decode(bytes(buffer), frames(bytes(buffer)))[1] == [second_last, last]


def test_a_session_start_in_the_middle_cuts_what_is_decoded_together() -> None:
    buffer = run_of(DIFFERENT, 300) + frame(restart_event(2e9, 200)) + run_of(DIFFERENT, 300, 200)
    found, _ = decode(buffer, frames(buffer))
    assert [part.restart for part in found] == [None, 200]
    assert is_decoded_as_one_by_one(buffer)


def test_what_is_no_scalar_between_them_is_left_for_one_by_one() -> None:
    """The lengths repeat; the bytes do not."""
    events = b"".join(frame(struct.pack("<30s", bytes([step % 251] * 30))) for step in range(500))
    assert in_runs(events) == 0
    assert is_decoded_as_one_by_one(events)


def test_values_that_are_no_numbers_are_kept() -> None:
    values = [math.nan, math.inf, -math.inf, 0.0] * 100
    buffer = b"".join(frame(scalar_event(1.0, 500 + step, "loss", value)) for step, value in enumerate(values))
    (found,) = decode(buffer, frames(buffer))[0]
    np.testing.assert_array_equal(found.rows["loss"].points().values, values)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=60), st.integers(0, 2))
def test_levels_hold_the_ends_the_extremes_and_a_no_number_of_every_block(values: list[float], chunks: int) -> None:
    series = np.resize(np.array(values), chunks * CHUNK)
    series[: len(series) // 2] = np.random.default_rng(len(values)).normal(size=len(series) // 2)
    steps = np.arange(len(series), dtype=np.int64)
    told = levels(Points(steps, steps.astype(float), series))
    assert len(told) == chunks
    for chunk, found in enumerate(told):
        for width, points in zip(WIDTHS, found, strict=True):
            blocks = range(chunk * CHUNK, (chunk + 1) * CHUNK, width)
            expected = sorted({place for begin in blocks for place in _extremes(series[begin : begin + width], begin)})
            assert points.steps.tolist() == expected


def _extremes(block: np.ndarray, begin: int) -> set[int]:
    finite = np.isfinite(block)
    low, high = np.where(finite, block, np.inf), np.where(finite, block, -np.inf)
    places = {0, int(low.argmin()), int(high.argmax()), len(block) - 1}
    return {begin + place for place in (places if finite.all() else places | {int((~finite).argmax())})}
