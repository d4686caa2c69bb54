"""Pictures as files of their own, ``images/00042/00042137_cat.jpg``: a thousand to a folder, in the order of the set."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

from trainyard.formats.header import extension_of
from trainyard.formats.record import Record

IMAGES = "images"
A_FOLDER = 1000
_LONGEST_NAME = 100


def path_of(record: Record) -> str:
    """Where the picture lies below the set: its number makes it unique, its ending tells what it is."""
    stem = record.name.rpartition("/")[2].rpartition(".")[0] or record.name.rpartition("/")[2]
    readable = stem.encode()[-_LONGEST_NAME:].decode(errors="ignore").replace(os.sep, "_")
    name = f"{record.number:08d}_{readable}" if readable else f"{record.number:08d}"
    return f"{IMAGES}/{record.number // A_FOLDER:05d}/{name}.{extension_of(record.picture)}"


class LooseFiles:
    """The pictures of the set in ``folder``; those from number ``first`` on are deleted, for they will be written again."""

    def __init__(self, folder: Path, first: int = 0) -> None:
        self._folder = folder
        self._made = -1
        _drop_from(folder / IMAGES, first)

    def add(self, record: Record) -> str:
        """Write the picture; its path below the set."""
        if (place := record.number // A_FOLDER) != self._made:
            (self._folder / IMAGES / f"{place:05d}").mkdir(parents=True, exist_ok=True)
            self._made = place
        path = path_of(record)
        with (self._folder / path).open("wb", buffering=0) as file:
            file.write(record.picture)
        return path

    def sync(self) -> None:
        """Bring all pictures to the disk: one call for the file system costs less than one for every file."""
        sync_file_system(self._folder)


def sync_file_system(folder: Path) -> None:
    """Bring to the disk what was written to the file system of ``folder``.

    Raises:
        OSError: the disk fails.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _C.syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(handle)


_C = ctypes.CDLL(None, use_errno=True)


def _drop_from(images: Path, first: int) -> None:
    if not images.is_dir():
        return
    for folder in images.iterdir():
        if int(folder.name) > first // A_FOLDER:
            shutil.rmtree(folder)
        elif int(folder.name) == first // A_FOLDER:
            for path in folder.iterdir():
                if int(path.name[:8]) >= first:
                    path.unlink()
