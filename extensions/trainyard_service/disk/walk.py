"""Counts the bytes of folders, slowly and politely: ``python -m trainyard_service.disk.walk``, in a process of its own.

Reads one question a line, ``{"path", "own"}`` (``own``: files that have another name count nothing here), and answers by one
line of JSON: ``{"path", "bytes", "files", "unread"}``. It runs at the lowest
priority of processor and disk and rests as long as it works, so that nobody notices; no link is followed.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from dataclasses import dataclass, field

DEEPEST = 200
"""Folders below this depth are not entered: each level holds a descriptor."""
_STRIDE = 2000
_BLOCK = 512


@dataclass
class Count:
    """What was found below one folder. ``bytes`` is what files say they have, less for files with holes; ``own``: see above."""

    bytes: int = 0
    files: int = 0
    unread: int = 0
    seen: set[tuple[int, int]] = field(default_factory=set)
    since: float = field(default_factory=time.monotonic)
    rest: bool = True
    own: bool = False
    most: int | None = None

    def add(self, status: os.stat_result) -> None:
        """Count one entry; a file with several names once."""
        self.files += 1
        if self.most is not None and self.files > self.most:
            raise TooMany
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            if self.own or (status.st_dev, status.st_ino) in self.seen:
                return
            self.seen.add((status.st_dev, status.st_ino))
        self.bytes += min(status.st_size, status.st_blocks * _BLOCK) if stat.S_ISREG(status.st_mode) else 0
        if self.rest and self.files % _STRIDE == 0:
            worked = time.monotonic() - self.since
            time.sleep(min(worked, 1.0))
            self.since = time.monotonic()


class TooMany(Exception):
    """There are more entries than were to be counted."""


def count(path: str, *, rest: bool = False, own: bool = False, most: int | None = None) -> Count:
    """Bytes and entries of ``path`` and below; what vanishes or cannot be read meanwhile is left out.

    Raises:
        TooMany: there are more than ``most`` entries.
    """
    total = Count(rest=rest, own=own, most=most)
    try:
        status = os.lstat(path)
    except OSError:
        return total
    total.add(status)
    if stat.S_ISDIR(status.st_mode):
        _below(path, None, total, 0)
    return total


def _below(name: str, parent: int | None, total: Count, depth: int) -> None:
    try:
        folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except FileNotFoundError:
        return
    except OSError:
        total.unread += 1
        return
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                _one(entry, folder, total, depth)
    except OSError:
        total.unread += 1
    finally:
        os.close(folder)


def _one(entry: os.DirEntry[str], folder: int, total: Count, depth: int) -> None:
    try:
        total.add(entry.stat(follow_symlinks=False))
        enters = entry.is_dir(follow_symlinks=False)
    except OSError:
        return
    if enters and depth < DEEPEST:
        _below(entry.name, folder, total, depth + 1)
    elif enters:
        total.unread += 1


def _step_aside() -> None:
    """Lowest priority: this is never urgent."""
    os.nice(19)
    try:
        import psutil

        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
    except (ImportError, OSError, AttributeError):
        return


def main() -> None:
    """Answer until standard input ends."""
    _step_aside()
    sys.setrecursionlimit(DEEPEST * 8 + 1000)
    for line in sys.stdin:
        asked = json.loads(line)
        path = asked["path"]
        found = count(path, rest=True, own=asked["own"])
        print(json.dumps({"path": path, "bytes": found.bytes, "files": found.files, "unread": found.unread}), flush=True)


if __name__ == "__main__":
    main()
