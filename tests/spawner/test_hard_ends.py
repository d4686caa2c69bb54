"""What is done to a launch and its supervisor by force: kills at every moment, a clock that is set, a flood of output."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec
from trainyard.jobs.states import Cause
from trainyard_spawner import sandbox_launcher
from trainyard_spawner.log_file import MARK
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from tests.contracts.launcher import says, wait_for

from .test_stop_while_starting import MOMENTS, SLOW, until_there

Make = Callable[..., LaunchSpec]
DAY = 86_400
# the supervisor as it is, on a machine whose clock is set by the seconds in a file
SET_CLOCK = """
import sys, time, pathlib
sys.path.insert(0, sys.argv.pop(1))
real, by = time.time, pathlib.Path({file!r})
time.time = lambda: real() + (float(by.read_text()) if by.exists() else 0)
from trainyard_spawner import supervisor
supervisor.main(sys.argv[1])
"""
FLOOD = """
import os
block = b"a line of a hundred letters or so, again and again, as fast as it goes\\n" * 14000
left = 1 << 30
while left > 0:
    left -= os.write(1, block)
"""


def supervisor_of(launcher: SandboxLauncher) -> int:
    """Its process: written down by itself before it does anything else."""
    return int((launcher.home.launches / "launch" / "supervisor.pid").read_text())


def processes_of(home: Home) -> list[int]:
    """Everything of this home's launches that still runs, by its command line or by what it has open."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(home.launches).encode() in path.read_bytes() or b"still-here" in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_supervisor_killed_while_it_starts_leaves_nothing_running_and_the_truth(
    launcher: SandboxLauncher, make: Make, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    method, before = MOMENTS[moment]
    monkeypatch.setattr(sandbox_launcher, "ENTRY", SLOW.format(method=method, before=before))
    launcher.start(make("exec -a still-here sleep 600"))
    folder = launcher.home.launches / "launch"
    until_there(folder / "paused")
    os.kill(supervisor_of(launcher), signal.SIGKILL)
    ended = wait_for(launcher, "launch", "ended")
    assert ended.cause in (Cause.SUPERVISOR_LOST, Cause.LAUNCH_FAILED)
    until(lambda: not processes_of(launcher.home), lambda: processes_of(launcher.home))
    launcher.forget("launch")
    assert launcher.states() == []


def test_a_start_killed_before_it_had_a_supervisor_is_unknown_and_begins_anew(launcher: SandboxLauncher, make: Make) -> None:
    spec = make("exit 3")
    if (service := os.fork()) == 0:
        launcher._spawn = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
        launcher.start(spec)
    assert os.waitpid(service, 0)[1] == signal.SIGKILL
    assert (launcher.home.launches / "launch/plan.json").exists()
    assert (launcher.state("launch"), launcher.states()) == (None, [])
    launcher.start(spec)
    assert wait_for(launcher, "launch", "ended").exit_code == 3


def test_a_supervisor_killed_while_its_program_saves_takes_it_along(launcher: SandboxLauncher, make: Make) -> None:
    spec = make("trap '' TERM; echo ready; while :; do sleep 0.1; done; exec -a still-here true", grace=600)
    launcher.start(spec)
    assert spec.output is not None
    says(spec.output, "ready")
    launcher.stop("launch")
    os.kill(supervisor_of(launcher), signal.SIGKILL)
    assert wait_for(launcher, "launch", "ended").cause is Cause.SUPERVISOR_LOST
    until(lambda: not processes_of(launcher.home), lambda: processes_of(launcher.home))


def test_a_program_killed_while_it_saves_was_stopped_all_the_same(launcher: SandboxLauncher, make: Make) -> None:
    spec = make("trap 'kill -9 $$' TERM; echo ready; while :; do sleep 0.1; done", grace=600)
    launcher.start(spec)
    assert spec.output is not None
    says(spec.output, "ready")
    launcher.stop("launch")
    ended = wait_for(launcher, "launch", "ended")
    assert (ended.cause, ended.signal) == (Cause.STOPPED, 9)


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
def test_a_clock_that_is_set_ends_nothing_early_and_nothing_late(
    launcher: SandboxLauncher, make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, jump: int
) -> None:
    clock = tmp_path / "clock"
    monkeypatch.setattr(sandbox_launcher, "ENTRY", SET_CLOCK.format(file=str(clock)))
    spec = make("echo ready; sleep 600", time_limit=6.0)
    launcher.start(spec)
    assert spec.output is not None
    says(spec.output, "ready")
    clock.write_text(str(jump))
    assert wait_for(launcher, "launch", "ended").cause is Cause.TIME_LIMIT
    told = json.loads((launcher.home.launches / "launch" / "status.json").read_text())
    assert time.monotonic() - told["began"] >= 6, "its six seconds were its own"
    assert abs(told["ended_at"] - time.time() - jump) < DAY / 2, "the clock was set indeed"


def test_a_flood_of_output_stays_below_its_limit_and_in_little_memory(
    launcher: SandboxLauncher, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gigabyte from one program that writes faster than 100 MB/s wherever a disk does."""
    monkeypatch.setenv("TRAINYARD_LOG_BYTES", str(8 << 20))
    spec = make(f"/usr/bin/python3 -c {shlex.quote(FLOOD)}; echo; echo the end")
    launcher.start(spec)
    output, peak = spec.output, 0
    assert output is not None
    while (state := launcher.state("launch")) is not None and state.phase != "ended":
        with_pid = Path(f"/proc/{supervisor_of(launcher)}/status")
        if with_pid.exists() and (found := re.search(r"VmHWM:\s+(\d+) kB", with_pid.read_text())):
            peak = max(peak, int(found[1]) << 10)
        assert not output.exists() or output.stat().st_size <= 9 << 20
        time.sleep(0.05)
    assert (state.exit_code if state else None) == 0
    text = output.read_bytes()
    assert text.endswith(b"the end\n")
    assert len(text) <= 8 << 20
    [left_out] = MARK.findall(text)
    assert int(left_out) + len(text) >= 1 << 30
    assert 0 < peak < 64 << 20


def test_a_flood_is_stopped_like_anything_else(launcher: SandboxLauncher, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINYARD_LOG_BYTES", str(1 << 20))
    spec = make("trap '' TERM; yes", grace=0.5)
    launcher.start(spec)
    assert spec.output is not None
    says(spec.output, "y\ny\n")
    launcher.stop("launch")
    assert wait_for(launcher, "launch", "ended").cause is Cause.STOPPED


def until(reached: Callable[[], object], instead: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < deadline, instead()
        time.sleep(0.02)
