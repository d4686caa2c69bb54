"""A request to stop is heard in every moment of a start, however long that moment lasts."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from trainyard.jobs.launch import LaunchSpec
from trainyard.jobs.states import Cause
from trainyard_spawner import sandbox_launcher
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from tests.contracts.launcher import wait_for

Make = Callable[..., LaunchSpec]
STUBBORN = "trap '' TERM; while :; do sleep 0.1; done"
# the supervisor as it is, but that it waits for a file before (or after) one of its methods
SLOW = """
import sys, time, pathlib
sys.path.insert(0, sys.argv.pop(1))
from trainyard_spawner import supervisor
class Slow(supervisor.Supervisor):
    def {method}(self, *arguments, **named):
        held = not hasattr(self, "_held")
        self._held = True
        if held and {before}: pause(self)
        result = super().{method}(*arguments, **named)
        if held and not {before}: pause(self)
        return result
def pause(self):
    (self._folder / "paused").touch()
    while not (self._folder / "go").exists(): time.sleep(0.01)
supervisor.Supervisor = Slow
supervisor.main(sys.argv[1])
"""
MOMENTS = {
    "before anything is spawned": ("_spawn", True),
    "before the first status": ("_spawn", False),
    "after the first status": ("_write_status", False),
    "before it watches": ("_watch", True),
    "when the program has begun": ("_hear_started", True),
    "before it says that the program runs": ("_hear_started", False),
}


def until_there(path: Path) -> None:
    deadline = time.monotonic() + 240
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} never came"
        time.sleep(0.005)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_stop_in_that_moment_is_not_lost(
    launcher: SandboxLauncher, make: Make, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    method, before = MOMENTS[moment]
    monkeypatch.setattr(sandbox_launcher, "ENTRY", SLOW.format(method=method, before=before))
    launcher.start(make(STUBBORN, grace=600))
    folder = launcher.home.launches / "launch"
    until_there(folder / "paused")
    launcher.stop("launch", grace=0)
    (folder / "go").touch()
    assert wait_for(launcher, "launch", "ended").cause is Cause.STOPPED


def test_many_who_stop_at_once_all_succeed(launcher: SandboxLauncher, make: Make) -> None:
    launcher.start(make(STUBBORN, grace=600))
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: launcher.stop("launch", grace=0), range(200)))
    assert wait_for(launcher, "launch", "ended").cause is Cause.STOPPED


def test_who_asks_later_with_more_patience_takes_nothing_back(
    launcher: SandboxLauncher, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_launcher, "ENTRY", SLOW.format(method="_spawn", before=True))
    launcher.start(make(STUBBORN, grace=600))
    folder = launcher.home.launches / "launch"
    until_there(folder / "paused")
    launcher.stop("launch", grace=0)
    launcher.stop("launch", grace=600)
    launcher.stop("launch")
    (folder / "go").touch()
    assert wait_for(launcher, "launch", "ended").cause is Cause.STOPPED
