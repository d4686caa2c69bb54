"""Just enough of nf_tables over netlink to put one table in place in a single transaction, without the ``nft`` program.

``pyroute2`` sends table, chains and rules one by one, which would leave the machine open between two of them.
Numbers are those of ``linux/netfilter/nf_tables.h`` and ``nfnetlink.h``; attributes are in network byte order.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

NETLINK_NETFILTER = 12
SUBSYSTEM = 10
BATCH_BEGIN, BATCH_END = 16, 17
NEW_TABLE, DELETE_TABLE, NEW_CHAIN, NEW_RULE = 0, 2, 3, 6
REQUEST, ACKNOWLEDGE, CREATE, APPEND = 0x1, 0x4, 0x400, 0x800
ERROR = 2
INET = 1
NESTED = 0x8000
DROP, ACCEPT = 0, 1
EQUAL, NOT_EQUAL = 0, 1
REGISTER, VERDICT_REGISTER = 1, 0
META_INPUT_NAME, META_OUTPUT_NAME, META_PROTOCOL_FAMILY = 6, 7, 15
NETWORK_HEADER = 1
SOURCE, DESTINATION = 12, 16
ESTABLISHED_OR_RELATED = 2 | 4


@dataclass(frozen=True)
class Chain:
    """A base chain that accepts what no rule of it drops; each rule is a list of encoded expressions."""

    name: str
    kind: str
    hook: int
    priority: int
    rules: Sequence[Sequence[bytes]]


def name_begins(key: int, prefix: str) -> list[bytes]:
    """The interface's name begins with ``prefix``; ``key`` says which interface."""
    return [_load_meta(key), _compare(EQUAL, prefix.encode())]


def name_is_not(key: int, name: str) -> list[bytes]:
    """The interface has another name."""
    return [_load_meta(key), _compare(NOT_EQUAL, name.encode().ljust(16, b"\0"))]


def is_ipv4() -> list[bytes]:
    """The packet is of IP version 4."""
    return [_load_meta(META_PROTOCOL_FAMILY), _compare(EQUAL, bytes([socket.AF_INET]))]


def is_not_ipv4() -> list[bytes]:
    """The packet is of another protocol."""
    return [_load_meta(META_PROTOCOL_FAMILY), _compare(NOT_EQUAL, bytes([socket.AF_INET]))]


def address_in(offset: int, network: IPv4Network) -> list[bytes]:
    """The address at ``offset`` of the IPv4 header lies in ``network``."""
    load = _expression("payload", _number(1, REGISTER), _number(2, NETWORK_HEADER), _number(3, offset), _number(4, 4))
    return [load, _mask(network.netmask.packed), _compare(EQUAL, network.network_address.packed)]


def is_answer() -> list[bytes]:
    """The packet belongs to a connection that was let through before."""
    load = _expression("ct", _number(1, REGISTER), _number(2, 0))
    # connection tracking states are in the machine's own byte order
    return [load, _mask(struct.pack("=I", ESTABLISHED_OR_RELATED)), _compare(NOT_EQUAL, bytes(4))]


def verdict(code: int) -> list[bytes]:
    """``DROP`` or ``ACCEPT``."""
    data = _nest(2, _nest(2, _number(1, code)))
    return [_expression("immediate", _number(1, VERDICT_REGISTER), data)]


def masquerade() -> list[bytes]:
    """Leave under the address of the interface the packet leaves by."""
    return [_expression("masq")]


def replace_table(name: str, chains: Iterable[Chain]) -> None:
    """Put the table in place of an older one of the same name, all of it or nothing.

    Raises:
        OSError: the kernel refuses.
    """
    table = _text(1, name)
    messages = [(NEW_TABLE, CREATE, table), (DELETE_TABLE, 0, table), (NEW_TABLE, CREATE, table)]
    for chain in chains:
        hook = _nest(4, _number(1, chain.hook), _attribute(2, struct.pack("!i", chain.priority)))
        messages.append((NEW_CHAIN, CREATE, table + _text(3, chain.name) + hook + _number(5, ACCEPT) + _text(7, chain.kind)))
        for rule in chain.rules:
            expressions = _nest(4, *(_nest(1, expression) for expression in rule))
            messages.append((NEW_RULE, CREATE | APPEND, table + _text(2, chain.name) + expressions))
    _transact(messages)


def _transact(messages: Sequence[tuple[int, int, bytes]]) -> None:
    batch = _message(BATCH_BEGIN, REQUEST, 0, struct.pack("!BBH", 0, 0, SUBSYSTEM))
    for number, (kind, flags, body) in enumerate(messages, 1):
        header = struct.pack("!BBH", INET, 0, 0)
        batch += _message(SUBSYSTEM << 8 | kind, REQUEST | ACKNOWLEDGE | flags, number, header + body)
    batch += _message(BATCH_END, REQUEST, len(messages) + 1, struct.pack("!BBH", 0, 0, SUBSYSTEM))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.settimeout(5)
        netlink.bind((0, 0))
        netlink.send(batch)
        awaited = len(messages)
        while awaited > 0:
            awaited -= _acknowledged(netlink.recv(65536))


def _acknowledged(data: bytes) -> int:
    count, offset = 0, 0
    while offset < len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        if kind == ERROR:
            code = -struct.unpack_from("=i", data, offset + 16)[0]
            if code:
                raise OSError(code, f"nf_tables: {os.strerror(code)}")
            count += 1
        offset += (length + 3) & ~3
    return count


def _message(kind: int, flags: int, number: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, number, 0) + body


def _expression(name: str, *attributes: bytes) -> bytes:
    return _text(1, name) + _nest(2, *attributes)


def _load_meta(key: int) -> bytes:
    return _expression("meta", _number(1, REGISTER), _number(2, key))


def _compare(operator: int, value: bytes) -> bytes:
    return _expression("cmp", _number(1, REGISTER), _number(2, operator), _nest(3, _attribute(1, value)))


def _mask(mask: bytes) -> bytes:
    width = [_number(1, REGISTER), _number(2, REGISTER), _number(3, len(mask))]
    return _expression("bitwise", *width, _nest(4, _attribute(1, mask)), _nest(5, _attribute(1, bytes(len(mask)))))


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _nest(kind: int, *attributes: bytes) -> bytes:
    return _attribute(kind | NESTED, b"".join(attributes))


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("!I", value))


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")
