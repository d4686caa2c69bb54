"""Websockets of the service: bytes as binary frames, a refusal as a text frame with the error of REST."""

from __future__ import annotations

from collections.abc import Iterator

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from trainyard.address import api_address
from trainyard.client.transport import Transport, refusal


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


def received(socket: ClientConnection) -> Iterator[bytes]:
    """The bytes the service sends until it closes.

    Raises:
        UserError: what it refused with.
    """
    try:
        for frame in socket:
            if isinstance(frame, str):
                raise refusal(frame, 403)
            yield frame
    except ConnectionClosed:
        return
