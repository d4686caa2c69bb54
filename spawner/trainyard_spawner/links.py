"""Just enough of rtnetlink: interfaces in pairs, their addresses, routes. Numbers are those of ``linux/rtnetlink.h`` and
``linux/if_link.h``, in the machine's own byte order. Everything is of the calling thread's network; see ``rtnetlink(7)``.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from trainyard_spawner.netlink import CREATE, EXCLUSIVE, ask, attribute, attributes, nested, tell, text

ROUTE = 0
NEW_LINK, GET_LINK, NEW_ADDRESS, NEW_ROUTE, GET_ROUTE = 16, 18, 20, 24, 26
NAME, LINK_INFO, GROUP, NAMESPACE = 3, 18, 27, 28
INFO_KIND, INFO_DATA, PEER = 1, 2, 1
ADDRESS, LOCAL = 1, 2
DESTINATION, INTERFACE, GATEWAY = 1, 4, 5
MAIN, BY_HAND, ANYWHERE, UNICAST = 254, 3, 0, 1
UP = 1
_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_NUMBER = struct.Struct("=I")


@dataclass(frozen=True)
class Pair:
    """Two interfaces joined like a cable: ``name`` here, ``eth0`` in ``namespace``. ``group`` marks ours for a filter."""

    name: str
    namespace: int
    group: int


def make_pair(pair: Pair) -> None:
    """Make it; both ends are down.

    Raises:
        OSError: ``EEXIST`` where the name is taken; the kernel refuses.
    """
    far = _LINK.pack(0, 0, 0, 0, 0) + text(NAME, "eth0") + attribute(NAMESPACE, _NUMBER.pack(pair.namespace))
    info = nested(LINK_INFO, text(INFO_KIND, "veth"), nested(INFO_DATA, attribute(PEER, far)))
    near = _LINK.pack(0, 0, 0, 0, 0) + text(NAME, pair.name) + attribute(GROUP, _NUMBER.pack(pair.group))
    tell(ROUTE, [(NEW_LINK, CREATE | EXCLUSIVE, near + info)])


def switch_on(name: str, address: IPv4Address | None = None) -> None:
    """Give the interface an address in a network of four, if any, and bring it up.

    Raises:
        OSError: there is none of that name; the kernel refuses.
    """
    index = socket.if_nametoindex(name)
    messages = [(NEW_LINK, 0, _LINK.pack(0, 0, index, UP, UP))]
    if address is not None:
        told = attribute(LOCAL, address.packed) + attribute(ADDRESS, address.packed)
        messages.insert(0, (NEW_ADDRESS, CREATE | EXCLUSIVE, _ADDRESS.pack(socket.AF_INET, 30, 0, 0, index) + told))
    tell(ROUTE, messages)


def add_default_route(gateway: IPv4Address) -> None:
    """Everything that is not near leaves by ``gateway``.

    Raises:
        OSError: the kernel refuses.
    """
    body = _ROUTE.pack(socket.AF_INET, 0, 0, 0, MAIN, BY_HAND, ANYWHERE, UNICAST, 0) + attribute(GATEWAY, gateway.packed)
    tell(ROUTE, [(NEW_ROUTE, CREATE | EXCLUSIVE, body)])


def routes(apart_from: str) -> Iterator[tuple[str, IPv4Network]]:
    """Interface (empty where it is none, or several) and destination of every route of every table, apart from interfaces
    whose names begin like this.

    Raises:
        OSError: the kernel refuses.
    """
    names = dict(socket.if_nameindex())
    for body in ask(ROUTE, GET_ROUTE, _ROUTE.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)):
        told = attributes(body[_ROUTE.size :])
        name = names.get(_NUMBER.unpack(told[INTERFACE])[0], "") if INTERFACE in told else ""
        if not name.startswith(apart_from):
            yield name, IPv4Network((told.get(DESTINATION, bytes(4)), body[1]), strict=False)


def groups() -> Iterator[tuple[str, int]]:
    """Name and group of every interface.

    Raises:
        OSError: the kernel refuses.
    """
    for body in ask(ROUTE, GET_LINK, _LINK.pack(0, 0, 0, 0, 0)):
        told = attributes(body[_LINK.size :])
        group = _NUMBER.unpack(told[GROUP])[0] if GROUP in told else 0
        yield told.get(NAME, b"").rstrip(b"\0").decode(errors="replace"), group
