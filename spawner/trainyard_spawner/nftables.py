"""Just enough of nf_tables over netlink to put one table in place in a single transaction, without the ``nft`` program.

Sent one by one, table, chains and rules would leave the machine open between two of them.
Numbers are those of ``linux/netfilter/nf_tables.h`` and ``nfnetlink.h``; attributes are in network byte order.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network

from trainyard_spawner import netlink

NETLINK_NETFILTER = 12
SUBSYSTEM = 10
BATCH_BEGIN, BATCH_END = 16, 17
NEW_TABLE, GET_TABLE, DELETE_TABLE, NEW_CHAIN, NEW_RULE = 0, 1, 2, 3, 6
TABLE_NOTE, LONGEST_NOTE = 6, 256
INET = 1
DROP, ACCEPT = 0, 1
EQUAL, NOT_EQUAL = 0, 1
REGISTER, VERDICT_REGISTER = 1, 0
META_OUTPUT_NAME, META_PROTOCOL_FAMILY, META_INPUT_GROUP, META_OUTPUT_GROUP = 7, 15, 21, 22
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


def group_is(key: int, number: int) -> list[bytes]:
    """The interface is in that group; ``key`` says which interface."""
    # groups are in the machine's own byte order
    return [_load_meta(key), _compare(EQUAL, struct.pack("=I", number))]


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
    data = netlink.nested(2, netlink.nested(2, _number(1, code)))
    return [_expression("immediate", _number(1, VERDICT_REGISTER), data)]


def masquerade() -> list[bytes]:
    """Leave under the address of the interface the packet leaves by."""
    return [_expression("masq")]


def replace_table(name: str, chains: Iterable[Chain], note: str = "") -> None:
    """Put the table in place of an older one of the same name, all of it or nothing; ``note`` is kept with it.

    Raises:
        OSError: the kernel refuses.
    """
    table, noted = netlink.text(1, name), note.encode()
    with_note = table + netlink.attribute(TABLE_NOTE, noted) if 0 < len(noted) <= LONGEST_NOTE else table
    messages = [(NEW_TABLE, netlink.CREATE, table), (DELETE_TABLE, 0, table), (NEW_TABLE, netlink.CREATE, with_note)]
    for chain in chains:
        hook = netlink.nested(4, _number(1, chain.hook), netlink.attribute(2, struct.pack("!i", chain.priority)))
        kind = _number(5, ACCEPT) + netlink.text(7, chain.kind)
        messages.append((NEW_CHAIN, netlink.CREATE, table + netlink.text(3, chain.name) + hook + kind))
        for rule in chain.rules:
            expressions = netlink.nested(4, *(netlink.nested(1, expression) for expression in rule))
            messages.append((NEW_RULE, netlink.CREATE | netlink.APPEND, table + netlink.text(2, chain.name) + expressions))
    _transact(messages)


def remove_table(name: str) -> None:
    """Remove a table with everything in it; one that is not there is fine.

    Raises:
        OSError: the kernel refuses.
    """
    with suppress(FileNotFoundError):
        _transact([(DELETE_TABLE, 0, netlink.text(1, name))])


def tables() -> dict[str, str]:
    """The tables there are, with what was noted at each.

    Raises:
        OSError: the kernel refuses.
    """
    found = {}
    for body in netlink.ask(NETLINK_NETFILTER, SUBSYSTEM << 8 | GET_TABLE, struct.pack("!BBH", INET, 0, 0)):
        told = netlink.attributes(body[4:])
        found[told.get(1, b"").rstrip(b"\0").decode(errors="replace")] = told.get(TABLE_NOTE, b"").decode(errors="replace")
    return found


def _transact(messages: Sequence[tuple[int, int, bytes]]) -> None:
    batch = netlink.framed(BATCH_BEGIN, netlink.REQUEST, 0, struct.pack("!BBH", 0, 0, SUBSYSTEM))
    for number, (kind, flags, body) in enumerate(messages, 1):
        header = struct.pack("!BBH", INET, 0, 0)
        batch += netlink.framed(SUBSYSTEM << 8 | kind, netlink.REQUEST | netlink.ACKNOWLEDGE | flags, number, header + body)
    batch += netlink.framed(BATCH_END, netlink.REQUEST, len(messages) + 1, struct.pack("!BBH", 0, 0, SUBSYSTEM))
    try:
        with netlink.opened(NETLINK_NETFILTER) as kernel:
            kernel.send(batch)
            awaited = len(messages)
            while awaited > 0:
                awaited -= sum(kind == netlink.ERROR for kind, _ in netlink.answers(kernel.recv(65536)))
    except OSError as error:
        raise OSError(error.errno, f"nf_tables: {error.strerror or error}") from error


def _expression(name: str, *attributes: bytes) -> bytes:
    return netlink.text(1, name) + netlink.nested(2, *attributes)


def _load_meta(key: int) -> bytes:
    return _expression("meta", _number(1, REGISTER), _number(2, key))


def _compare(operator: int, value: bytes) -> bytes:
    return _expression("cmp", _number(1, REGISTER), _number(2, operator), netlink.nested(3, netlink.attribute(1, value)))


def _mask(mask: bytes) -> bytes:
    width = [_number(1, REGISTER), _number(2, REGISTER), _number(3, len(mask))]
    to = [netlink.nested(kind, netlink.attribute(1, value)) for kind, value in ((4, mask), (5, bytes(len(mask))))]
    return _expression("bitwise", *width, *to)


def _number(kind: int, value: int) -> bytes:
    return netlink.attribute(kind, struct.pack("!I", value))
