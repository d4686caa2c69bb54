"""Sets in several files of about the same size, ``data-00000.tar`` and so on, with ``data.idx`` for access by number.

A line of the index is ``number<TAB>shard<TAB>offset<TAB>length`` of one sample; a set without one is gone through once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from trainyard.formats.appending import files_reach, open_cut
from trainyard.formats.damage import LONGEST_RECORD, Damaged, missing_file
from trainyard.formats.index import read_index
from trainyard.formats.record import State
from trainyard.words import N_

INDEX = "data.idx"
_COUNTS = ("shard", "size", "bytes")


def shard_name(number: int, suffix: str) -> str:
    """The file name of a shard."""
    return f"data-{number:05d}.{suffix}"


class ShardWriter:
    """Appends samples to shards of about ``most`` bytes, each closed with ``end``."""

    def __init__(self, folder: Path, suffix: str, most: int, state: State | None = None, end: bytes = b"") -> None:
        at = state or {}
        self._folder, self._suffix, self._most, self._end = folder, suffix, most, end
        self._shard, size, self._bytes = (at.get(name, 0) for name in _COUNTS)
        for path in folder.glob(f"data-*.{suffix}"):
            if path.name > shard_name(self._shard, suffix):
                path.unlink()
        self._file = open_cut(folder / shard_name(self._shard, suffix), size)
        self._index = open_cut(folder / INDEX, at.get(INDEX, 0))
        self._full: list[BinaryIO] = []
        self._turn = Lock()

    def append(self, number: int, data: bytes) -> None:
        """Append one sample."""
        offset = self._file.tell()
        if offset and offset + len(data) > self._most:
            self._next()
            offset = 0
        self._index.write(b"%d\t%d\t%d\t%d\n" % (number, self._shard, offset, len(data)))
        self._file.write(data)
        self._bytes += len(data)

    def checkpoint(self) -> State:
        """Hand everything over; which shard, its size, the index's size."""
        for file in (self._file, self._index):
            file.flush()
        counts = zip(_COUNTS, (self._shard, self._file.tell(), self._bytes), strict=True)
        return {INDEX: self._index.tell()} | dict(counts)

    def sync(self) -> None:
        """Bring the index and the shards that were handed over to the disk."""
        with self._turn:
            full, self._full = self._full, []
            for file in (*full, self._file, self._index):
                os.fdatasync(file.fileno())
        for file in full:
            file.close()

    @property
    def bytes_written(self) -> int:
        """Bytes of all samples."""
        return self._bytes

    def finish(self) -> None:
        """End the last shard; may be done again by a writer that goes on from the last checkpoint."""
        self._file.write(self._end)

    def close(self) -> None:
        """Close the files."""
        with self._turn:
            for file in (*self._full, self._file, self._index):
                file.close()

    def checksums(self) -> dict[str, str]:
        """None while writing."""
        return {}

    def _next(self) -> None:
        """Go on in another shard; the full one stays open until it is on the disk."""
        self._file.write(self._end)
        self._file.flush()
        with self._turn:
            self._full.append(self._file)
            self._shard += 1
            self._file = open_cut(self._folder / shard_name(self._shard, self._suffix), 0)


def shards_reach(folder: Path, state: State, suffix: str) -> bool:
    """Whether the shards in ``folder`` are as long as ``state`` says."""
    names = [shard_name(number, suffix) for number in range(state["shard"])]
    sizes = dict.fromkeys(names, 1) | {shard_name(state["shard"], suffix): state["size"], INDEX: state[INDEX]}
    return files_reach(folder, sizes)


class Place(NamedTuple):
    """Where a sample lies: which shard, and its bytes there."""

    shard: int
    offset: int
    length: int


Scan = Callable[[BinaryIO], Iterable[tuple[int, int]]]
"""Finds the samples of a shard: their offsets and lengths."""


class ShardReader:
    """The samples of all shards by number; safe from several threads."""

    def __init__(self, folder: Path, suffix: str, scan: Scan) -> None:
        self.paths = sorted(folder.glob(f"*.{suffix}"))
        if not self.paths:
            raise missing_file(folder / shard_name(0, suffix))
        index, most = folder / INDEX, 4 * sum(path.stat().st_size for path in self.paths) + 4096
        self._places = read_index(index, slice(1, 4), most) if index.is_file() else _scanned(self.paths, scan)
        self._handles = [os.open(path, os.O_RDONLY | os.O_CLOEXEC) for path in self.paths]
        self._sizes = [os.fstat(handle).st_size for handle in self._handles]

    def __len__(self) -> int:
        return len(self._places)

    def place(self, number: int) -> Place:
        """Where the sample lies.

        Raises:
            IndexError: there is none.
            Damaged: the index points outside of the shards.
        """
        if not 0 <= number < len(self):
            raise IndexError(number)
        shard, offset, length = map(int, self._places[number])
        if not (0 <= shard < len(self.paths) and offset >= 0 and 0 <= length <= self._sizes[shard] - offset):
            raise Damaged(N_("The index points behind the end of the records."))
        if length > LONGEST_RECORD:
            raise Damaged(N_("The record is longer than {limit} bytes."), limit=LONGEST_RECORD)
        return Place(shard, offset, length)

    def bytes(self, place: Place, most: int = LONGEST_RECORD) -> bytes:
        """The sample at ``place``, or its first ``most`` bytes."""
        return os.pread(self._handles[place.shard], min(place.length, most), place.offset)

    def close(self) -> None:
        """Let go of the shards."""
        while self._handles:
            os.close(self._handles.pop())

    def __del__(self) -> None:
        if hasattr(self, "_handles"):
            self.close()


def _scanned(paths: list[Path], scan: Scan) -> npt.NDArray[np.int64]:
    rows = []
    for shard, path in enumerate(paths):
        with path.open("rb") as file:
            rows += [(shard, offset, length) for offset, length in scan(file)]
    return np.asarray(rows, np.int64).reshape(-1, 3)
