"""Processes a benchmark starts end with it: on the way out, and when the benchmark itself is killed with -9."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def tied(command: list[str]) -> list[str]:
    """``command``, asked by the kernel to end (SIGTERM) as soon as the benchmark that started it is gone."""
    return ["setpriv", "--pdeathsig", "TERM", *command]


def leave_in_order() -> None:
    """Let SIGTERM and SIGHUP unwind like Ctrl-C does, so that whatever was started is stopped."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    # asked once is enough: a second signal must not cut the tidying short
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)
