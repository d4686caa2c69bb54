"""Telling the service what a run does, from a thread of its own: a platform that is away costs a training nothing.

Messages wait in a short queue and are sent in order; beyond its length new ones are dropped. The run folder holds the same
facts in files, so that the service catches up when it is back.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainyard.address import api_address

MOST_WAITING = 128
TIMEOUT = 2.0
"""Seconds for one request."""
LONGEST_PAUSE = 10.0
_log = logging.getLogger("trainyard.training")


@dataclass(frozen=True)
class Platform:
    """How to reach the service as this training, by what the job's environment says."""

    url: str
    training: str
    token_file: Path | None = None
    token: str = ""

    @classmethod
    def from_environment(cls) -> Platform | None:
        """None outside of the platform."""
        url, training = os.environ.get("TRAINYARD_URL"), os.environ.get("TRAINYARD_TRAINING")
        file, token = os.environ.get("TRAINYARD_TOKEN_FILE"), os.environ.get("TRAINYARD_TOKEN", "")
        if not url or not training or not (file or token):
            return None
        return cls(api_address(url), training, Path(file) if file else None, token)

    def request(self, method: str, path: str, body: dict[str, Any]) -> urllib.request.Request:
        """A request with the token as it is now; the file is read each time, tokens may be renewed."""
        token = self.token_file.read_text().strip() if self.token_file else self.token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return urllib.request.Request(self.url + path, json.dumps(body).encode(), headers, method=method)  # noqa: S310


@dataclass(frozen=True)
class Message:
    """One REST call to make."""

    method: str
    path: str
    body: dict[str, Any]


class Reporter:
    """Sends messages to the platform in order; without one (None) it does nothing at all."""

    def __init__(self, platform: Platform | None) -> None:
        self.dropped = 0
        self.refused = 0
        self._platform = platform
        self._queue: queue.Queue[Message] = queue.Queue(MOST_WAITING)
        self._closing = threading.Event()
        self._owner = os.getpid()
        if platform is not None:
            threading.Thread(target=self._run, name="trainyard-report", daemon=True).start()

    def send(self, method: str, path: str, body: dict[str, Any]) -> None:
        """Queue one call; drops it when the queue is full. Never blocks, never raises."""
        if self._platform is None or os.getpid() != self._owner:
            return
        try:
            self._queue.put_nowait(Message(method, path, body))
        except queue.Full:
            self.dropped += 1

    def close(self, seconds: float = 3.0) -> bool:
        """Wait at most ``seconds`` for the queue to empty; whether everything was delivered."""
        self._closing.set()
        deadline = time.monotonic() + seconds
        while self._platform is not None and self._queue.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.01)
        return not self._queue.unfinished_tasks

    def _run(self) -> None:
        while True:
            message = self._queue.get()
            pause = 0.2
            while not self._delivered(message):
                time.sleep(0.2 if self._closing.is_set() else pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            self._queue.task_done()

    def _delivered(self, message: Message) -> bool:
        """Whether ``message`` needs no further try: the service took it, or refused it for good."""
        assert self._platform is not None
        try:
            request = self._platform.request(message.method, message.path, message.body)
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - address of our own platform
                answer.read()
        except urllib.error.HTTPError as error:
            if error.code >= 500 or error.code == 429:
                return False
            self.refused += 1
            _log.warning("the platform refused %s %s: %s", message.method, message.path, _reason(error))
        except (OSError, ValueError):
            return False
        return True


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        told = json.loads(error.read(65536))["error"]
        return f"{told['message']} {told.get('hint', '')}".strip()
    except (OSError, ValueError, KeyError, TypeError):
        return f"HTTP {error.code}"
