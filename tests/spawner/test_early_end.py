"""A workspace that ended before it was ready says why and what it said last."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from trainyard.home import Home
from trainyard.jobs.launch import LaunchSpec, LaunchState
from trainyard.jobs.states import Cause
from trainyard_spawner.early_end import ended_early
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from tests.contracts.launcher import wait_for


def test_the_cause_and_the_last_lines_are_told(launcher: SandboxLauncher, make: Callable[..., LaunchSpec]) -> None:
    launcher.start(make("seq 1 20; echo no {braces} here; exit 3", output=None))
    error = ended_early(launcher.home, "launch", wait_for(launcher, "launch", "ended"))
    assert error.text("en").startswith("The workspace ended before it was ready. The program ended with exit code 3.\n14\n")
    assert error.text("zh").startswith("工作台在就绪之前已结束。程序以退出码 3 结束。")
    assert error.text("en").endswith("\n20\nno {braces} here")


@pytest.mark.parametrize("cause", [None, *Cause])
def test_every_cause_has_words(home: Home, cause: Cause | None) -> None:
    state = LaunchState(key="launch", phase="ended", cause=cause, message="no such file", signal=9)
    assert ended_early(home, "launch", state).text("zh") != ended_early(home, "launch", state).text("en")


def test_a_forgotten_launch_was_stopped(home: Home) -> None:
    assert "It was stopped" in ended_early(home, "launch", None).text("en")
