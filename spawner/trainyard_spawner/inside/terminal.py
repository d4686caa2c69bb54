"""Serves one console: a program on a pseudo-terminal, its bytes framed over a unix socket.

First comes one frame ``o`` with JSON ``{"argv", "columns", "rows"}``; afterwards each side sends frames of one byte
kind, four bytes big-endian length, and that many bytes. Kinds: ``d`` data, ``r`` resize (JSON ``[columns, rows]``),
``x`` exit (JSON exit code). A first frame ``c`` asks for a connection to the program's own port instead, and is
answered with ``y`` and the socket attached. The other end is ``trainyard_spawner.console``.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import socket
import struct
import termios
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

HEADER = struct.Struct("!cI")
LONGEST_FRAME = 1 << 20
CHUNK = 65536


class Frames:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Every whole frame that ``data`` completes, as (kind, payload).

        Raises:
            ValueError: a frame announces more than a mebibyte.
        """
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            kind, length = HEADER.unpack_from(self._buffer)
            if length > LONGEST_FRAME:
                raise ValueError(f"a frame of {length} bytes is longer than {LONGEST_FRAME}")
            if len(self._buffer) < HEADER.size + length:
                return
            payload = bytes(self._buffer[HEADER.size : HEADER.size + length])
            del self._buffer[: HEADER.size + length]
            yield kind, payload


def frame(kind: bytes, payload: bytes) -> bytes:
    """One frame, ready to be sent."""
    return HEADER.pack(kind, len(payload)) + payload


def serve(connection: socket.socket, environment: Mapping[str, str], directory: str, port: int | None) -> None:
    """Read the opening frame and do what it asks: a terminal pumped until either side ends, or a connection to ``port``."""
    frames = Frames()
    (kind, asked), *rest = _first(connection, frames)
    if kind == b"c":
        _hand_out(connection, port)
        return
    opening = json.loads(asked)
    pid, master = pty.fork()
    if pid == 0:
        _execute(opening["argv"], environment, directory)
    terminal = Terminal(connection, master, frames)
    terminal.resize(opening["columns"], opening["rows"])
    with suppress(OSError, ValueError):
        for kind, payload in rest:
            terminal.receive(kind, payload)
        terminal.pump()
    os.close(master)
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGHUP)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(OSError):
        connection.sendall(frame(b"x", json.dumps(code).encode()))


class Terminal:
    """Pumps between a socket and the master side of a terminal; typing never blocks the output."""

    def __init__(self, connection: socket.socket, master: int, frames: Frames) -> None:
        self._connection = connection
        self._master = master
        self._frames = frames
        self._typed = bytearray()
        os.set_blocking(master, False)

    def pump(self) -> None:
        """Until the program or the other side has gone."""
        while True:
            sources: list[Any] = [self._connection, self._master]
            ready, writable, _ = select.select(sources, sources[1:] if self._typed else [], [])
            if writable:
                del self._typed[: os.write(self._master, self._typed[:CHUNK])]
            if self._master in ready:
                # Linux reports EIO, an OSError, when the last program on the terminal has gone
                self._connection.sendall(frame(b"d", os.read(self._master, CHUNK)))
            if self._connection in ready:
                data = self._connection.recv(CHUNK)
                if not data:
                    return
                for kind, payload in self._frames.feed(data):
                    self.receive(kind, payload)

    def receive(self, kind: bytes, payload: bytes) -> None:
        """One frame from the person."""
        if kind == b"r":
            self.resize(*json.loads(payload))
        elif kind == b"d":
            self._typed += payload

    def resize(self, columns: int, rows: int) -> None:
        """Tell the programs on the terminal its new size."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _first(connection: socket.socket, frames: Frames) -> list[tuple[bytes, bytes]]:
    while True:
        data = connection.recv(CHUNK)
        if not data:
            os._exit(0)
        got = list(frames.feed(data))
        if got:
            return got


def _hand_out(connection: socket.socket, port: int | None) -> None:
    """Give the supervisor a connection to the program's own port: where there is no network, descriptors are the way."""
    with socket.socket() as inner, suppress(OSError):
        inner.connect(("127.0.0.1", port or 0))
        socket.send_fds(connection, [b"y"], [inner.fileno()])


def _execute(argv: list[str], environment: Mapping[str, str], directory: str) -> None:
    try:
        os.chdir(directory)
        os.execvpe(argv[0], argv, {"TERM": "xterm-256color", **environment})  # noqa: S606 (no shell is wanted)
    except OSError as error:
        os.write(2, f"{error.strerror}: {error.filename}\r\n".encode())
    finally:
        os._exit(127)
