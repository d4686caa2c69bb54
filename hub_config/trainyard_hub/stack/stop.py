"""``make stop``: ask the foreground to stop, or do its work where it is gone; with ``--jobs`` end running jobs too."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import psutil
from trainyard.words import N_

from trainyard_hub.settings import Settings
from trainyard_hub.stack.console import Terminal
from trainyard_hub.stack.home import HomeLock, stack_folder
from trainyard_hub.stack.launches import (
    JOB_GRACE_SECONDS,
    ask_to_stop_jobs,
    end_unused,
    ends_with_platform,
    is_job,
    stop_launches,
    wait_for_launches,
    wait_for_records,
)
from trainyard_hub.stack.manager import Manager
from trainyard_hub.stack.processes import stack

FOREGROUND_SECONDS = 90


def stop(settings: Settings, terminal: Terminal, *, jobs: bool) -> int:
    """Stop the platform of this home; the exit status says whether everything ended."""
    home = settings.home
    if not stack_folder(home).is_dir():
        terminal.say(N_("Nothing runs for {home}"), home=str(home.root))
        return 0
    if jobs:
        _stop_jobs(settings, terminal)
    holder = HomeLock(home).holder()
    if holder is not None:
        terminal.say(N_("Stopping the platform (process {pid})"), pid=holder)
        _end_foreground(holder)
    Manager(home, stack(settings), {}).shut_down()
    stop_launches(home, ends_with_platform)
    left = wait_for_launches(home, ends_with_platform)
    if jobs:
        # a job the service started while it was being stopped
        stop_launches(home, is_job)
        left += wait_for_launches(home, is_job)
    end_unused(home)
    if left:
        terminal.say(N_("Still running: {keys}"), keys=", ".join(left))
        return 1
    terminal.say(N_("Stopped"))
    return 0


def _stop_jobs(settings: Settings, terminal: Terminal) -> None:
    terminal.say(N_("Stopping running jobs"))
    if not ask_to_stop_jobs(settings, terminal):
        stop_launches(settings.home, is_job)
    wait_for_launches(settings.home, is_job, JOB_GRACE_SECONDS)
    if not stop_launches(settings.home, is_job):
        wait_for_records(settings)


def _end_foreground(pid: int) -> None:
    with suppress(psutil.Error, ProcessLookupError):
        process = psutil.Process(pid)
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + FOREGROUND_SECONDS
        # whoever started it may never ask how it ended: it is a zombie then
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            time.sleep(0.1)
