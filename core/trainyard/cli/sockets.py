"""Websockets of the service: bytes as binary frames, a refusal as a text frame with the error of REST."""

from __future__ import annotations

from collections.abc import Iterator

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect

from trainyard.address import api_address
from trainyard.cli.show import language
from trainyard.client import Client, refusal
from trainyard.errors import Unavailable
from trainyard.words import N_


def open_socket(client: Client, path: str) -> ClientConnection:
    """A websocket of ``path`` below the API, as the client's caller.

    Raises:
        Unavailable: the platform does not answer.
    """
    url, token = client.connection.url, client.connection.token
    address = api_address(url).replace("http", "ws", 1)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": language()}
    try:
        return connect(f"{address}/{path}", additional_headers=headers, proxy=None, max_size=None)
    except (OSError, InvalidHandshake) as error:
        raise Unavailable(
            "not-reachable",
            N_("The platform at {url} does not answer: {reason}."),
            hint=N_("Check the address, and whether it is running (`make run`)."),
            url=url,
            reason=str(error),
        ) from error


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
