"""Workers that train together end after the same batch: who leaves a step that the others take keeps them waiting in it.

They agree beside the training, in files of the run folder that all of them see. A thread of each reads there twice a
second, so that a batch costs nothing, and a worker that waits for the others in its step is heard all the same:

1. Whoever is asked to stop says so. The first worker, which leads, calls for a count.
2. Each tells how many batches it has finished, and waits after the one it is in.
3. The leader names the batch after the highest count; everybody goes on to there, saves and ends.

The leader makes all files, and the others answer to its very start; a file is rewritten in place and opened anew for each look,
since that is what network file systems keep in order. Who hears nothing for ``PATIENCE`` seconds ends where it is.
"""

from __future__ import annotations

import json
import math
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE = 10.0
FARTHEST = 100
"""Workers with so many batches between them do not step together; each ends where it is."""
_LOOK, _WAIT = 0.5, 0.02
_Said = dict[str, Any]


class Agreement:
    """After which batch the worker ``rank`` of ``workers`` ends. ``asked`` tells whether this one was asked to stop."""

    def __init__(self, folder: Path, rank: int, workers: int, asked: Callable[[], bool]) -> None:
        self.count = 0
        self._folder, self._rank, self._workers, self._asked = folder, rank, workers, asked
        self._start = ""
        self._counting = False
        self._end: int | None = None
        self._settled, self._closed = threading.Event(), threading.Event()
        self._look = max(_LOOK, workers / 100)
        if rank == 0:
            with suppress(OSError):
                self._open()
        threading.Thread(target=self._run, name="together", daemon=True).start()

    @property
    def reached(self) -> bool:
        """Whether the batch after which all end is done."""
        return self._end is not None and self.count >= self._end

    def batch_done(self) -> None:
        """Call after each batch; waits while the workers are counted."""
        self.count += 1
        # the thread sets the flag before it reads the count: either it has seen this batch, or the flag is seen here
        while self._counting and not self._settled.wait(_WAIT):
            pass

    def close(self) -> None:
        """This worker has ended; what the first one made is removed."""
        self._closed.set()
        if self._rank == 0:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self) -> None:
        self._start = secrets.token_hex(8)
        self._folder.mkdir(parents=True, exist_ok=True)
        for rank in range(self._workers):
            (self._folder / str(rank)).write_bytes(b"")
        self._say({})

    def _run(self) -> None:
        try:
            self._end = self._lead() if self._rank == 0 else self._follow()
        finally:
            self._settled.set()

    def _lead(self) -> int | None:
        while not self._asked() and not any(said.get("asked") for said in self._answers().values()):
            if self._closed.wait(self._look):
                return None
        self._counting = True
        counts = {0: self.count}
        self._say({"counting": True})
        limit = time.monotonic() + PATIENCE
        while len(counts) < self._workers and time.monotonic() < limit and not self._closed.wait(_WAIT):
            counts |= {rank: said["count"] for rank, said in self._answers().items() if "count" in said}
        end = _next_batch(counts.values()) if len(counts) == self._workers else 0
        self._say({"end": end})
        return end

    def _follow(self) -> int | None:
        own: _Said = {}
        limit = math.inf
        while time.monotonic() < limit:
            if self._closed.wait(_WAIT if self._counting else self._look):
                return None
            leader = self._read(0)
            if leader is None and self._counting:
                break  # it has ended already
            if leader and leader["start"] != self._start:
                self._start, self._counting, own, limit = leader["start"], False, {}, math.inf
            if leader and self._counting and "end" in leader:
                return int(leader["end"])
            answer: _Said = {"asked": True} if self._asked() else {}
            if leader and "counting" in leader:
                self._counting = True
                answer["count"] = own.get("count", self.count)
            if answer and limit == math.inf:
                limit = time.monotonic() + (2 * PATIENCE if self._counting else PATIENCE)
            if answer != own and self._say(answer):
                own = answer
        return 0

    def _answers(self) -> dict[int, _Said]:
        """What the others answered to this very start."""
        told = {rank: self._read(rank) for rank in range(1, self._workers)}
        return {rank: said for rank, said in told.items() if said and said["start"] == self._start}

    def _read(self, rank: int) -> _Said | None:
        """What that worker says: nothing while its file is empty or half written, None where there is none."""
        try:
            said = json.loads((self._folder / str(rank)).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) and isinstance(said.get("start"), str) else {}

    def _say(self, said: Mapping[str, Any]) -> bool:
        """Tell it the others; only the first worker makes files."""
        try:
            with (self._folder / str(self._rank)).open("r+b") as file:
                file.truncate()
                file.write(json.dumps({"start": self._start, **said}).encode())
        except OSError:
            return False
        return True


def _next_batch(counts: Collection[int]) -> int:
    """The batch after which all end, by how many each has finished; 0 is now."""
    return max(counts) + 1 if max(counts) - min(counts) < FARTHEST else 0
