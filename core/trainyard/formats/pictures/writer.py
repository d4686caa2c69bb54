"""Write pictures as files, with ``index.lst`` (path and label) and ``samples.jsonl`` (everything)."""

from __future__ import annotations

from pathlib import Path

from trainyard.formats.appending import Appending, files_reach
from trainyard.formats.listing import SAMPLES, encode
from trainyard.formats.loose import LooseFiles
from trainyard.formats.record import Record, SetOptions, State
from trainyard.formats.recordio.labels import to_numbers

INDEX = "index.lst"
_FILES = (INDEX, SAMPLES)
_COUNTS = ("records", "bytes")


class PicturesWriter:
    """Appends pictures; after a checkpoint a new writer goes on with byte-identical files."""

    def __init__(self, folder: Path, state: State | None = None, options: SetOptions = SetOptions()) -> None:
        at = state or {}
        self._difficult = options.difficult
        self._records, self._bytes = (at.get(name, 0) for name in _COUNTS)
        self._pictures = LooseFiles(folder, self._records)
        self._lists = Appending(folder, _FILES, at)

    @staticmethod
    def reaches(folder: Path, state: State) -> bool:
        """Whether the lists in ``folder`` are as long as ``state`` says; the pictures were on the disk before it was told."""
        return files_reach(folder, {name: state[name] for name in _FILES})

    def add(self, record: Record) -> None:
        """Write one picture and its lines."""
        path = self._pictures.add(record)
        numbers = "".join(f"{number:f}\t" for number in to_numbers(record, difficult=self._difficult))
        self._lists[INDEX].write(f"{record.number}\t{numbers}{path}\n".encode())
        self._lists[SAMPLES].write(encode(record, path) + b"\n")
        self._records = record.number + 1
        self._bytes += len(record.picture)

    def checkpoint(self) -> State:
        """Hand everything over; sizes and counts."""
        return self._lists.checkpoint() | dict(zip(_COUNTS, (self._records, self._bytes), strict=True))

    def sync(self) -> None:
        """Bring pictures and lists to the disk."""
        self._pictures.sync()

    @property
    def bytes_written(self) -> int:
        """Bytes of all pictures."""
        return self._bytes

    def finish(self) -> None:
        """Bring everything to the disk: nobody reads all these files again to do it."""
        self.checkpoint()
        self.sync()

    def close(self) -> None:
        """Close the lists."""
        self._lists.close()

    def checksums(self) -> dict[str, str]:
        """None while writing."""
        return {}
