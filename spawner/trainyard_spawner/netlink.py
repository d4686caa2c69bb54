"""Messages to the kernel over netlink, framed and answered; see ``netlink(7)``. Attributes are packed by whoever knows them.

``pyroute2`` did this before: an event loop and a parser of every field for each call, a tenth of a second for each start.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence

REQUEST, ACKNOWLEDGE, EXCLUSIVE, CREATE, APPEND, DUMP = 0x1, 0x4, 0x200, 0x400, 0x800, 0x300
ERROR, DONE = 2, 3
NESTED = 0x8000
_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_SECONDS = 5
_MOST_BYTES = 1 << 16
Message = tuple[int, int, bytes]
"""What is asked for, flags beside ``REQUEST``, and the body."""


def framed(kind: int, flags: int, number: int, body: bytes) -> bytes:
    """One message as it is sent."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, number, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute made of attributes."""
    return attribute(kind | NESTED, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    """An attribute that is a string."""
    return attribute(kind, value.encode() + b"\0")


def attributes(data: bytes) -> dict[int, bytes]:
    """The attributes that stand in ``data``, by kind."""
    found, offset = {}, 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind & ~NESTED] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def tell(protocol: int, messages: Sequence[Message]) -> None:
    """Send each message and wait until the kernel has done it.

    Raises:
        OSError: the kernel refuses, with its code; what came before is done.
    """
    with opened(protocol) as netlink:
        for kind, flags, body in messages:
            netlink.send(framed(kind, REQUEST | ACKNOWLEDGE | flags, 1, body))
            for _ in answers(netlink.recv(_MOST_BYTES)):
                pass


def ask(protocol: int, kind: int, body: bytes) -> list[bytes]:
    """The bodies of all answers to a request for everything of a kind.

    Raises:
        OSError: the kernel refuses.
    """
    found: list[bytes] = []
    with opened(protocol) as netlink:
        netlink.send(framed(kind, REQUEST | DUMP, 1, body))
        while True:
            for answered, part in answers(netlink.recv(_MOST_BYTES)):
                if answered == DONE:
                    return found
                found.append(part)


def answers(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Kind and body of each message received; an acknowledgement is an ``ERROR`` without a code.

    Raises:
        OSError: one of them is a refusal.
    """
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, offset)
        body = data[offset + _HEADER.size : offset + length]
        if kind == ERROR and (code := -struct.unpack_from("=i", body)[0]):
            raise OSError(code, os.strerror(code))
        yield kind, body
        offset += (length + 3) & ~3


def opened(protocol: int) -> socket.socket:
    """A socket to the kernel; it waits at most some seconds for an answer."""
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    netlink.settimeout(_SECONDS)
    netlink.bind((0, 0))
    return netlink
