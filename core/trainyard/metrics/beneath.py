"""Opening files of a folder that somebody else may write into, without being led out of it.

A run folder belongs to a person's job, and the service that reads it sees more than that person: every step of the path is
opened without following symbolic links, and only regular files are read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def folder_beneath(root: Path, relative: str = "") -> Iterator[int]:
    """A descriptor of the folder ``relative`` below ``root``; ``root`` itself is trusted.

    Raises:
        OSError: it is not there, or a part of ``relative`` is a symbolic link.
        ValueError: ``relative`` is absolute or climbs.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in _parts(relative):
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def open_in(folder: int, name: str) -> BinaryIO:
    """The regular file ``name`` directly in ``folder``, for reading.

    Raises:
        OSError: it is not there, or no regular file.
    """
    descriptor = os.open(name, _FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{name} is not a regular file")
    return os.fdopen(descriptor, "rb")


def open_beneath(root: Path, relative: str) -> BinaryIO:
    """The regular file ``relative`` below ``root``, for reading.

    Raises:
        OSError: it is not there, no regular file, or reached through a symbolic link.
        ValueError: ``relative`` is absolute, climbs, or is empty.
    """
    parts = _parts(relative)
    if not parts:
        raise ValueError("a file needs a name")
    with folder_beneath(root, "/".join(parts[:-1])) as folder:
        return open_in(folder, parts[-1])


def modified_beneath(root: Path, relative: str) -> float | None:
    """When the regular file ``relative`` below ``root`` was last written (seconds since 1970), or None where there is none."""
    try:
        with open_beneath(root, relative) as file:
            return os.fstat(file.fileno()).st_mtime
    except (OSError, ValueError):
        return None


def _parts(relative: str) -> tuple[str, ...]:
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or "\0" in relative:
        raise ValueError(f"{relative!r} leads out of its folder")
    return path.parts
