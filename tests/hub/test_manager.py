"""The process manager: a request to stop never leaves one behind that nobody knows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from trainyard_hub.settings import Settings
from trainyard_hub.stack.console import Terminal
from trainyard_hub.stack.home import prepare_home
from trainyard_hub.stack.manager import Manager
from trainyard_hub.stack.processes import Process
from trainyard_hub.stack.run import Stack, Stopped
from trainyard_hub.stack.secrets import read_or_make
from trainyard_hub.stack.stop import stop

from tests.browser.running import free_range


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(TRAINYARD_HOME=tmp_path / "home", port=free_range(40))
    prepare_home(settings.home)
    return settings


class Small(Manager):
    """The manager of a platform that is one sleeping process."""

    def __init__(self, settings: Settings) -> None:
        environment = {"TRAINYARD_HOME": str(settings.home.root), "PATH": os.defpath}
        sleeper = Process("sleeper", ["/bin/sleep", "98765"], settings.home.root, priority=10)
        super().__init__(settings.home, [sleeper], environment)


class Interrupted(Small):
    """The same, and somebody asks to stop while it starts."""

    def _launch(self) -> psutil.Process:
        os.kill(os.getpid(), signal.SIGTERM)
        return super()._launch()


@pytest.fixture
def handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("handler")
def test_a_request_to_stop_waits_until_the_manager_is_known(settings: Settings) -> None:
    platform = Stack(settings, Terminal())
    platform.manager = Interrupted(settings)
    signal.signal(signal.SIGTERM, platform._asked_to_stop)
    try:
        with pytest.raises(Stopped):
            platform._start_manager()
        assert platform.manager.process() is not None
    finally:
        platform.manager.shut_down()


WATCHES = """
import random, signal, sys
from pathlib import Path
from trainyard_hub.settings import Settings
from trainyard_hub.stack import run
from trainyard_hub.stack.console import Terminal
run.WATCH_SECONDS = 0
settings = Settings(TRAINYARD_HOME=Path(sys.argv[1]))
for number in range(100):
    platform = run.Stack(settings, Terminal())
    platform.manager.process = lambda: True
    signal.signal(signal.SIGALRM, platform._asked_to_stop)
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.001, 0.01))
    try:
        platform.watch()
    except run.Stopped:
        pass
"""


def test_whenever_it_is_asked_to_stop_it_does(settings: Settings) -> None:
    """A signal that came while the watch had a lock taken waited for that for ever."""
    subprocess.run([sys.executable, "-c", WATCHES, settings.home.root], timeout=120, check=True)


def test_a_manager_that_was_not_written_down_is_found_and_ended(settings: Settings) -> None:
    process = Small(settings).start()
    children = process.children()
    (settings.home.root / "stack/manager.json").unlink()
    Small(settings).shut_down()
    assert children
    assert [one for one in (process, *children) if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []


def test_stop_with_jobs_works_after_a_first_start_that_was_interrupted(settings: Settings) -> None:
    assert stop(settings, Terminal(), jobs=True) == 0


def test_many_starts_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch()
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda number: read_or_make(path, lambda: f"secret {number}"), range(64)))
    assert len(found) == 1


def test_a_full_disk_does_not_end_the_manager(settings: Settings) -> None:
    logs, said = settings.home.logs, settings.home.root / "said"
    for name in ("manager.out", "manager.log", "talker.log"):
        (logs / name).symlink_to("/dev/full")
    talks = Process("talker", ["/bin/sh", "-c", f"while :; do echo x; echo x >> {said}; sleep 0.05; done"], logs, priority=10)
    manager = Manager(settings.home, [talks], {"TRAINYARD_HOME": str(settings.home.root), "PATH": os.environ["PATH"]})
    try:
        manager.start()
        while manager.process() and (not said.exists() or said.stat().st_size < 40):
            time.sleep(0.05)
        assert "talker" in manager.processes()
    finally:
        manager.shut_down()
