"""Who looks at a page and how the page reaches the service for them.

On the platform a page's kernel is started ahead, without identity. The pages service hands the viewer over through a socket the
kernel inherited: one JSON line, once. In a notebook it is whom the command line acts for; in a workspace the token is its own.
"""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass, field
from functools import cache
from typing import Any

CHANNEL = "TRAINYARD_PAGE_CHANNEL"
LONGEST = 1 << 20


@dataclass(frozen=True)
class Viewer:
    """The viewer of a page.

    Args:
        url: the platform, or its service.
        token: the viewer's short-lived token; never shown, logged or put into a trait.
        socket: a unix socket through which alone ``url`` is reached, or empty for the network.
        language: ``en`` or ``zh``.
        query: the page's URL parameters.
        hosted: whether our pages service shows the page (it sends words and style sheet itself).
    """

    url: str
    token: str = field(repr=False)
    socket: str = ""
    language: str = "en"
    query: dict[str, str] = field(default_factory=dict)
    hosted: bool = False

    @classmethod
    def from_json(cls, line: str | bytes) -> Viewer:
        """The viewer written as one JSON object."""
        values: dict[str, Any] = json.loads(line)
        return cls(**values)


@cache
def current_viewer() -> Viewer:
    """The viewer of this process: handed over by the pages service, else who is signed in here.

    Blocks until the hand-over if there is a channel; answers the same viewer ever after.

    Raises:
        trainyard.errors.UserError: nobody is signed in, or the token cannot be read.
    """
    number = os.environ.get(CHANNEL)
    if number is not None:
        with socket.socket(fileno=int(number)) as channel:
            return Viewer.from_json(_line(channel))
    return _signed_in()


def _line(channel: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        part = channel.recv(65536)
        if not part or len(received) > LONGEST:
            raise ConnectionError("the pages service closed the channel without naming a viewer")
        received += part
    return received


def _signed_in() -> Viewer:
    from trainyard import connection

    found = connection.find()
    language = os.environ.get("LANG", "en")[:2]
    return Viewer(url=found.url, token=found.token, language="zh" if language == "zh" else "en")
