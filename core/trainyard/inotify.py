"""Tells which files of one flat folder changed, from inotify events: no polling, and a killed writer is seen at once.

``watchfiles`` reports no closed files, which is the one event the kernel makes for a process that was killed, and it wakes
up every few milliseconds to look into its own list; hence ``inotify(7)`` here.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

CLOSE_WRITE = 0x8
MOVED_TO = 0x80
DELETE = 0x200
EVENT = struct.Struct("iIII")


def names_as_they_change(folder: Path) -> AsyncIterator[str]:
    """Names of files in ``folder`` as they are closed after writing, or deleted; watched from this call on."""
    return _stream(_watch(folder))


async def _stream(descriptor: int) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        with suppress(BlockingIOError):
            for name in _names(os.read(descriptor, 65536)):
                queue.put_nowait(name)

    loop.add_reader(descriptor, read)
    try:
        while True:
            yield await queue.get()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _watch(folder: Path) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    if descriptor < 0 or libc.inotify_add_watch(descriptor, bytes(folder), CLOSE_WRITE | MOVED_TO | DELETE) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(folder))
    return descriptor


def _names(data: bytes) -> list[str]:
    names, offset = [], 0
    while offset < len(data):
        length = EVENT.unpack_from(data, offset)[3]
        start = offset + EVENT.size
        names.append(os.fsdecode(data[start : start + length].rstrip(b"\0")))
        offset = start + length
    return [name for name in names if name]
