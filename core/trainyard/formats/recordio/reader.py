"""Read a RecordIO set without MXNet, by its index or, where there is none, by one made from the records."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
import numpy.typing as npt

from trainyard.formats.damage import Damaged, damaged_record, missing_file
from trainyard.formats.header import Size, size_of
from trainyard.formats.index import read_index
from trainyard.formats.lines import LineFile
from trainyard.formats.record import Description, Labels, Record
from trainyard.formats.recordio.framing import PART, WHOLE, BadRecord, Header, index_of, part_head, read_record, unpack
from trainyard.formats.recordio.labels import to_labels
from trainyard.formats.recordio.writer import FOLDER
from trainyard.words import N_

_HEAD = 2048
_LONGEST_LINE = 64


class RecordIOReader:
    """Random and sequential access; ``reader[n]`` is the n-th line of the index, whatever its key; safe from several threads.

    The files lie in ``cache`` or in ``folder`` itself. Names come from ``data.lst`` where it has a line for every record.
    """

    def __init__(self, folder: Path) -> None:
        inside = folder / FOLDER
        self._path = (inside if inside.is_dir() else folder) / "data.rec"
        try:
            self._file = self._path.open("rb")
        except OSError:
            raise missing_file(self._path) from None
        try:
            self._offsets = self._index(self._path.with_suffix(".idx"))
        except BaseException:
            self._file.close()
            raise
        self._names = LineFile(self._path.with_suffix(".lst"))
        self._named = len(self._names) == len(self)
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, number: int) -> Record:
        header, picture = self._read(number)
        size = size_of(picture)
        return Record(number, self._name(number), self._labels(number, header, size), picture, *size)

    def __iter__(self) -> Iterator[Record]:
        return (self[number] for number in range(len(self)))

    def describe(self) -> Iterator[Description]:
        """Every record without its picture: of most, the first two kilobytes are read."""
        return (self._describe(number) for number in range(len(self)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self._file.close()
        self._names.close()

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def _read(self, number: int) -> tuple[Header, bytes]:
        if not 0 <= number < len(self):
            raise IndexError(number)
        try:
            with self._lock:
                self._file.seek(int(self._offsets[number]))
                payload = read_record(self._file)
            if payload is None:
                raise BadRecord(BEHIND_END)
            header = unpack(payload)
        except Damaged as error:
            raise damaged_record(error, number, self._path) from None
        return header, payload[header.end :]

    def _describe(self, number: int) -> Description:
        head = os.pread(self._file.fileno(), _HEAD, int(self._offsets[number]))
        try:
            flag, length = part_head(head[: PART.size], True)
            header = unpack(head[PART.size : PART.size + length])
            size = size_of(head[PART.size + header.end :])
        except Damaged:
            flag, size = -1, Size()
        if flag != WHOLE or not size.width:  # in parts, labels longer than the head, or much before the picture's own header
            header, picture = self._read(number)
            size, length = size_of(picture), header.end + len(picture)
        return Description(number, self._name(number), self._labels(number, header, size), length - header.end, *size)

    def _labels(self, number: int, header: Header, size: Size) -> Labels:
        try:
            return to_labels(header.numbers, (size.width, size.height), alone=header.alone)
        except Damaged as error:
            raise damaged_record(error, number, self._path) from None

    def _name(self, number: int) -> str:
        return self._names[number].rpartition("\t")[2] if self._named else ""

    def _index(self, path: Path) -> npt.NDArray[np.int64]:
        size = os.fstat(self._file.fileno()).st_size
        if not path.is_file():
            return np.asarray(index_of(self._file, size), dtype=np.int64)
        most = (size // (PART.size + 4) + 1) * _LONGEST_LINE
        offsets = read_index(path, slice(1, 2), most)[:, 0]
        if offsets.size and not (offsets.min() >= 0 and offsets.max() < size):
            raise Damaged(BEHIND_END)
        return offsets


BEHIND_END = N_("The index points behind the end of the records.")
