"""What every launcher must do: a test class, run over each implementation by its fixtures.

A subclass gives ``launcher`` (the launcher under test) and ``make`` (a specification from a shell command and changed fields).
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from trainyard.errors import Conflict, UserError
from trainyard.jobs.launch import OUTPUT, Launcher, LaunchSpec, LaunchState, Resources
from trainyard.jobs.states import Cause

Make = Callable[..., LaunchSpec]
PATIENCE = 120
LONG = 3_000_000


def wait_for(launcher: Launcher, key: str, *phases: str) -> LaunchState:
    """The state once it is one of ``phases``."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = launcher.state(key)
        if state is not None and state.phase in phases:
            return state
        time.sleep(0.02)
    raise AssertionError(f"{key} did not become {phases}: {launcher.state(key)}")


def run(launcher: Launcher, spec: LaunchSpec) -> LaunchState:
    """Start ``spec`` and wait for its end."""
    launcher.start(spec)
    return wait_for(launcher, spec.key, "ended")


def says(path: Path, words: str) -> None:
    """Wait until the output contains ``words``."""
    deadline = time.monotonic() + PATIENCE
    while words not in (path.read_text() if path.exists() else ""):
        assert time.monotonic() < deadline, f"{words!r} never came: {path.read_text() if path.exists() else 'no file'}"
        time.sleep(0.02)


def fetched(url: str) -> bytes:
    """The answer, once somebody gives one."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
                content: bytes = answer.read()
                return content
        except OSError:
            assert time.monotonic() < deadline, f"{url} never answered"
            time.sleep(0.1)


class LauncherContract:
    """Start, stop, truth, console, forgetting."""

    def test_a_small_launch_finds_a_machine_that_has_so_much(self, launcher: Launcher) -> None:
        assert launcher.nearest(Resources(cpu=0.1, memory=64 << 20)) is None

    def test_output_is_appended_and_exit_code_is_told(self, launcher: Launcher, make: Make) -> None:
        first = make("echo one")
        second = first.model_copy(update={"key": "again", "argv": ("bash", "-c", "echo two >&2; exit 7")})
        assert run(launcher, first).exit_code == 0
        ended = run(launcher, second)
        assert (ended.exit_code, ended.cause) == (7, Cause.EXITED)
        assert first.output is not None
        assert first.output.read_text() == "one\ntwo\n"

    def test_a_signal_is_told(self, launcher: Launcher, make: Make) -> None:
        ended = run(launcher, make("kill -SEGV $$"))
        assert (ended.signal, ended.exit_code, ended.cause) == (11, None, Cause.SIGNALLED)

    def test_starting_at_once_from_many_threads_starts_once(self, launcher: Launcher, make: Make) -> None:
        spec = make("echo started; sleep 1")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: launcher.start(spec), range(8)))
        wait_for(launcher, spec.key, "ended")
        assert launcher.start(spec).phase == "ended"
        assert spec.output is not None
        assert spec.output.read_text() == "started\n"

    def test_stop_is_graceful(self, launcher: Launcher, make: Make) -> None:
        spec = make("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.1; done")
        launcher.start(spec)
        assert spec.output is not None
        says(spec.output, "ready")
        launcher.stop(spec.key)
        ended = wait_for(launcher, spec.key, "ended")
        assert (ended.cause, ended.exit_code) == (Cause.STOPPED, 0)
        assert "saved" in spec.output.read_text()

    def test_asked_to_stop_again_and_again_the_program_hears_it_once(self, launcher: Launcher, make: Make) -> None:
        listens_on = "for n in $(seq 30); do sleep 0.1; done; exit 0"
        spec = make(f"trap 'echo asked; heard=1' TERM; echo ready; until [ $heard ]; do sleep 0.1; done; {listens_on}")
        launcher.start(spec)
        assert spec.output is not None
        says(spec.output, "ready")
        for _ in range(5):
            launcher.stop(spec.key)
            says(spec.output, "asked")
        assert wait_for(launcher, spec.key, "ended").cause is Cause.STOPPED
        assert spec.output.read_text().count("asked") == 1

    def test_who_ignores_the_request_to_stop_is_killed(self, launcher: Launcher, make: Make) -> None:
        spec = make("trap '' TERM; echo ready; while :; do sleep 0.1; done")
        launcher.start(spec)
        assert spec.output is not None
        says(spec.output, "ready")
        launcher.stop(spec.key, grace=0.3)
        ended = wait_for(launcher, spec.key, "ended")
        assert (ended.cause, ended.signal) == (Cause.STOPPED, 9)

    def test_stopping_what_is_not_known_is_fine(self, launcher: Launcher) -> None:
        launcher.stop("nobody")
        assert launcher.state("nobody") is None

    def test_what_another_process_is_to_start_is_no_launch_yet(self, launcher: Launcher, make: Make) -> None:
        spec = make("cat /workspace/mnt/group/g/words; exit 4")
        (spec.mounts[0].source / "words").write_text("from the share\n")
        for _ in range(2):
            launcher.expect(spec.key, spec.identity, spec.mounts)
        assert launcher.states() == []
        launcher.forget(spec.key)
        launcher.expect(spec.key, spec.identity, spec.mounts)
        assert run(launcher, spec).exit_code == 4

    def test_what_is_expected_with_a_mount_that_is_not_there_is_refused(self, launcher: Launcher, make: Make) -> None:
        spec = make("true")
        missing = spec.mounts[0].model_copy(update={"source": spec.mounts[0].source / "nowhere"})
        with pytest.raises(UserError) as refused:
            launcher.expect(spec.key, spec.identity, (missing,))
        assert refused.value.code == "mount-missing"

    def test_time_limit_ends_it(self, launcher: Launcher, make: Make) -> None:
        assert run(launcher, make("sleep 60", time_limit=0.5, grace=0.5)).cause is Cause.TIME_LIMIT

    def test_above_its_memory_it_is_killed_and_says_so(self, launcher: Launcher, make: Make) -> None:
        hungry = "python -c 'import time; x = bytearray(300 << 20); time.sleep(120)'"
        ended = run(launcher, make(hungry, resources=Resources(cpu=1, memory=128 << 20)))
        assert ended.cause is Cause.OUT_OF_MEMORY
        assert ended.memory_limit == 128 << 20

    def test_processes_left_in_the_background_end_with_the_program(self, launcher: Launcher, make: Make) -> None:
        assert run(launcher, make("sleep 600 & setsid sleep 600 & exit 0")).exit_code == 0

    def test_a_missing_image_is_refused(self, launcher: Launcher, make: Make) -> None:
        with pytest.raises(UserError) as refused:
            launcher.start(make("true", image="nowhere:1"))
        assert refused.value.code == "image-missing"

    def test_a_program_that_cannot_be_found_inside_is_told(self, launcher: Launcher, make: Make) -> None:
        ended = run(launcher, make("true", argv=("no-such-program",)))
        assert ended.cause is Cause.LAUNCH_FAILED
        assert "no-such-program" in ended.message

    def test_what_runs_cannot_be_forgotten_and_what_ended_can(self, launcher: Launcher, make: Make) -> None:
        spec = make("sleep 60")
        launcher.start(spec)
        with pytest.raises(Conflict):
            launcher.forget(spec.key)
        launcher.stop(spec.key, grace=0)
        wait_for(launcher, spec.key, "ended")
        assert [state.key for state in launcher.states()] == [spec.key]
        launcher.forget(spec.key)
        assert launcher.states() == []

    async def test_changes_tell_of_start_and_end(self, launcher: Launcher, make: Make) -> None:
        spec = make("true")
        changes = launcher.changes()
        launcher.start(spec)
        async with asyncio.timeout(PATIENCE):
            async for key in changes:
                state = launcher.state(key)
                if state is not None and state.phase == "ended":
                    break
        await changes.aclose()  # type: ignore[attr-defined]

    async def test_console_runs_beside_the_program_with_its_environment(self, launcher: Launcher, make: Make) -> None:
        spec = make("sleep 60", environment={"SECRET_OF_JOB": "42"})
        launcher.start(spec)
        wait_for(launcher, spec.key, "running")
        console = await launcher.console(spec.key, ("bash", "--norc"), 100, 30)
        await console.resize(120, 40)
        await console.write(b"stty size; echo $SECRET_OF_JOB-$((6*7)); exit\n")
        heard = b""
        async with asyncio.timeout(PATIENCE):
            while data := await console.read():
                heard += data
        await console.close()
        launcher.stop(spec.key, grace=0)
        assert b"40 120" in heard
        assert b"42-42" in heard

    def test_what_listens_is_reached_at_the_address_that_is_told(self, launcher: Launcher, make: Make) -> None:
        port = 20000 + os.getpid() % 10000
        serve = f"head -c {LONG} /dev/urandom > /tmp/x; cd /tmp; exec python -m http.server --bind 127.0.0.1 {port}"
        spec = make(serve, listen_port=port)
        launcher.start(spec)
        address = wait_for(launcher, spec.key, "running").address
        first, second = (fetched(f"http://{address}/x") for _ in range(2))
        assert len(first) == LONG
        assert first == second
        launcher.stop(spec.key, grace=0)
        wait_for(launcher, spec.key, "ended")

    def test_what_a_job_used_and_when_it_wrote_stays_when_it_is_forgotten(self, launcher: Launcher, make: Make) -> None:
        spec = make("echo one; sleep 1", key="job-0123456789abcdef-1")
        kept: Path = cast("Any", launcher).home.kept(spec.key)
        run(launcher, spec)
        launcher.forget(spec.key)
        assert sorted(path.name for path in kept.iterdir()) == ["output.times", "usage.jsonl"]
        assert len(json.loads((kept / "usage.jsonl").read_text().splitlines()[0])) == 10

    def test_a_job_s_log_that_goes_nowhere_else_is_read_in_one_place_before_and_after_it_is_forgotten(
        self, launcher: Launcher, make: Make
    ) -> None:
        spec = make("echo one", key="job-0123456789abcdef-2", output=None)
        log = cast("Any", launcher).home.kept(spec.key) / OUTPUT
        run(launcher, spec)
        assert log.read_text() == "one\n"
        launcher.forget(spec.key)
        assert log.read_text() == "one\n"

    async def test_console_of_what_does_not_run_is_refused(self, launcher: Launcher) -> None:
        with pytest.raises(Conflict):
            await launcher.console("nobody", ("bash",), 80, 24)

    def test_who_forks_ignores_requests_and_closes_its_output_is_ended_whole(self, launcher: Launcher, make: Make) -> None:
        stubborn = "trap '' TERM; exec >&- 2>&-; for n in 1 2 3; do setsid sleep 600 & done; touch /workspace/mnt/group/g/up; "
        spec = make(stubborn + "while :; do sleep 0.1; done")
        launcher.start(spec)
        mark = spec.mounts[0].source / "up"
        deadline = time.monotonic() + PATIENCE
        while not mark.exists():
            assert time.monotonic() < deadline, "it never came up"
            time.sleep(0.02)
        launcher.stop(spec.key, grace=0.2)
        launcher.stop(spec.key, grace=0.2)
        assert wait_for(launcher, spec.key, "ended").cause is Cause.STOPPED
        assert launcher.cpu_seconds(spec.key) is None

    def test_who_fills_its_shared_memory_hurts_itself_only(self, launcher: Launcher, make: Make) -> None:
        spec = make("head -c 1G /dev/zero > /dev/shm/x; echo still; exit 3", resources=Resources(cpu=1, memory=64 << 20))
        ended = run(launcher, spec)
        assert ended.cause in (Cause.EXITED, Cause.OUT_OF_MEMORY)
        assert ended.exit_code in (3, None)

    def test_how_long_it_runs_is_told_by_a_clock_that_nobody_sets(self, launcher: Launcher, make: Make) -> None:
        spec = make("sleep 60")
        launcher.start(spec)
        first = wait_for(launcher, spec.key, "running").running_for
        second = wait_for(launcher, spec.key, "running").running_for
        assert first is not None
        assert second is not None
        assert 0 <= first <= second
        launcher.stop(spec.key, grace=0)
        assert wait_for(launcher, spec.key, "ended").running_for is None
