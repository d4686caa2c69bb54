"""Where the records of a long buffer begin, found for many at once, and which of them their checksums disprove.

A training writes the same few events over and over, so the lengths of records repeat with a short period. A few records are
walked one by one, the period is read off them, and as long as it holds numpy compares headers at once. Checksums of records
of one length are compared at once too: CRC is linear, so two of them differ by what their differing bytes say (Warren,
Hacker's Delight, 14).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import google_crc32c
import numpy as np
import numpy.typing as npt

from trainyard.tfrecord import FOOTER, HEADER, LONGEST, OVERHEAD, masked_crc, only_zeros

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

LONGEST_TOGETHER = 512
"""Longer records are verified one by one."""
_PROBE = 96
"""So many records are walked one by one before a period is looked for."""
_LONGEST_PERIOD = 32
_FIRST_LOOK = 256
_POLYNOMIAL = 0x82F63B78
MASK_DELTA = 0xA282EAD8


@dataclass(frozen=True)
class Run:
    """Records whose lengths repeat: ``count`` rows of ``stride`` bytes from ``begin`` on, the first is record ``first``.

    ``payloads``: where each payload of a row begins in it, and its length. All headers are verified.
    """

    first: int
    begin: int
    stride: int
    count: int
    payloads: tuple[tuple[int, int], ...]

    def of(self, times: int) -> Run:
        """The same with so many rows as one; a rest that makes no whole one is left out."""
        payloads = tuple((at + row * self.stride, length) for row in range(times) for at, length in self.payloads)
        return Run(self.first, self.begin, self.stride * times, self.count // times, payloads)

    def earlier(self, rows: int) -> Run:
        """The same with so many more rows before it."""
        first, begin = self.first - rows * len(self.payloads), self.begin - rows * self.stride
        return Run(first, begin, self.stride, self.count + rows, self.payloads)


@dataclass(frozen=True)
class Framed:
    """Whole records at the beginning of a buffer: ``starts`` and ``lengths`` of their payloads, not yet verified.

    ``consumed`` is where the first incomplete record begins; ``needed`` how many bytes that one has, if its header is there;
    ``broken`` says why nothing after ``consumed`` can be read. ``runs`` are those of the records that repeat with a period.
    """

    starts: Offsets
    lengths: Offsets
    consumed: int
    needed: int = 0
    broken: str = ""
    runs: tuple[Run, ...] = ()


@dataclass
class _Walker:
    """A position in a buffer, and why it cannot go on."""

    buffer: bytes
    position: int = 0
    needed: int = 0
    broken: str = ""
    ended: bool = False

    def step(self) -> int | None:
        """The length of the record here, whose end is the new position; None where it cannot go on."""
        if self.position + HEADER.size > len(self.buffer):
            self.ended = True
            return None
        length, checksum = HEADER.unpack_from(self.buffer, self.position)
        if length > LONGEST or masked_crc(self.buffer[self.position : self.position + 8]) != checksum:
            zeros = only_zeros(self.buffer, self.position)
            self.broken = "" if zeros else "the length of a record does not match its checksum"
            self.ended = True
            return None
        if self.position + length + OVERHEAD > len(self.buffer):
            self.needed, self.ended = int(length) + OVERHEAD, True
            return None
        self.position += int(length) + OVERHEAD
        return int(length)


def frames(buffer: bytes) -> Framed:
    """The records of ``buffer``, which begins at a record; a torn last one is left for the next time."""
    walker = _Walker(buffer)
    starts: list[Offsets] = [np.empty(0, np.int64)]
    lengths: list[Offsets] = [np.empty(0, np.int64)]
    runs = []
    while not walker.ended:
        found = _probe(walker)
        starts.append(found[0])
        lengths.append(found[1])
        period = None if walker.ended else _period(found[1])
        if period is not None:
            run = _repeated(buffer, walker.position, period, sum(map(len, starts)))
            walker.position += run.count * run.stride
            starts.append(_starts(run))
            lengths.append(np.tile(period, run.count))
            runs.append(run.earlier(_rows_before(found[1], period)))
    whole = np.concatenate(starts), np.concatenate(lengths)
    return Framed(*whole, walker.position, walker.needed, walker.broken, tuple(runs))


def _probe(walker: _Walker) -> tuple[Offsets, Offsets]:
    """The next few records, one by one."""
    starts, lengths = [], []
    for _ in range(_PROBE):
        begin = walker.position
        length = walker.step()
        if length is None:
            break
        starts.append(begin + HEADER.size)
        lengths.append(length)
    return np.array(starts, np.int64), np.array(lengths, np.int64)


def _period(lengths: Offsets) -> Offsets | None:
    """The lengths that repeat at the end of ``lengths``, shortest first choice; None where nothing does."""
    for period in range(1, _LONGEST_PERIOD + 1):
        recent = lengths[-2 * period :]
        if len(recent) == 2 * period and np.array_equal(recent[:period], recent[period:]):
            return recent[period:]
    return None


def _rows_before(lengths: Offsets, period: Offsets) -> int:
    """How many whole periods stand at the end of ``lengths``."""
    rows = lengths[len(lengths) % len(period) :].reshape(-1, len(period))[::-1]
    other = (rows != period).any(axis=1)
    return int(other.argmax()) if other.any() else len(rows)


def _starts(run: Run) -> Offsets:
    rows = run.begin + np.arange(run.count, dtype=np.int64)[:, None] * run.stride
    places: Offsets = (rows + np.array([at for at, _ in run.payloads], np.int64)).reshape(-1)
    return places


def _repeated(buffer: bytes, position: int, period: Offsets, first: int) -> Run:
    """Records from ``position`` on, which is record ``first``, as long as their headers follow ``period``: whole periods."""
    stride = int((period + OVERHEAD).sum())
    offsets = np.concatenate([[0], np.cumsum(period + OVERHEAD)[:-1]]).astype(np.int64)
    headers = [int(length).to_bytes(8, "little") for length in period]
    expected = [(int.from_bytes(header, "little"), masked_crc(header)) for header in headers]
    most = (len(buffer) - position) // stride
    count, look = 0, min(most, _FIRST_LOOK)
    while count < look:
        begin = position + count * stride
        wanted = look - count
        good = min(_matching(buffer, (begin + int(at), stride), wanted, one) for at, one in zip(offsets, expected, strict=True))
        count += good
        if count < look:
            break
        look = min(most, look * 8)
    payloads = tuple(zip((offsets + HEADER.size).tolist(), period.tolist(), strict=True))
    return Run(first, position, stride, count, payloads)


def _matching(buffer: bytes, lie: tuple[int, int], count: int, wanted: tuple[int, int]) -> int:
    """How many of ``count`` headers have ``wanted`` length and checksum before one has not; ``lie``: first place, stride."""
    (begin, stride), (length, checksum) = lie, wanted
    lengths = np.ndarray((count,), "<u8", buffer, begin, (stride,))
    checksums = np.ndarray((count,), "<u4", buffer, begin + 8, (stride,))
    wrong = (lengths != length) | (checksums != checksum)
    first = int(np.argmax(wrong))
    return first if wrong[first] else count


def sound(payload: bytes, footer: bytes) -> bool:
    """Whether one record's payload fits its checksum."""
    return bool(masked_crc(payload) == FOOTER.unpack(footer)[0])


def all_sound(lying: Bytes) -> npt.NDArray[np.bool_]:
    """Which records, payload and footer laid side by side (records × bytes), fit their checksums."""
    length = lying.shape[1] - FOOTER.size
    tables = _tables()
    differing = lying ^ lying[0]
    checksums = np.full(len(lying), google_crc32c.value(lying[0, :length].tobytes()), np.uint32)
    for column in np.flatnonzero(np.bitwise_or.reduce(differing[:, :length], axis=0)):
        checksums ^= tables[length - 1 - column][differing[:, column]]
    masked = ((checksums >> np.uint32(15)) | (checksums << np.uint32(17))) + np.uint32(MASK_DELTA)
    footers = np.ascontiguousarray(lying[:, length:]).view("<u4")[:, 0]
    fits: npt.NDArray[np.bool_] = masked == footers
    return fits


@lru_cache(maxsize=1)
def _tables() -> tuple[npt.NDArray[np.uint32], ...]:
    """At place k: what a byte adds to the checksum (by exclusive or) when k more bytes follow it.

    Made whole by one call: two threads that come first make the same thing twice, and neither sees half of it.
    """
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = np.where(first & 1, (first >> np.uint32(1)) ^ np.uint32(_POLYNOMIAL), first >> np.uint32(1)).astype(np.uint32)
    tables = [first]
    for _ in range(LONGEST_TOGETHER - 1):
        last = tables[-1]
        tables.append(first[last & np.uint32(0xFF)] ^ (last >> np.uint32(8)))
    return tuple(tables)
