"""What a launch writes, from its pipe into a file that never grows beyond a limit, with the time of every piece beside it.

Standard library only. A file over ``limit`` bytes loses its middle: the first quarter and the last three eighths stay, and a
line between them tells how many bytes are gone. Only the launch's supervisor writes, so nothing is lost besides; killed in
between, the file holds some lines twice and the next launch does it again. A full disk costs output, not the launch.

Times are records of ``TIMES`` in a file of their own: the offset in the log and milliseconds since 1970, at most one for
``STEP`` bytes or seconds and ``MOST_TIMES`` of them.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trainyard_spawner import files

LIMIT = 1 << 30
LEAST_LIMIT = 1 << 16
TIMES = struct.Struct("<QQ")
FILE = "output.times"
MARK = re.compile(rb"=== (\d+) bytes of the middle are left out[^\n]*===\n")
MOST_TIMES = 1 << 18
_PIPE = 1 << 20
_BLOCK = 1 << 20
_LINE = 1 << 16
_APART, _LEAST_APART = 0.05, 1e-5


def mark(dropped: int, limit: int) -> bytes:
    """The line in place of what was left out."""
    return b"=== %d bytes of the middle are left out here: the log was longer than %d bytes ===\n" % (dropped, limit)


class LogFile:
    """The log itself, open for appending as ``descriptor`` (which is closed with it); ``path`` names it for reading."""

    def __init__(self, descriptor: int, limit: int = LIMIT) -> None:
        self._file = descriptor
        self.limit = max(limit, LEAST_LIMIT)
        self.lost = 0

    @property
    def size(self) -> int:
        """Its bytes now."""
        return os.fstat(self._file).st_size

    def append(self, data: bytes) -> None:
        """Add ``data``; what a full disk does not take is counted and told as soon as it takes something again."""
        if self.lost:
            told = b"\n=== %d bytes of output were lost here: the disk was full ===\n" % self.lost
            if self._write(told) == len(told):
                self.lost = 0
        written = 0 if self.lost else self._write(data)
        self.lost += len(data) - written
        if self.size > self.limit:
            with suppress(OSError):
                self.drop_middle()

    def drop_middle(self) -> None:
        """Leave out what is too much, once.

        Raises:
            OSError: the file cannot be read or rewritten.
        """
        with _reopened(self._file) as other:
            head, dropped_before = self._head(other)
            size = os.fstat(other).st_size
            tail = _line_start(other, max(head, size - self.limit * 3 // 8))
            line = mark(dropped_before + tail - head, self.limit)
            if head + len(line) >= tail:
                return
            end = head + os.pwrite(other, line, head)
            while block := os.pread(other, _BLOCK, tail):
                end += os.pwrite(other, block, end)
                tail += len(block)
            os.ftruncate(other, end)

    def close(self) -> None:
        """Nothing is appended any more."""
        os.close(self._file)

    def _head(self, other: int) -> tuple[int, int]:
        """Where the head that stays ends, at a line's end, and what was left out there before."""
        quarter = self.limit // 4
        around = os.pread(other, 2 * _LINE, max(0, quarter - _LINE))
        start = max(0, quarter - _LINE)
        found = MARK.search(around)
        if found:
            return start + found.start(), int(found[1]) - len(found[0])
        line_end = around.rfind(b"\n", 0, quarter - start)
        return (quarter if line_end < 0 else start + line_end + 1), 0

    def _write(self, data: bytes) -> int:
        written = 0
        with suppress(OSError):
            while written < len(data):
                written += os.write(self._file, data[written:])
        return written


class LogPump:
    """Carries a launch's output from a pipe into its log, in a thread, until the last writer is gone.

    ``times`` names the file of time stamps, or is None.
    """

    def __init__(self, log: LogFile, times: Path | None, uid: int, gid: int) -> None:
        self._log = log
        self._stamps = Stamps(times)
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC)
        with suppress(OSError):
            fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, _PIPE)
        if os.geteuid() == 0:
            # or a script of the person's could not open /dev/stdout
            os.fchown(self.writer, uid, gid)
        self._enough = fcntl.fcntl(self.writer, fcntl.F_GETPIPE_SZ) // 4
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        """Begin, once the launch has its end of the pipe: ours is closed, so that the pipe ends with the launch."""
        os.close(self.writer)
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Wait until everything is written; at most so long, if somebody else holds the pipe."""
        self._thread.join(seconds)

    def _run(self) -> None:
        pause = _APART
        try:
            while data := os.read(self._reader, _PIPE):
                self._stamps.add(self._log.size)
                before = self._log.size
                self._log.append(data)
                if self._log.size < before:
                    self._stamps.moved(before + len(data) - self._log.size, self._log.limit // 4)
                pause = pause_after(pause, len(data), self._enough)
                time.sleep(pause)
        finally:
            self._stamps.close()
            self._log.close()
            os.close(self._reader)


def pause_after(pause: float, taken: int, enough: int) -> float:
    """Seconds until the pipe is looked into again, when ``taken`` bytes had come in the ``pause`` before.

    A script that prints letter by letter costs as little as one that prints pages; of one that floods ``enough`` comes each
    time, a part of the pipe that is never full, so that it does not wait for us.
    """
    return min(_APART, max(_LEAST_APART, pause * enough / taken))


class Stamps:
    """Times of offsets, kept in a file; what the disk does not take is left out."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None
        self._count = 0
        self._last = (-1, 0.0)
        self._every = 1 << 12
        if path is None:
            return
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = files.open_regular(path, os.O_RDWR | os.O_APPEND)
            self._count = os.fstat(self._file).st_size // TIMES.size

    def add(self, offset: int) -> None:
        """What is written from ``offset`` on is written now."""
        now = time.time()
        soon = now - self._last[1] < 1 and offset - self._last[0] < self._every
        if self._file is None or soon or offset == self._last[0]:
            return
        self._last = (offset, now)
        with suppress(OSError):
            os.write(self._file, TIMES.pack(offset, int(now * 1000)))
            self._count += 1
            if self._count >= MOST_TIMES:
                self._rewrite(self._all()[::2])
                self._every *= 2

    def moved(self, by: int, head: int) -> None:
        """Everything behind ``head`` moved towards the beginning by so many bytes, or is gone."""
        if self._file is not None:
            with suppress(OSError):
                self._rewrite(
                    [(at - by if at > head else at, when) for at, when in self._all() if at <= head or at - by > head]
                )

    def close(self) -> None:
        """Nothing is added any more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _all(self) -> list[tuple[int, int]]:
        assert self._file is not None
        whole = os.pread(self._file, os.fstat(self._file).st_size, 0)
        return list(TIMES.iter_unpack(whole[: len(whole) // TIMES.size * TIMES.size]))

    def _rewrite(self, pairs: list[tuple[int, int]]) -> None:
        assert self._file is not None
        os.ftruncate(self._file, 0)
        os.write(self._file, b"".join(TIMES.pack(*pair) for pair in pairs))
        self._count = len(pairs)


@contextmanager
def _reopened(descriptor: int) -> Iterator[int]:
    """A second descriptor of an open file, for reading and for writing anywhere: one opened for appending only appends."""
    other = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
    try:
        yield other
    finally:
        os.close(other)


def _line_start(descriptor: int, offset: int) -> int:
    """The first line's begin at or after ``offset``, if one is near."""
    found = os.pread(descriptor, _LINE, offset).find(b"\n")
    return offset if found < 0 else offset + found + 1
