"""Files being written: whole on the local disk, sent to the store when they are closed or synced.

An object cannot be changed in place, so a file that is opened for writing without being emptied is fetched at its first
change. Drafts have no name on the disk: killed, the process leaves nothing. All drafts together are bounded.
"""

from __future__ import annotations

import errno
import os
import tempfile
import time
from pathlib import Path
from threading import Lock, RLock

from trainyard_spawner.buckets.blocks import BLOCK, Blocks
from trainyard_spawner.buckets.store import Found, Store

RESERVE = 1 << 30


class Room:
    """Bytes on the local disk that all drafts share; ``RESERVE`` bytes of that disk stay free for everything else."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self._most = most
        self._used = 0
        self._lock = Lock()

    def take(self, count: int) -> None:
        """Count ``count`` more bytes (fewer when negative).

        Raises:
            OSError: ``ENOSPC``.
        """
        with self._lock:
            if count > 0 and (self._used + count > self._most or count > self._on_disk() - RESERVE):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._used += count

    def _on_disk(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize


class Draft:
    """One file being written; ``base`` is the object it began as, None for a new or emptied one. Thread-safe."""

    def __init__(self, room: Room, key: str, base: Found | None, *, dirty: bool) -> None:
        self.key = key
        self.handles = 0
        self.gone = False
        self.dirty = dirty
        self.modified = base.modified if base and not dirty else time.time_ns()
        self.lock = RLock()
        self._room = room
        self._base = base
        self._size = base.size if base else 0
        self._counted = 0
        self._file = tempfile.TemporaryFile(dir=room.folder, buffering=0)  # noqa: SIM115 - closed with the last handle

    @property
    def size(self) -> int:
        """Bytes it has now."""
        return self._size

    def read(self, size: int, offset: int, store: Store, blocks: Blocks) -> bytes:
        """At most ``size`` bytes from ``offset``."""
        with self.lock:
            self._fetch(store, blocks)
            return os.pread(self._file.fileno(), size, offset)

    def write(self, data: bytes, offset: int, store: Store, blocks: Blocks) -> int:
        """Write all of ``data`` at ``offset``."""
        with self.lock:
            self._fetch(store, blocks)
            self._resize(max(self._size, offset + len(data)))
            self.dirty, self.modified = True, time.time_ns()
            view, done = memoryview(data), 0
            while done < len(data):
                done += os.pwrite(self._file.fileno(), view[done:], offset + done)
            return len(data)

    def truncate(self, length: int, store: Store, blocks: Blocks) -> None:
        """Make it ``length`` bytes long."""
        with self.lock:
            if length == 0:
                self._base = None
            self._fetch(store, blocks)
            os.ftruncate(self._file.fileno(), length)
            self._resize(length)
            self.dirty, self.modified = True, time.time_ns()

    def send(self, store: Store, blocks: Blocks) -> str | None:
        """Write what changed to the store, and say its tag; nothing to do for an unchanged or deleted file."""
        with self.lock:
            if not self.dirty or self.gone:
                return None
            self._fetch(store, blocks)
            tag = store.put(self.key, self._file.fileno(), self._size)
            self.dirty = False
            return tag

    def close(self) -> None:
        """Give the room back."""
        with self.lock:
            self._room.take(-self._counted)
            self._counted = 0
            self._file.close()

    def _resize(self, size: int) -> None:
        self._room.take(size - self._counted)
        self._counted = self._size = size

    def _fetch(self, store: Store, blocks: Blocks) -> None:
        """Bring the object's bytes here, once."""
        if self._base is None:
            return
        base = self._base
        self._resize(base.size)
        for number in range(-(-base.size // BLOCK)):
            ahead = [blocks.block(self.key, base, one) for one in range(number, min(number + 4, -(-base.size // BLOCK)))]
            os.pwrite(self._file.fileno(), ahead[0].result(), number * BLOCK)
        self._base = None
