"""Records that repeat with a period, checked and decoded together without laying each of them aside.

A training writes the same few events step after step: a period of its records is a row, and a run of them a table of bytes
that lies in the buffer already. Rows differ in times, steps, values and checksums only; one pass of exclusive or shows that.

One checksum proves all of theirs. CRC is linear, and a payload with its (unmasked) checksum behind it is a multiple of the
polynomial; so is the difference of two of them, whatever else stands around it, and so is the whole table of differences
(W. W. Peterson, D. T. Brown, Cyclic Codes for Error Detection, 1961). A damaged record leaves a remainder as surely as it
would alone; two of them can cancel with the chance of one in 2³². Where there is one, records are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import google_crc32c
import numpy as np
import numpy.typing as npt

from trainyard.metrics.framing import LONGEST_TOGETHER, MASK_DELTA, Bytes, Run, sound
from trainyard.metrics.series import Points
from trainyard.metrics.shape import Shape, shape_of
from trainyard.tfrecord import FOOTER

_LINEAR = 0xFFFFFFFF
"""What a checksum begins with and is turned by at its end: with this as its beginning both cancel."""
_LONGEST = 32
"""So many records a row has at most."""
_LONGEST_STEP = 8


@dataclass(frozen=True)
class Column:
    """The points of one place in the period: of its tag, in the order they were written."""

    tag: str
    points: Points


def decode_run(buffer: bytes, run: Run) -> list[Column]:
    """The points of each record of the period; nothing where rows differ elsewhere too, or a record is damaged."""
    run, shapes = _with_tags(buffer, run)
    if not shapes:
        return []
    rows = np.ndarray((run.count, run.stride), np.uint8, buffer, run.begin)
    differing = rows ^ rows[0]
    if (np.bitwise_or.reduce(differing, axis=0) & _fixed(run, shapes)).any() or not _all_sound(buffer, run, differing):
        return []
    payloads = zip(run.payloads, shapes, strict=True)
    return [Column(shape.tag, _points(buffer, run, at, shape)) for (at, _), shape in payloads]


def _with_tags(buffer: bytes, run: Run) -> tuple[Run, list[Shape]]:
    """The run with rows so long that their tags repeat too, and the shapes of the first; none where nothing repeats."""
    shapes = _shapes(buffer, run)
    if not shapes:
        return run, []
    tags = [(at + shape.tag_at, shape.tag_length) for (at, _), shape in zip(run.payloads, shapes, strict=True)]
    begins = range(run.begin, run.begin + min(run.count, 2 * _LONGEST) * run.stride, run.stride)
    rows = [tuple(buffer[begin + at : begin + at + length] for at, length in tags) for begin in begins]
    for times in range(1, _LONGEST // len(run.payloads) + 1):
        if rows[times:] == rows[:-times]:
            run = run.of(times)
            return run, shapes if times == 1 else _shapes(buffer, run)
    return run, []


def _shapes(buffer: bytes, run: Run) -> list[Shape]:
    """What the records of the first row are; nothing where one is damaged or not one scalar."""
    shapes = [_shape(buffer, run.begin + at, length) for at, length in run.payloads] if run.count else []
    known = [shape for shape in shapes if shape is not None]
    return known if len(known) == len(shapes) else []


def _shape(buffer: bytes, begin: int, length: int) -> Shape | None:
    """What one record is; None where it is damaged or not one scalar, or no eight bytes can be read where its step begins."""
    payload = buffer[begin : begin + length]
    if length > LONGEST_TOGETHER or not sound(payload, buffer[begin + length : begin + length + FOOTER.size]):
        return None
    shape = shape_of(payload)
    if shape is None or shape.step[1] > _LONGEST_STEP or shape.step[0] + _LONGEST_STEP > length + FOOTER.size:
        return None
    return shape


def _fixed(run: Run, shapes: Sequence[Shape]) -> Bytes:
    """The bits of a row that are the same in all: those but of times, values, checksums and the digits of steps."""
    mask = np.full(run.stride, 0xFF, np.uint8)
    for (at, length), shape in zip(run.payloads, shapes, strict=True):
        step_at, step_length = shape.step
        mask[at + shape.time_at : at + shape.time_at + 8] = 0
        mask[at + shape.value_at : at + shape.value_at + 4] = 0
        mask[at + step_at : at + step_at + step_length] = 0x80
        mask[at + length : at + length + FOOTER.size] = 0
    return mask


def _all_sound(buffer: bytes, run: Run, differing: Bytes) -> bool:
    """Whether every record fits its checksum; ``differing`` are the rows' differences from a first row that does."""
    for at, length in run.payloads:
        footers = _unmasked(_strided(buffer, run, at + length, "<u4"))
        np.ndarray((run.count,), "<u4", differing, at + length, (run.stride,))[:] = footers ^ footers[0]
    return bool(google_crc32c.extend(_LINEAR, differing) == _LINEAR)


def _unmasked(masked: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Checksums as they were before TFRecord's mask."""
    turned = masked - np.uint32(MASK_DELTA)
    return (turned << np.uint32(15)) | (turned >> np.uint32(17))


def _points(buffer: bytes, run: Run, at: int, shape: Shape) -> Points:
    times = _strided(buffer, run, at + shape.time_at, "<f8").astype(np.float64)
    values = _strided(buffer, run, at + shape.value_at, "<f4").astype(np.float64)
    step_at, digits = shape.step
    written = _strided(buffer, run, at + step_at, "<u8").astype(np.uint64)
    steps = written & np.uint64(0x7F)
    for place in range(1, digits):
        steps |= (written >> np.uint64(place)) & np.uint64(0x7F << (7 * place))
    return Points(steps.view(np.int64), times, values)


def _strided(buffer: bytes, run: Run, at: int, kind: str) -> npt.NDArray[np.uint32]:
    """What stands at one place of every row."""
    return np.ndarray((run.count,), kind, buffer, run.begin + at, (run.stride,))
