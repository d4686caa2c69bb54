"""Websockets of the service: bytes as binary frames, a refusal as a text frame with the error of REST."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect

from trainyard.address import api_address
from trainyard.client.transport import Transport, refusal
from trainyard.errors import Unavailable
from trainyard.words import N_

AWAY_SECONDS = 60.0
POLL_SECONDS = 0.5


def open_socket(caller: Transport, path: str) -> ClientConnection:
    """A websocket of ``path`` below the API, as the caller.

    Raises:
        Unavailable: the platform does not answer.
    """
    address = api_address(caller.connection.url).replace("http", "ws", 1)
    headers = {"Authorization": f"Bearer {caller.connection.token}", "Accept-Language": caller.language}
    try:
        return connect(f"{address}/{path}", additional_headers=headers, proxy=None, max_size=None)
    except (OSError, InvalidHandshake, InvalidURI) as error:
        raise caller.away(error) from error


def received(socket: ClientConnection, cut: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """The bytes the service sends until all is said; ``cut`` hears at which offset a log goes on that has lost its middle.

    Raises:
        UserError: what it refused with. Unavailable: the connection broke off before.
    """
    try:
        for frame in socket:
            if not isinstance(frame, str):
                yield frame
            elif cut is not None and "from" in (told := json.loads(frame)):
                cut(told["from"])
            else:
                raise refusal(frame, 403)
    except ConnectionClosed:
        pass
    if socket.close_code != CloseCode.NORMAL_CLOSURE:
        hint = N_("It may be starting again: do the same once more.")
        raise Unavailable("broken-off", N_("The connection to the platform broke off."), hint=hint)


def followed(open_at: Callable[[int], ClientConnection], offset: int) -> Iterator[bytes]:
    """A log from ``open_at(offset)`` on; where the connection breaks off, ``open_at`` goes on behind what has come.

    Raises:
        UserError: as ``received``; Unavailable only after the platform has been away for a minute.
    """
    until = -math.inf

    def cut(begin: int) -> None:
        nonlocal offset
        offset = begin

    while True:
        try:
            with open_at(offset) as socket:
                until = math.inf
                for data in received(socket, cut):
                    offset += len(data)
                    yield data
            return
        except Unavailable:
            until = min(until, time.monotonic() + AWAY_SECONDS)
            if time.monotonic() > until:
                raise
            time.sleep(POLL_SECONDS)
