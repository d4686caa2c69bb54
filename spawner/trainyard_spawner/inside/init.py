"""The first process of a sandbox: becomes the person, runs the program, reaps, and takes orders from the supervisor.

Three descriptors arrive through bubblewrap: a memory file with the configuration (it holds tokens, so it is neither
an argument nor an environment variable), a packet socket to the supervisor, and a listening unix socket for consoles.
Packets are JSON objects: to the supervisor ``{"event": "listening"}`` with the relay's socket attached, ``started``,
``failed`` with ``errno`` and ``path``, and ``ended`` with ``status``; from it ``{"do": "stop"}``.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainyard_spawner.inside import privileges, terminal

CONTROL = 3
CONSOLE = 4
CONFIGURATION = 5
PACKET = 4096


def main() -> None:
    """Run the configured program to its end."""
    configuration = _read_configuration()
    control = socket.socket(fileno=CONTROL)
    consoles = socket.socket(fileno=CONSOLE)
    for held in (control, consoles):
        held.set_inheritable(False)
    if configuration["relay_port"]:  # a platform at 443 has ports that are not for everybody
        _offer_relay(control, configuration["relay_port"])
    privileges.become(configuration["uid"], configuration["gid"], configuration["groups"])
    privileges.limit_resources()
    _write_files(configuration["files"])
    Init(configuration, control, consoles).run()


class Init:
    """The loop of the first process."""

    def __init__(self, configuration: Mapping[str, Any], control: socket.socket, consoles: socket.socket) -> None:
        self._argv: list[str] = configuration["argv"]
        self._environment: dict[str, str] = configuration["environment"]
        self._directory: str = configuration["directory"]
        self._listen_port: int | None = configuration["listen_port"]
        self._control = control
        self._consoles = consoles
        self._main = 0

    def run(self) -> None:
        """Start the program and serve until it has ended; then this process ends, and with it all others in here."""
        wake, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._stop())
        self._start()
        with selectors.DefaultSelector() as selector:
            selector.register(wake, selectors.EVENT_READ, lambda: self._reap(wake))
            selector.register(self._control, selectors.EVENT_READ, self._obey)
            selector.register(self._consoles, selectors.EVENT_READ, self._serve_console)
            while True:
                for key, _ in selector.select():
                    key.data()

    def _start(self) -> None:
        broken, tell = os.pipe()
        self._main = os.fork()
        if self._main == 0:
            _execute(self._argv, self._environment, self._directory, tell)
        os.close(tell)
        with os.fdopen(broken, "rb") as pipe:
            failure = pipe.read()
        if failure:
            _send(self._control, {"event": "failed", **json.loads(failure)})
            os._exit(127)
        _send(self._control, {"event": "started"})

    def _reap(self, wake: socket.socket) -> None:
        wake.recv(PACKET)
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._main:
                    _send(self._control, {"event": "ended", "status": os.waitstatus_to_exitcode(status)})
                    os._exit(0)

    def _obey(self) -> None:
        packet = self._control.recv(PACKET)
        if not packet:
            os._exit(1)
        if json.loads(packet)["do"] == "stop":
            self._stop()

    def _stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._main, signal.SIGTERM)

    def _serve_console(self) -> None:
        connection, _ = self._consoles.accept()
        if os.fork() == 0:
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                terminal.serve(connection, self._environment, self._directory, self._listen_port)
            finally:
                os._exit(0)
        connection.close()


def _read_configuration() -> dict[str, Any]:
    with os.fdopen(CONFIGURATION, "rb") as file:
        file.seek(0)
        configuration: dict[str, Any] = json.load(file)
    return configuration


def _write_files(files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="utf-8") as file:
            file.write(content)


def _offer_relay(control: socket.socket, port: int) -> None:
    """Listen where the program expects the platform and give the socket away: the supervisor accepts and relays."""
    with socket.socket() as listener:
        # all sandboxes of one person share a network; each may bring its own way to the same platform
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        _send(control, {"event": "listening"}, listener)


def _send(control: socket.socket, message: Mapping[str, Any], attached: socket.socket | None = None) -> None:
    descriptors = [attached.fileno()] if attached else []
    with suppress(OSError):
        socket.send_fds(control, [json.dumps(message).encode()], descriptors)


def _execute(argv: list[str], environment: Mapping[str, str], directory: str, tell: int) -> None:
    where = directory
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(directory)
        where = argv[0]
        os.execvpe(argv[0], argv, environment)  # noqa: S606 (no shell is wanted)
    except OSError as error:
        os.write(tell, json.dumps({"errno": error.errno, "path": where}).encode())
    finally:
        os._exit(127)
