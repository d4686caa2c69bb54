"""Read a RecordIO set by its index, without MXNet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np

from trainyard.formats.record import Record
from trainyard.formats.recordio.framing import BadRecord, read_record, unpack
from trainyard.formats.recordio.writer import FOLDER


class RecordIOReader:
    """Random and sequential access; ``reader[n]`` is the n-th line of the index."""

    def __init__(self, folder: Path) -> None:
        table = np.loadtxt(folder / FOLDER / "data.idx", dtype=np.int64, ndmin=2)
        self._offsets = table[:, 1] if table.size else np.empty(0, dtype=np.int64)
        self._file = (folder / FOLDER / "data.rec").open("rb")
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, number: int) -> Record:
        with self._lock:
            self._file.seek(int(self._offsets[number]))
            payload = read_record(self._file)
        if payload is None:
            raise BadRecord("the index points behind the end of the file")
        return _record(payload)

    def __iter__(self) -> Iterator[Record]:
        return (self[number] for number in range(len(self)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()


def _record(payload: bytes) -> Record:
    number, labels, picture = unpack(payload)
    return Record(number, "", labels, picture)
