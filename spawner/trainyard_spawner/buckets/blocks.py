"""Reads objects by blocks, ahead of who reads in order, in bounded memory.

A block is fetched once however many ask for it at the same time; the blocks used last stay.
"""

from __future__ import annotations

import errno
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from trainyard_spawner.buckets.store import Found, Store

BLOCK = 1 << 20
KEPT = 40
FETCHERS = 8
MOST_AHEAD = 8

Name = tuple[str, str, int]


class Blocks:
    """The bytes of all objects that are being read: at most ``KEPT`` blocks, and those on their way."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._blocks: OrderedDict[Name, Future[bytes]] = OrderedDict()
        self._fetchers = ThreadPoolExecutor(FETCHERS, "blocks")

    def block(self, key: str, found: Found, number: int) -> Future[bytes]:
        """Block ``number`` of one version of an object; begins to fetch it where it is not there."""
        name = (key, found.tag or "", number)
        with self._lock:
            known = self._blocks.get(name)
            if known is not None and not (known.done() and known.exception()):
                self._blocks.move_to_end(name)
                return known
            start = number * BLOCK
            end = min(start + BLOCK, found.size)
            future = self._fetchers.submit(self._store.read, key, found.tag or "", start, end)
            self._blocks[name] = future
            self._shrink()
            return future

    def forget(self, key: str) -> None:
        """Drop what is kept of an object that was written or deleted."""
        with self._lock:
            for name in [name for name in self._blocks if name[0] == key]:
                del self._blocks[name]

    def _shrink(self) -> None:
        """Oldest first; one on its way is kept by who waits for it."""
        while len(self._blocks) > KEPT:
            self._blocks.popitem(last=False)


class Reader:
    """One opened file: knows the version it reads and whether it is read in order."""

    def __init__(self, store: Store, blocks: Blocks, key: str, found: Found) -> None:
        self.key = key
        self.found = found
        self._store = store
        self._blocks = blocks
        self._next = 0
        self._ahead = 0

    def read(self, size: int, offset: int) -> bytes:
        """At most ``size`` bytes from ``offset``.

        Raises:
            OSError: the object is gone (``ENOENT``), changes all the time (``ESTALE``), or the store fails.
        """
        for _ in range(3):
            try:
                return self._read(size, offset)
            except OSError as error:
                if error.errno != errno.ESTALE:
                    raise
                # somebody wrote it anew; who goes on reading gets the new bytes, as on any network share
                self.refresh()
        raise OSError(errno.ESTALE, "the object changes while it is read", self.key)

    def refresh(self) -> None:
        """Look at the object again."""
        found = self._store.head(self.key)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "the object is gone", self.key)
        self.found = found

    def _read(self, size: int, offset: int) -> bytes:
        end = min(offset + size, self.found.size)
        if offset >= end:
            return b""
        first, last = offset // BLOCK, (end - 1) // BLOCK
        wanted = [self._blocks.block(self.key, self.found, number) for number in range(first, last + 1)]
        self._read_ahead(offset, end, last)
        pieces = []
        for number, future in enumerate(wanted, first):
            data, start = future.result(), number * BLOCK
            pieces.append(data[max(offset - start, 0) : end - start])
        return b"".join(pieces)

    def _read_ahead(self, offset: int, end: int, last: int) -> None:
        """The more is read in order, the further ahead; a jump begins anew."""
        # the kernel sends requests of one reader at the same time, so that they arrive a little out of order
        in_order = abs(offset - self._next) <= BLOCK
        self._ahead = min(max(1, self._ahead * 2), MOST_AHEAD) if in_order else 0
        self._next = end
        blocks = -(-self.found.size // BLOCK)
        for number in range(last + 1, min(last + 1 + self._ahead, blocks)):
            self._blocks.block(self.key, self.found, number)
