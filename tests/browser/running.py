"""The whole platform, started as ``make run`` starts it, in a folder of its own on ports of its own."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import psutil
from trainyard_hub.settings import Settings
from trainyard_hub.stack.manager import Manager
from trainyard_hub.stack.processes import stack

START_SECONDS = 900
PORTS = 40
IMAGES = Path(__file__).parents[2] / ".cache" / "hub-images"  # kept between runs, and for all platforms of one
_CLAIMS: list[IO[str]] = []


class RunningPlatform:
    """One platform; ``ask`` calls its REST interface with the first administrator's token. ``program`` is what runs it."""

    program: tuple[str, ...] = (sys.executable, "-m", "trainyard_hub.stack")

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="trainyard-browser-"))
        self.home.chmod(0o711)
        self.port = free_range(PORTS)
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = self.home.parent / f"{self.home.name}.log"
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TRAINYARD_")}
        self._environment = kept | {"TRAINYARD_HOME": str(self.home), "TRAINYARD_PORT": str(self.port), "LANG": "en_GB.UTF-8"}
        self._environment["TRAINYARD_PAGES_GRACE"] = "5"  # a closed page's kernel ends sooner than in life
        # what a client checks the address's certificate against
        self.trust: ssl.SSLContext | bool = True
        self._process: subprocess.Popen[bytes] | None = None

    def set(self, **settings: str) -> None:
        """Settings for the next start, without ``TRAINYARD_``."""
        self._environment |= {f"TRAINYARD_{name}": value for name, value in settings.items()}

    def share(self, image: str) -> None:
        """Take this image from what other platforms of the tests have built, and build it for them."""
        (IMAGES / image).mkdir(parents=True, exist_ok=True)
        (self.home / "images").mkdir(mode=0o755)
        (self.home / "images" / image).symlink_to(IMAGES / image)

    def processes(self) -> dict[str, Any]:
        """The processes of the stack by name."""
        return self._manager().processes()

    def start(self) -> None:
        """Start and wait until the address is told.

        Raises:
            AssertionError: it ended or took too long; with the end of what it said.
        """
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                # a test run that is killed takes its platform along
                ["setpriv", "--pdeathsig", "TERM", *self.program, "run"],
                env=self._environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while self.address not in self.said():
            assert self._process.poll() is None, self.said()[-3000:]
            assert time.monotonic() < deadline, self.said()[-3000:]
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop platform, workspaces and jobs, and remove the folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(240)
        command = [sys.executable, "-m", "trainyard_hub.stack", "stop", "--jobs"]
        subprocess.run(command, env=self._environment, capture_output=True, timeout=240, check=False)
        shutil.rmtree(self.home, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    @property
    def settings(self) -> Settings:
        """The settings it runs with."""
        return Settings(TRAINYARD_HOME=self.home, port=self.port)

    def _manager(self) -> Manager:
        return Manager(self.settings.home, stack(self.settings), {})

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """One process of the stack is not there."""
        self._manager().command("stopProcess", name)
        try:
            yield
        finally:
            self._manager().command("startProcess", name)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """One process of the stack holds still: it takes connections and answers nothing."""
        process = psutil.Process(self._manager().processes()[name].pid)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def said(self) -> str:
        """What the terminal shows."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def secret(self, name: str) -> str:
        """A file of the platform's secrets, as the person on the machine reads it."""
        return (self.home / "secrets" / name).read_text().strip()

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One REST call as the first administrator; the answer's JSON."""
        answer = httpx.request(
            method,
            f"{self.address}/services/trainyard/api/v1{path}",
            params=query,
            json=body,
            headers={"Authorization": f"Bearer {self.secret('administrator-token')}"},
            timeout=120,
            verify=self.trust,
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def wait_for(self, what: str, ready: Any, seconds: float = 240) -> Any:
        """Ask until ``ready()`` answers something true; ``what`` is said when it never does."""
        deadline = time.monotonic() + seconds
        while not (found := ready()):
            assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
            time.sleep(0.5)
        return found


def free_range(count: int) -> int:
    """A port from which on ``count`` ports are free now and stay ours among all tests, for as long as this process lives."""
    for first in random.sample(range(21000, 32000, count), 100):
        if claimed(first) and all(is_free(port) for port in range(first, first + count)):
            return first
    raise AssertionError("no free range of ports")


def claimed(first: int) -> bool:
    """Whether nobody else has chosen this range; it is ours from now on."""
    path = Path(tempfile.gettempdir()) / f"trainyard-ports-{os.geteuid()}-{first}.lock"
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return False
    _CLAIMS.append(lock)
    return True


def is_free(port: int) -> bool:
    """Whether the port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
