"""A folder that is a small file system of its own, so that a test can fill it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLATFORM_SIZE = 1 << 30


@contextmanager
def small(folder: Path, size: int = PLATFORM_SIZE) -> Iterator[None]:
    """``folder`` is a file system of its own of ``size`` bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    file, room = folder / "filled", os.statvfs(folder)
    with file.open("wb") as everything:
        os.posix_fallocate(everything.fileno(), 0, room.f_bavail * room.f_frsize)
    return file
