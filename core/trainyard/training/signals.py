"""A request to stop (SIGTERM, SIGINT) is a normal end: the run is closed as done, after a chance to save.

A script with our callbacks is asked through a flag, looked at after each batch, so that it can save a snapshot; of several
workers all do so after the same one. A second signal, or a script without callbacks, ends at once by ``Stopped``. In a notebook
signals stay as they are.
"""

from __future__ import annotations

import builtins
import os
import signal
import threading
from types import FrameType

from trainyard.training.together import Agreement

WORKER_SECONDS = 10.0


class Stopped(SystemExit):
    """Raised where a run ends because somebody asked it to; leaves the interpreter with exit code 0."""

    def __init__(self) -> None:
        super().__init__(0)


class StopRequest:
    """Whether this process was asked to end. ``cooperative``: a callback promises to look at ``due`` after each batch."""

    def __init__(self) -> None:
        self.asked = False
        self.cooperative = False
        self.together: Agreement | None = None
        self._process = os.getpid()

    @property
    def due(self) -> bool:
        """Whether to save and end now: of several workers, all say so after the same batch."""
        return self.asked if self.together is None else self.together.reached

    def batch_done(self) -> None:
        """Call after each batch; costs nothing while nobody is asked."""
        if self.together is not None:
            self.together.batch_done()

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
