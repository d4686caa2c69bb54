"""``trainyard console``: a terminal inside a running training, over a websocket, from anywhere a token is known."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from trainyard.client import Client
from trainyard.client.sockets import open_socket, received


def console(client: Client, job: str, argv: list[str]) -> None:
    """Join this terminal with one inside the job until either ends; ``argv`` is run instead of a shell."""
    columns, rows = shutil.get_terminal_size()
    query = urlencode([("columns", columns), ("rows", rows), *(("argv", part) for part in argv)])
    with open_socket(client, f"jobs/{job}/console?{query}") as socket, _raw_terminal(socket):
        threading.Thread(target=_type, args=(socket,), daemon=True).start()
        for data in received(socket):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


def _type(socket: ClientConnection) -> None:
    """Send what is typed; the end of a file that is read is the terminal's end of file."""
    with suppress(ConnectionClosed, OSError):
        while data := os.read(sys.stdin.fileno(), 4096):
            socket.send(data)
        if not sys.stdin.isatty():
            socket.send(b"\x04")


@contextmanager
def _raw_terminal(socket: ClientConnection) -> Iterator[None]:
    """Every key goes to the other side, Ctrl-C too; a changed window size is told."""
    if not sys.stdin.isatty():
        yield
        return

    def resized(number: int, frame: FrameType | None) -> None:
        with suppress(ConnectionClosed):
            socket.send(json.dumps({"resize": list(shutil.get_terminal_size())}))

    before, handler = termios.tcgetattr(sys.stdin), signal.signal(signal.SIGWINCH, resized)
    try:
        tty.setraw(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, handler)
