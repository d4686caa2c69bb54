"""The way between a sandbox and the platform, when something of it is short or away."""

from __future__ import annotations

import asyncio
import errno
import socket
import subprocess
import sys
import threading
from types import SimpleNamespace

from trainyard.home import Home
from trainyard_spawner import relay
from trainyard_spawner.sandbox_launcher import SandboxLauncher
from trainyard_spawner.workspace import WorkspaceSpawner


class ShortOfDescriptors(socket.socket):
    """A listener whose first accept finds no room."""

    tried = False

    def accept(self):
        if not self.tried:
            self.tried = True
            raise OSError(errno.EMFILE, "too many open files")
        return super().accept()


def test_the_platform_is_reached_again_after_too_many_connections():
    with ShortOfDescriptors() as listener, socket.create_server(("127.0.0.1", 0)) as platform:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        relay.accept_forever(listener, lambda: socket.create_connection(platform.getsockname()))
        with socket.create_connection(listener.getsockname(), timeout=120) as program:
            platform.settimeout(120)
            with platform.accept()[0] as far:
                program.sendall(b"hello")
                assert far.recv(5) == b"hello"


def test_a_workspace_stops_while_the_service_is_away(tmp_path):
    spawner = WorkspaceSpawner(
        launcher=SandboxLauncher(Home(tmp_path), networks="none"), service_url="http://127.0.0.1:9", service_token="none"
    )
    spawner.user, spawner.key = SimpleNamespace(name="u1"), "workspace-1-1"
    asyncio.run(spawner.stop())
    assert spawner.launcher.states() == []


def test_what_listens_is_reached_through_a_program_beside_it():
    """More than fits into a pipe, both ways, and the end of one way is the end of the other."""
    content = bytes(range(256)) * 4096
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        beside = f"from trainyard_spawner import relay; relay.carry({port})"
        with subprocess.Popen([sys.executable, "-c", beside], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            threading.Thread(target=echo, args=(server,), daemon=True).start()
            said, _ = program.communicate(content, timeout=120)
    assert said == content


def echo(server):
    with server.accept()[0] as near:
        while data := near.recv(65536):
            near.sendall(data)
