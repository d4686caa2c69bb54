"""A request to stop (SIGTERM, SIGINT) is a normal end: the run is closed as done, after a chance to save.

A script with our callbacks is asked through a flag, looked at after each batch, so that it can save a snapshot; a second
signal, or a script without callbacks, ends at once by ``Stopped``. In a notebook signals stay as they are.
"""

from __future__ import annotations

import builtins
import os
import signal
import threading
from types import FrameType

WORKER_SECONDS = 10.0


class Stopped(SystemExit):
    """Raised where a run ends because somebody asked it to; leaves the interpreter with exit code 0."""

    def __init__(self) -> None:
        super().__init__(0)


class StopRequest:
    """Whether this process was asked to end. ``cooperative``: a callback promises to look at ``asked`` soon."""

    def __init__(self) -> None:
        self.asked = False
        self.cooperative = False
        self._process = os.getpid()

    def listen(self) -> None:
        """Take SIGTERM and SIGINT over; only possible in the main thread, not wanted in a notebook."""
        if threading.current_thread() is not threading.main_thread() or hasattr(builtins, "get_ipython"):
            return
        signal.signal(signal.SIGTERM, self._on_signal)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, True
        if again or not self.cooperative:
            raise Stopped
        if os.getpid() != self._process:
            leaving = threading.Timer(WORKER_SECONDS, os._exit, (0,))
            leaving.daemon = True
            leaving.start()
