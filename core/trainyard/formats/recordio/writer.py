"""Write ``cache/data.rec`` with its index ``cache/data.idx`` and its list ``cache/data.lst``."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from trainyard.formats.record import Record, State
from trainyard.formats.recordio.framing import frame, pack

FOLDER = "cache"
FILES = ("data.rec", "data.idx", "data.lst")
_BUFFER = 1 << 20


class RecordIOWriter:
    """Appends records; after a checkpoint a new writer goes on with byte-identical files."""

    def __init__(self, folder: Path, state: State | None = None) -> None:
        (folder / FOLDER).mkdir(exist_ok=True)
        opened = [_open(folder / FOLDER / name, (state or {}).get(name, 0)) for name in FILES]
        self._rec, self._idx, self._lst = opened
        self._offset = self._rec.tell()

    def add(self, record: Record) -> None:
        """Append one record to the three files; its number is its key."""
        framed = frame(pack(record.number, record.labels, record.picture))
        labels = "\t".join(f"{label:f}" for label in record.labels)
        self._idx.write(b"%d\t%d\n" % (record.number, self._offset))
        self._lst.write(f"{record.number}\t{labels}\t{record.name}\n".encode())
        self._rec.write(framed)
        self._offset += len(framed)

    def checkpoint(self) -> State:
        """Hand the three files over; their sizes."""
        for file in (self._rec, self._idx, self._lst):
            file.flush()
        return dict(zip(FILES, (self._rec.tell(), self._idx.tell(), self._lst.tell()), strict=True))

    def sync(self) -> None:
        """Bring the three files to the disk."""
        for file in (self._rec, self._idx, self._lst):
            os.fdatasync(file.fileno())

    @property
    def bytes_written(self) -> int:
        """Bytes of ``data.rec``."""
        return self._offset

    def close(self) -> None:
        """Close the files, each even where another cannot be flushed any more."""
        with ExitStack() as files:
            for file in (self._rec, self._idx, self._lst):
                files.callback(file.close)


def _open(path: Path, size: int) -> BinaryIO:
    """The file cut to ``size`` bytes, ready to append."""
    file = path.open("r+b" if path.exists() else "w+b", buffering=_BUFFER)
    file.truncate(size)
    file.seek(size)
    return file
