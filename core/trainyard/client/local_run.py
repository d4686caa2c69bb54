"""The processes of a training that runs here: one, or the replicas of a distributed one, which end together as in a job."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from trainyard.jobs.replicas import is_worker

_GRACE = 30.0
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Process:
    """One process of a session of its own, and where its output goes; ``name`` is its replica's, empty for one alone."""

    name: str
    log: Path
    running: subprocess.Popen[bytes]


class LocalTraining:
    """One run of a training on this machine; ``folder`` is its ``/workspace``, ``logs`` the output by replica."""

    def __init__(self, folder: Path, processes: Sequence[Process]) -> None:
        self.folder = folder
        self.log = processes[0].log
        self.logs = {one.name: one.log for one in processes}
        self._processes = processes
        self._first: Process | None = None
        self._stopping = False
        self._lock = threading.Lock()
        self._copying = _begun(self._copy, processes)
        self._watching = _begun(self._watch, processes if len(processes) > 1 else ())
        atexit.register(self.stop)

    @property
    def runs(self) -> Path:
        """Its training instances: event files and snapshots."""
        return self.folder / "run"

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it. Of replicas that of the one that died first, else 0."""
        codes = [one.running.poll() for one in self._processes]
        if None in codes:
            return None
        return self._first.running.poll() if self._first else codes[0]

    def wait(self) -> int:
        """Its exit code, once it has ended. Interrupting the cell stops the training."""
        try:
            for one in self._processes:
                one.running.wait()
        except KeyboardInterrupt:
            self.stop()
            raise
        for thread in (*self._watching, *self._copying):
            thread.join(timeout=5)
        code = self.exit_code
        assert code is not None
        return code

    def stop(self, grace: float = _GRACE) -> None:
        """Ask it to end, as the platform does: SIGTERM, and after ``grace`` seconds SIGKILL."""
        atexit.unregister(self.stop)
        with self._lock:
            self._stopping = True
        self._end(grace)

    def _end(self, grace: float) -> None:
        """Servers and the scheduler follow the last worker, who saves with their help."""
        end = time.monotonic() + grace
        for workers in (True, False):
            _end_all([one.running for one in self._processes if is_worker(one.name) is workers], end)

    def _watch(self, one: Process) -> None:
        """The first replica that dies ends the others; servers and the scheduler end when all workers are done."""
        code = one.running.wait()
        with self._lock:
            died = code != 0 and not self._stopping
            if died:
                self._first, self._stopping = one, True
            workers = [each.running.poll() for each in self._processes if is_worker(each.name)]
            done = not self._stopping and all(each == 0 for each in workers)
            self._stopping = self._stopping or done
        if died or done:
            self._end(_GRACE)

    def _copy(self, one: Process) -> None:
        """Its output goes to the log and is shown here; of several, line by line with the replica's name."""
        source: IO[bytes] | None = one.running.stdout
        assert source is not None
        with one.log.open("ab", buffering=0) as log:
            while block := source.readline() if one.name else os.read(source.fileno(), _BLOCK):
                log.write(block)
                before = f"{one.name} | " if one.name else ""
                print(before + block.decode("utf-8", "replace"), end="", flush=True)


def _end_all(processes: Sequence[subprocess.Popen[bytes]], end: float) -> None:
    """SIGTERM, and SIGKILL for what still lives at the moment ``end`` of the monotonic clock."""
    living = [process for process in processes if process.poll() is None]
    for process in living:
        _signal(process, signal.SIGTERM)
    for process in living:
        try:
            process.wait(max(0.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it has ended meanwhile
        os.killpg(process.pid, number)


def _begun(work: Callable[[Process], None], processes: Iterable[Process]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(one,), name="trainyard-local", daemon=True) for one in processes]
    for thread in threads:
        thread.start()
    return threads
