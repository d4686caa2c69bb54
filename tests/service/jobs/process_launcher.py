"""A small real launcher for tests: plain subprocesses in sessions of their own, without a sandbox.

It outlives the engine that uses it, so that a test can throw the engine away and make a new one, as after a kill -9.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

from trainyard.home import Home
from trainyard.jobs.launch import OUTPUT, Console, Finding, Identity, LaunchSpec, LaunchState, Mount, Resources
from trainyard.jobs.states import Cause


class ProcessLauncher:
    """Implements ``trainyard.jobs.launch.Launcher`` but for the console."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[str] = []
        self.specs: dict[str, LaunchSpec] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._states: dict[str, LaunchState] = {}
        self._stopping: set[str] = set()
        self._lock = threading.Lock()

    def devices(self) -> tuple[str, ...]:
        return ()

    def device_types(self) -> dict[str, str]:
        return {}

    def nearest(self, asked: Resources) -> None:
        """There is one machine."""

    def findings(self, language: str) -> tuple[Finding, ...]:
        return ()

    def expect(self, key: str, identity: Identity, mounts: Sequence[Mount]) -> None:
        """Nothing: folders are made when a program starts."""

    def start(self, spec: LaunchSpec) -> LaunchState:
        with self._lock:
            if spec.key in self._states:
                return self._states[spec.key]
            self.started.append(spec.key)
            self.specs[spec.key] = spec
            output = spec.output or Home(self.folder.parent).kept(spec.key) / OUTPUT
            output.parent.mkdir(parents=True, exist_ok=True)
            with output.open("ab") as file:
                process = subprocess.Popen(
                    spec.argv, stdout=file, stderr=file, env=dict(spec.environment), start_new_session=True
                )
            self._processes[spec.key] = process
            self._states[spec.key] = LaunchState(key=spec.key, phase="running", started_at=time.time())
        threading.Thread(target=self._wait, args=(spec.key, process), daemon=True).start()
        return self._states[spec.key]

    def _wait(self, key: str, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        with self._lock:
            if key not in self._states:
                return
            stopped = key in self._stopping
            cause = Cause.STOPPED if stopped else Cause.SIGNALLED if code < 0 else Cause.EXITED
            update = {"phase": "ended", "ended_at": time.time(), "cause": cause}
            update |= {"signal": -code} if code < 0 else {"exit_code": code}
            if self._states[key].phase != "ended":
                self._states[key] = self._states[key].model_copy(update=update)

    def lose_supervisor(self, key: str, cause: Cause = Cause.SUPERVISOR_LOST) -> None:
        """What a kill -9 of a supervisor leaves: the job is gone and nobody knows how it ended."""
        with self._lock:
            self._states[key] = self._states[key].model_copy(update={"phase": "ended", "cause": cause})
        with suppress(ProcessLookupError):  # its program may have ended by itself this moment
            os.killpg(self._processes[key].pid, signal.SIGKILL)

    def stop(self, key: str, *, grace: float | None = None) -> None:
        process = self._processes.get(key)
        if process is not None and process.poll() is None:
            self._stopping.add(key)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)

    def state(self, key: str) -> LaunchState | None:
        return self._states.get(key)

    def states(self) -> list[LaunchState]:
        return list(self._states.values())

    def cpu_seconds(self, key: str) -> float | None:
        return None

    async def changes(self) -> AsyncIterator[str]:
        seen: dict[str, str] = {}
        while True:
            for state in self.states():
                if seen.get(state.key) != state.phase:
                    seen[state.key] = state.phase
                    yield state.key
            await asyncio.sleep(0.02)

    async def console(self, key: str, argv: tuple[str, ...], columns: int, rows: int) -> Console:
        raise NotImplementedError

    def forget(self, key: str) -> None:
        with self._lock:
            self._states.pop(key, None)

    def end_all(self) -> None:
        """At the end of a test: nothing stays behind."""
        for process in self._processes.values():
            if process.poll() is None:  # another's process may bear the number of one that has ended
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()
