"""Writing event files from a training loop for the price of a list append.

``add_scalar`` only remembers; a thread encodes and writes at least once a second. What a killed process loses is at most
that second, and a torn last record is forgiven by every reader.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from trainyard.metrics import events
from trainyard.tfrecord import frame

INTERVAL = 0.5
"""Seconds between two writes; half of what is promised, so that a late wake-up keeps the promise."""
MOST_WAITING = 200_000
"""Events kept while the disk does not take them; beyond that the oldest are dropped, the training goes on."""

_serial = iter(range(1 << 62))


class EventWriter:
    """One event file in ``folder``, made when the first event is written.

    ``restart_at``: the run continues at this step; whatever earlier files hold from there on is superseded.
    Safe to call from any thread. In a forked child it does nothing, so that data-loading workers repeat no point.
    """

    def __init__(self, folder: Path, *, restart_at: int | None = None, interval: float = INTERVAL) -> None:
        self.folder = folder
        self.path = folder / f"events.out.tfevents.{time.time():017.6f}.{_host()}.{os.getpid()}.{next(_serial)}"
        self.dropped = 0
        self._restart_at = restart_at
        self._interval = interval
        self._waiting: deque[tuple[Callable[..., bytes], tuple[Any, ...]]] = deque()
        self._writing = threading.Lock()
        self._due = threading.Event()
        self._closing = threading.Event()
        self._owner = os.getpid()
        self._begun = False
        self._thread = threading.Thread(target=self._run, name="trainyard-events", daemon=True)
        self._thread.start()

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def add_scalar(self, tag: str, value: float, step: int, wall_time: float | None = None) -> None:
        """Remember one point; ``wall_time`` is UTC seconds, now by default. Never blocks, never raises for the disk."""
        self._add(events.scalar_event, (wall_time or time.time(), step, tag, float(value)))

    def add_text(self, tag: str, text: str, step: int = 0) -> None:
        """Remember one text, Markdown for TensorBoard's text tab."""
        self._add(events.text_event, (time.time(), step, tag, text))

    def flush(self) -> bool:
        """Write what is remembered now; False if the disk refused it (it is kept and tried again)."""
        if os.getpid() != self._owner:
            return False
        with self._writing:
            return self._write()

    def close(self) -> None:
        """Write the rest and end; calling it twice is fine."""
        if os.getpid() != self._owner:
            return
        self._closing.set()
        self._due.set()
        self._thread.join(timeout=10)
        self.flush()

    def _add(self, encode: Callable[..., bytes], values: tuple[Any, ...]) -> None:
        if os.getpid() != self._owner:
            return
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append((encode, values))
        if not self._due.is_set():
            self._due.set()

    def _run(self) -> None:
        """Sleep until something is remembered, then wait a little for company and write it all at once."""
        while not self._closing.is_set():
            self._due.wait()
            self._closing.wait(self._interval)
            self._due.clear()
            if not self.flush():
                self._due.set()

    def _write(self) -> bool:
        batch = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not batch:
            return True
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._append(b"".join([*self._beginning(), *(frame(encode(*values)) for encode, values in batch)]))
        except OSError:
            self._waiting.extendleft(reversed(batch))
            return False
        self._begun = True
        return True

    def _append(self, data: bytes) -> None:
        """Add ``data`` whole or not at all: a half written batch (a full disk) is cut off again."""
        with self.path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                left = memoryview(data)
                while left:
                    left = left[file.write(left) or 0 :]
            except OSError:
                file.truncate(size)
                raise

    def _beginning(self) -> list[bytes]:
        if self._begun:
            return []
        now = time.time()
        restart = [] if self._restart_at is None else [frame(events.restart_event(now, self._restart_at))]
        return [frame(events.version_event(now)), *restart]


def _host() -> str:
    """The host's name without what would end a file name."""
    return socket.gethostname().replace("/", "-")[:64] or "host"
