"""A limit on the computing time of a call, so that somebody's regular expression cannot stop the reading of a log.

Python's expressions backtrack: ``(a+)+$`` takes minutes on thirty characters. Its engine looks for signals while it matches,
so a timer of the process's own computing time (a busy machine does not count) ends it where it is. Another engine would be one
more dependency of every image, and would not read everything that Python's does.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


class TooSlow(Exception):
    """The call took longer than it may."""


class TimeLimit:
    """At most ``seconds`` of computing for each call. Only the main thread has a limit: signals are handled there."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._armed = False
        self._works = threading.current_thread() is threading.main_thread()
        if self._works:
            signal.signal(signal.SIGVTALRM, self._over)

    def call(self, function: Callable[[], T]) -> T:
        """What ``function`` returns.

        Raises:
            TooSlow: it took too long.
        """
        if not self._works:
            return function()
        self._armed = True
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, self.seconds)
            return function()
        finally:
            # first: a timer that fires from here on is too late to matter
            self._armed = False
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    def _over(self, number: int, frame: FrameType | None) -> None:
        if self._armed:
            self._armed = False
            raise TooSlow
