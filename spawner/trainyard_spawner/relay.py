"""Carries bytes between two ends, a pair of threads a connection: the only way out of, or into, a sandbox without a network.

Standard library only: this runs in the supervisor.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

CHUNK = 65536
CONNECT_SECONDS = 10
OUT_OF_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED)
AGAIN_SECONDS = 0.1
LISTEN_SECONDS = 15.0
INPUT, OUTPUT = 0, 1


def accept_forever(listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
    """Start a thread that relays whoever connects to ``listener`` to what ``connect`` returns."""
    threading.Thread(target=_accept, args=(listener, connect), daemon=True).start()


def connect_to_platform(address_file: Path) -> socket.socket:
    """A connection to the platform's public address as it is now: it may have been restarted elsewhere.

    Raises:
        OSError: it does not run or does not answer.
    """
    parts = urlsplit(address_file.read_text(encoding="utf-8").strip())
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or "127.0.0.1"
    return socket.create_connection(("127.0.0.1" if host == "0.0.0.0" else host, port), CONNECT_SECONDS)  # noqa: S104


def carry(port: int) -> None:
    """Bytes between our standard input and output and what listens on this port of the loopback, until either side ends.

    Raises:
        ConnectionRefusedError: nobody has listened there for ``LISTEN_SECONDS``.
    """
    with _listener(port) as far:
        threading.Thread(target=_feed, args=(far,), daemon=True).start()
        while data := far.recv(CHUNK):
            while data:
                data = data[os.write(OUTPUT, data) :]


def _listener(port: int) -> socket.socket:
    give_up = time.monotonic() + LISTEN_SECONDS
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > give_up:
                raise
            time.sleep(AGAIN_SECONDS)


def _feed(sink: socket.socket) -> None:
    with suppress(OSError):
        while data := os.read(INPUT, CHUNK):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _accept(listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError as error:
            if error.errno not in OUT_OF_ROOM:
                return
            time.sleep(AGAIN_SECONDS)  # a program that opens too many connections must not lose the platform for good
            continue
        threading.Thread(target=_join, args=(near, connect), daemon=True).start()


def _join(near: socket.socket, connect: Callable[[], socket.socket]) -> None:
    with near:
        try:
            far = connect()
        except (OSError, ValueError):
            return  # the caller sees a closed connection, as with any server that is away
        with far:
            for end in (near, far):
                end.settimeout(None)
            back = threading.Thread(target=_pour, args=(far, near), daemon=True)
            back.start()
            _pour(near, far)
            back.join()


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
