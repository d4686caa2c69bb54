"""Read a set of ``Datum`` records from LMDB, also from a read-only mount."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

import lmdb

from trainyard.formats.lmdb.datum import decode
from trainyard.formats.record import Record


class LmdbReader:
    """Random and sequential access; ``reader[n]`` is the record whose key starts with the eight digits of n."""

    def __init__(self, folder: Path) -> None:
        self._environment = lmdb.open(str(folder), readonly=True, lock=False, readahead=False)

    def __len__(self) -> int:
        return int(self._environment.stat()["entries"])

    def __getitem__(self, number: int) -> Record:
        with self._environment.begin() as transaction, transaction.cursor() as cursor:
            if number < 0 or not cursor.set_range(b"%08d" % number) or int(cursor.key()[:8]) != number:
                raise IndexError(number)
            return _record(cursor.key(), cursor.value())

    def __iter__(self) -> Iterator[Record]:
        with self._environment.begin() as transaction, transaction.cursor() as cursor:
            for key, value in cursor:
                yield _record(key, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._environment.close()


def _record(key: bytes, value: bytes) -> Record:
    datum = decode(value)
    number, _, name = key.decode().partition("_")
    labels = datum.float_data or (float(datum.label),)
    return Record(int(number), name, labels, datum.data, datum.channels, datum.height, datum.width)
