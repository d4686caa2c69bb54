"""Write ``data.mdb`` with one ``Datum`` per sample, in transactions of 1,000 records."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import lmdb

from trainyard.formats.damage import Damaged
from trainyard.formats.lmdb.datum import encode
from trainyard.formats.lmdb.labels import to_datum
from trainyard.formats.lmdb.pages import Pages
from trainyard.formats.record import Record, SetOptions, State

TRANSACTION = 1000
TRANSACTION_BYTES = 64 * 1024 * 1024
FIRST_MAP = 1 << 30
LONGEST_KEY = 511


class LmdbWriter:
    """Appends records; a new writer on the same folder goes on with the identical sequence of keys and values.

    Nobody else opens the set while it is written, so there is no ``lock.mdb``, whose map would end the process by SIGBUS on
    a full disk.
    """

    def __init__(self, folder: Path, state: State | None = None, options: SetOptions = SetOptions()) -> None:
        self._environment = lmdb.open(str(folder), map_size=FIRST_MAP, subdir=True, metasync=False, lock=False)
        self._raw = options.values == "raw"
        self._mapped = Lock()
        self._pending: list[tuple[bytes, bytes]] = []
        self._pending_bytes = 0
        self._bytes = (state or {}).get("bytes", 0)
        self._records = (state or {}).get("records", 0)
        self._drop_from(self._records)

    @staticmethod
    def reaches(folder: Path, state: State) -> bool:
        """Whether ``folder`` holds as many records as ``state`` says."""
        try:
            pages = Pages(folder / "data.mdb")
        except Damaged:
            return False
        pages.close()
        return len(pages) >= state["records"]

    def add(self, record: Record) -> None:
        """Append one record; the keys ascend with its number."""
        value = encode(to_datum(record, raw=self._raw))
        self._pending.append((key_of(record), value))
        self._pending_bytes += len(value)
        self._bytes += len(value)
        self._records += 1
        if len(self._pending) >= TRANSACTION or self._pending_bytes >= TRANSACTION_BYTES:
            self._commit()

    def checkpoint(self) -> State:
        """Commit what is pending."""
        self._commit()
        return {"records": self._records, "bytes": self._bytes}

    def sync(self) -> None:
        """Bring to the disk which commit is the last: without it a power cut may undo that commit."""
        with self._mapped:
            self._environment.sync(True)

    @property
    def bytes_written(self) -> int:
        """Bytes of all values."""
        return self._bytes

    def finish(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """Commit and close."""
        try:
            self._commit()
            self._environment.sync(True)
        finally:
            self._environment.close()

    def checksums(self) -> dict[str, str]:
        """None while writing."""
        return {}

    def _commit(self) -> None:
        while self._pending:
            try:
                with self._environment.begin(write=True) as transaction:
                    transaction.cursor().putmulti(self._pending, append=True)
            except lmdb.MapFullError:
                with self._mapped:  # LMDB's sync looks into the map, which moves here
                    self._environment.set_mapsize(2 * self._environment.info()["map_size"])
            else:
                self._pending.clear()
                self._pending_bytes = 0

    def _drop_from(self, number: int) -> None:
        """Delete the records from ``number`` on: they were committed after the checkpoint."""
        with self._environment.begin(write=True) as transaction, transaction.cursor() as cursor:
            found = cursor.set_range(b"%08d" % number)
            while found:
                found = cursor.delete() and bool(cursor.key())


def key_of(record: Record) -> bytes:
    """``00000042_cat/1.jpg``, cut in front to LMDB's 511 bytes; the number alone makes it unique."""
    number = b"%08d_" % record.number
    name = record.name.encode()[-(LONGEST_KEY - len(number)) :]
    return number + name.decode(errors="ignore").encode()
