"""When which byte of a log was written, by the time files of its launches' supervisors: pairs of offset and milliseconds.

A page of a log asks for a few of them, and a time file may hold a quarter of a million: what was read once is kept, and only
what was written since is read again. All that is kept together is bounded; what was asked for longest ago goes.
"""

from __future__ import annotations

import os
import sys
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import BinaryIO

from trainyard.metrics.beneath import open_beneath

MOST_KEPT = 1 << 22
"""Pairs, of 16 bytes each, of all logs together."""
_TIMES = "output.times"
_SIZE = 16
_MOST_OF_ONE = 1 << 18
_LATEST = 1 << 42
"""A century ahead. A supervisor in a pod writes as its person, whose programs could write something else."""


@dataclass(frozen=True)
class _Read:
    """How far a time file was read: which file, how many pairs, and the last; another one there: it was written anew."""

    inode: int
    count: int
    last: bytes


class Stamps:
    """The time files of one log, the oldest launch's first. Times never fall in here, whatever the clock did."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._paths = [folder / _TIMES for folder in folders]
        self._read: list[_Read | None] = []
        self._times, self._offsets = array("Q"), array("Q")
        for path in self._paths:
            with _opened(path) as file:
                self._read.append(now := _read(file))
                offsets, times = _pairs(file, 0, now.count if now else 0)
            # an attempt that found the log shorter than an earlier one left it knows better
            cut = bisect_left(self._offsets, offsets[0]) if offsets else len(self._offsets)
            del self._offsets[cut:], self._times[cut:]
            self._append(offsets, times)

    def __len__(self) -> int:
        return len(self._offsets)

    def at(self, offset: int) -> int:
        """When what stands there was written, in milliseconds since 1970; 0 where nobody knows."""
        place = bisect_right(self._offsets, offset) - 1
        return self._times[place] if place >= 0 else 0

    def first_after(self, when: int, *, then: bool = False) -> int | None:
        """Where that begins which was written after ``when`` (or ``then``, too); None: nothing was, as far as is known."""
        place = (bisect_left if then else bisect_right)(self._times, when)
        return self._offsets[place] if place < len(self._offsets) else None

    def between(self, offset: int, end: int | None) -> tuple[Sequence[int], Sequence[int]]:
        """The pairs that tell of what stands from ``offset`` to ``end`` (None: to the end of all), as offsets and times."""
        first = max(0, bisect_right(self._offsets, offset) - 1)
        last = len(self._offsets) if end is None else bisect_left(self._offsets, end)
        return self._offsets[first:last], self._times[first:last]

    def caught_up(self) -> bool:
        """Read what the newest launch has added; False where more than that has changed, and all must be read again."""
        with _opened(self._paths[-1] if self._paths else None) as file:
            now, before = _read(file), self._read[-1] if self._read else None
            if now == before:
                return True
            if file is None or now is None or before is None or before.inode != now.inode or now.count < before.count:
                return False
            offsets, times = _pairs(file, before.count, now.count)
            if _last(file, before.count) != before.last or (self._offsets and offsets and offsets[0] < self._offsets[-1]):
                return False
            self._append(offsets, times)
            self._read[-1] = now
            return True

    def _append(self, offsets: Sequence[int], times: Sequence[int]) -> None:
        newest = self._times[-1] if self._times else 0
        self._times.extend(islice(accumulate(times, max, initial=newest), 1, None))
        self._offsets.extend(offsets)  # last: somebody may be looking


class StampStore:
    """The stamps of the logs that were looked at lately."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[Path, ...], Stamps] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, folders: Sequence[Path]) -> Stamps:
        """Those of one log as they stand now."""
        key = tuple(folders)
        with self._lock:
            known = self._kept.pop(key, None)
            if known is None or not known.caught_up():
                known = Stamps(folders)
            self._kept[key] = known
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._most:
                self._kept.popitem(last=False)
            return known


KEPT = StampStore()


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO | None]:
    """The file, or None where there is none."""
    try:
        file = open_beneath(path.parent, path.name) if path is not None else None
    except (OSError, ValueError):
        file = None
    if file is None:
        yield None
        return
    with file:
        yield file


def _read(file: BinaryIO | None) -> _Read | None:
    if file is None:
        return None
    about = os.fstat(file.fileno())
    count = min(about.st_size // _SIZE, _MOST_OF_ONE)
    return _Read(about.st_ino, count, _last(file, count))


def _last(file: BinaryIO, count: int) -> bytes:
    return os.pread(file.fileno(), _SIZE, max(0, count - 1) * _SIZE) if count else b""


def _pairs(file: BinaryIO | None, first: int, last: int) -> tuple[array[int], array[int]]:
    """Offsets and times of the pairs between two places; one that is torn at the end was not counted."""
    numbers = array("Q")
    if file is not None:
        found = os.pread(file.fileno(), (last - first) * _SIZE, first * _SIZE)
        numbers.frombytes(found[: len(found) // _SIZE * _SIZE])  # somebody may have cut it meanwhile
    if sys.byteorder == "big":
        numbers.byteswap()
    offsets, times = numbers[0::2], numbers[1::2]
    return (offsets, times) if max(times, default=0) < _LATEST else (array("Q"), array("Q"))
