"""Follows the service's events in a thread of its own and says what changed, also after the connection was lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from trainyard.errors import NotAllowed, NotSignedIn, UserError

FIRST_WAIT = 1.0
LONGEST_WAIT = 30.0
TOGETHER = 0.15


class Events(Protocol):
    """Whatever yields events until its connection ends."""

    def events(self) -> Any:
        """An iterator of ``{"topic", "id"}``."""


class Follower(threading.Thread):
    """Calls ``happened(topic, id)`` for every event, once for equal ones that arrive together.

    After a lost connection it comes back with growing waits and calls ``happened("*", None)``: anything may have changed.
    After each call it stays silent for the seconds that ``rest`` says, asked anew with each event; what arrives meanwhile is
    told together then.
    """

    def __init__(self, source: Events, happened: Callable[[str, str | None], None], rest: Callable[[], float]) -> None:
        super().__init__(name="page-events", daemon=True)
        self._source = source
        self._happened = happened
        self._rest = rest
        self._ended = threading.Event()
        self._pending: dict[tuple[str, str | None], None] = {}
        self._filled = threading.Condition()

    def stop(self) -> None:
        """End soon; the thread is a daemon and may still wait for its last byte."""
        self._ended.set()
        with self._filled:
            self._filled.notify_all()

    def run(self) -> None:
        """Follow until stopped or refused."""
        threading.Thread(target=self._deliver, name="page-changes", daemon=True).start()
        wait, lost = FIRST_WAIT, False
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                if lost:
                    self._add("*", None)
                for event in self._source.events():
                    self._add(str(event.get("topic")), event.get("id"))
            except (NotSignedIn, NotAllowed):
                return
            except (UserError, RuntimeError):  # unreachable, or the client was closed under us
                pass
            lost = True
            wait = FIRST_WAIT if time.monotonic() - began > LONGEST_WAIT else min(wait * 2, LONGEST_WAIT)
            self._ended.wait(wait)

    def _add(self, topic: str, which: Any) -> None:
        with self._filled:
            self._pending[(topic, None if which is None else str(which))] = None
            self._filled.notify_all()

    def _deliver(self) -> None:
        while not self._ended.is_set():
            with self._filled:
                self._filled.wait_for(lambda: self._pending or self._ended.is_set())
            self._ended.wait(TOGETHER)
            with self._filled:
                together, self._pending = self._pending, {}
            for topic, which in together:
                self._happened(topic, which)
            self._be_silent()

    def _be_silent(self) -> None:
        told = time.monotonic()
        with self._filled:
            self._filled.wait_for(lambda: self._ended.is_set() or time.monotonic() >= told + self._rest(), self._rest())
