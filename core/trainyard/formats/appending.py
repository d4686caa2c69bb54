"""Files that are appended to, and cut back to a checkpoint after a crash."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from trainyard.formats.record import State

_BUFFER = 1 << 20


def open_cut(path: Path, size: int) -> BinaryIO:
    """The file cut to ``size`` bytes, ready to append; made where there is none."""
    file = path.open("r+b" if path.exists() else "w+b", buffering=_BUFFER)
    file.truncate(size)
    file.seek(size)
    return file


class Follower:
    """The SHA-256 of a file that grows, computed behind its writer: at the end little is left to read."""

    def __init__(self, path: Path) -> None:
        self._path, self._digest, self._done = path, hashlib.sha256(), 0

    def follow(self, size: int | None = None) -> None:
        """Take in what was handed over up to ``size``, or up to the end of the file."""
        with self._path.open("rb", buffering=0) as file:
            file.seek(self._done)
            while block := file.read(_BUFFER if size is None else min(_BUFFER, size - self._done)):
                self._digest.update(block)
                self._done += len(block)

    def hexdigest(self) -> str:
        """The checksum of the whole file, which nobody writes to any more."""
        self.follow()
        return self._digest.hexdigest()


class Appending:
    """Some files of a set that grow together; ``sizes`` are those of the last checkpoint by name."""

    def __init__(self, folder: Path, names: Iterable[str], sizes: Mapping[str, int] | None = None) -> None:
        self._sizes = {name: (sizes or {}).get(name, 0) for name in names}
        self._files = {name: open_cut(folder / name, size) for name, size in self._sizes.items()}
        self._followers = {name: Follower(folder / name) for name in self._sizes}

    def __getitem__(self, name: str) -> BinaryIO:
        return self._files[name]

    def checkpoint(self) -> State:
        """Hand the files over; their sizes."""
        for file in self._files.values():
            file.flush()
        self._sizes = {name: file.tell() for name, file in self._files.items()}
        return self._sizes

    def sync(self) -> None:
        """Bring what was handed over to the disk, and take it into the checksums."""
        sizes = self._sizes
        for name, file in self._files.items():
            self._followers[name].follow(sizes[name])
            os.fdatasync(file.fileno())

    def checksums(self) -> dict[str, str]:
        """SHA-256 of every file by name, after ``close``."""
        return {name: follower.hexdigest() for name, follower in self._followers.items()}

    def close(self) -> None:
        """Close the files, each even where another cannot be flushed any more."""
        with ExitStack() as files:
            for file in self._files.values():
                files.callback(file.close)


def files_reach(folder: Path, sizes: Mapping[str, int]) -> bool:
    """Whether the files in ``folder`` are as long as a checkpoint says; a power cut may have taken their ends."""
    try:
        return all((folder / name).stat().st_size >= size for name, size in sizes.items())
    except FileNotFoundError:
        return False
