"""Write ``cache/data.rec`` with its index ``cache/data.idx`` and its list ``cache/data.lst``."""

from __future__ import annotations

from pathlib import Path

from trainyard.formats.appending import Appending, files_reach
from trainyard.formats.record import Record, SetOptions, State
from trainyard.formats.recordio.framing import pack, pieces
from trainyard.formats.recordio.labels import to_numbers

FOLDER = "cache"
FILES = ("data.rec", "data.idx", "data.lst")
ALONE = ("class", "none")


class RecordIOWriter:
    """Appends records; after a checkpoint a new writer goes on with byte-identical files."""

    def __init__(self, folder: Path, state: State | None = None, options: SetOptions = SetOptions()) -> None:
        (folder / FOLDER).mkdir(exist_ok=True)
        self._difficult = options.difficult
        self._files = Appending(folder / FOLDER, FILES, state)
        self._rec, self._idx, self._lst = (self._files[name] for name in FILES)
        self._offset = self._rec.tell()

    @staticmethod
    def reaches(folder: Path, state: State) -> bool:
        """Whether the files in ``folder`` are as long as ``state`` says."""
        return files_reach(folder / FOLDER, state)

    def add(self, record: Record) -> None:
        """Append one record to the three files; its number is its key."""
        numbers = to_numbers(record, difficult=self._difficult)
        head = pack(record.number, numbers, alone=record.labels.kind in ALONE)
        labels = "\t".join(f"{number:f}" for number in numbers)
        self._idx.write(b"%d\t%d\n" % (record.number, self._offset))
        self._lst.write(f"{record.number}\t{labels}\t{record.name}\n".encode())
        for piece in pieces(head, record.picture):
            self._offset += self._rec.write(piece)

    def checkpoint(self) -> State:
        """Hand the three files over; their sizes."""
        return self._files.checkpoint()

    def sync(self) -> None:
        """Bring the three files to the disk."""
        self._files.sync()

    @property
    def bytes_written(self) -> int:
        """Bytes of ``data.rec``."""
        return self._offset

    def finish(self) -> None:
        """Nothing is left to do."""

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    def checksums(self) -> dict[str, str]:
        """Of all three files."""
        return {f"{FOLDER}/{name}": digest for name, digest in self._files.checksums().items()}
