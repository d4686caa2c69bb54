"""Which network a sandbox gets, and the filter that keeps it from everything but the outside.

As an ordinary user: the host's. As root: a namespace of its own for every launch, joined to the machine by a pair of
virtual interfaces (``veth(4)``) with four private addresses, whose packets leave under the machine's address. The
filter lets nothing through to the machine itself, to other sandboxes, or to any network but the one the default route
leads to; the Hub reaches a workspace, and a sandbox the platform, through the supervisor. Nothing has to be cleaned
up: the kernel removes both interfaces with the last process in the namespace. Where the kernel refuses any part, a
sandbox gets its own loopback and no more.

Several platforms may run on one machine: each has a filter of its own, which is for the interfaces of its group.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import socket
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from trainyard_spawner import links
from trainyard_spawner import nftables as nft

log = logging.getLogger(__name__)

PREFIX = "ty-"
TABLE = "trainyard"
_TABLE_OF_PLATFORM = re.compile(f"{TABLE}-([0-9a-f]{{8}})")
POOLS = ("10.213.0.0/16", "172.29.0.0/16", "192.168.208.0/20")
LINK_LOCAL = IPv4Network("169.254.0.0/16")
CLONE_NEWNET = 0x40000000
HOOK_INPUT, HOOK_FORWARD, HOOK_LEAVE = 1, 2, 4
BEFORE_OTHERS, SOURCE_TRANSLATION = -10, 100
SETTINGS = Path("/proc/sys/net/ipv4/conf")
STRIDE = 257  # has no factor in common with the number of blocks of any pool, so that each is come by
LIBC = ctypes.CDLL(None, use_errno=True)


class NoNetwork(Exception):
    """This machine gives sandboxes no way out; the message says what refused."""


@dataclass(frozen=True)
class Outside:
    """The way out: the interfaces of the default routes, and the private addresses that are free here."""

    uplinks: tuple[str, ...]
    pool: IPv4Network


@dataclass(frozen=True)
class Platform:
    """Whose sandboxes they are: what tells the interfaces and the filter of one state folder from another's."""

    home: Path
    group: int
    """Of all its interfaces; never 0, which is everybody's."""

    @classmethod
    def of(cls, home: Path) -> Platform:
        """The one whose state folder that is."""
        import hashlib  # which a supervisor would load for nothing

        return cls(home, int.from_bytes(hashlib.sha256(bytes(home)).digest()[:4], "big") & 0x7FFFFFFF | 1)

    @property
    def table(self) -> str:
        """Of its filter."""
        return f"{TABLE}-{self.group:08x}"


def choose(platform: Platform) -> str:
    """``shared`` as an ordinary user; as root ``own``, or ``none`` where the machine refuses."""
    if os.geteuid() != 0:
        return "shared"
    try:
        install(platform)
        _remove_leftovers()
    except NoNetwork as refused:
        log.warning("sandboxes have no network: %s", refused)
        return "none"
    return "own"


def install(platform: Platform) -> Outside:
    """Put the filter in place and let packets through between sandboxes and the way out. Once or many times, the same.

    Raises:
        NoNetwork: no default route, or the kernel refuses.
    """
    try:
        outside = find_outside()
        nft.replace_table(platform.table, chains(outside, platform.group), str(platform.home))
        for name in outside.uplinks:
            _allow_forwarding(name)
    except OSError as error:
        raise NoNetwork(str(error)) from error
    return outside


def open_namespace(platform: Platform, number: int) -> int:
    """A descriptor of a new network with a way out; ``number`` says which addresses are tried first.

    Raises:
        NoNetwork: the kernel refuses.
    """
    outside = install(platform)
    try:
        descriptor = int(_in_new_namespace(lambda: os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)))
        try:
            _connect(descriptor, platform.group, outside.pool, number)
        except BaseException:
            os.close(descriptor)
            raise
    except OSError as error:
        raise NoNetwork(str(error)) from error
    return descriptor


def open_loopback() -> int:
    """A descriptor of a new network without any way out: those who enter it reach each other.

    Raises:
        NoNetwork: the kernel refuses.
    """
    try:
        return int(_in_new_namespace(_only_loopback))
    except OSError as error:
        raise NoNetwork(str(error)) from error


def find_outside() -> Outside:
    """Read the routes.

    Raises:
        NoNetwork: there is no default route, or none of our pools is free.
    """
    return choose_outside(links.routes(apart_from=PREFIX))


def choose_outside(routes: Iterable[tuple[str, IPv4Network]]) -> Outside:
    """From routes as (interface, destination) to the way out; our own interfaces do not count."""
    foreign = [(name, network) for name, network in routes if name and not name.startswith(PREFIX)]
    uplinks = tuple(dict.fromkeys(name for name, network in foreign if network.prefixlen == 0))
    if not uplinks:
        raise NoNetwork("there is no default route")
    used = [network for _, network in foreign if network.prefixlen > 0]
    for pool in map(IPv4Network, POOLS):
        if not any(pool.overlaps(network) for network in used):
            return Outside(uplinks, pool)
    raise NoNetwork("every private network we could use is in use: " + ", ".join(POOLS))


@lru_cache(maxsize=4)
def chains(outside: Outside, group: int) -> Sequence[nft.Chain]:
    """The filter. What comes from a sandbox never enters the machine, and is only passed on to the way out."""
    inside = nft.group_is(nft.META_INPUT_GROUP, group)
    drop, accept = nft.verdict(nft.DROP), nft.verdict(nft.ACCEPT)
    to_inside = nft.group_is(nft.META_OUTPUT_GROUP, group)
    elsewhere = [part for name in outside.uplinks for part in nft.name_is_not(nft.META_OUTPUT_NAME, name)]
    forward = [
        inside + to_inside + drop,
        to_inside + nft.is_answer() + accept,
        to_inside + drop,
        inside + nft.is_not_ipv4() + drop,
        inside + elsewhere + drop,
        inside + nft.is_ipv4() + nft.address_in(nft.DESTINATION, LINK_LOCAL) + drop,
    ]
    leave = nft.is_ipv4() + nft.address_in(nft.SOURCE, outside.pool) + nft.masquerade()
    return [
        nft.Chain("input", "filter", HOOK_INPUT, BEFORE_OTHERS, [inside + drop]),
        nft.Chain("forward", "filter", HOOK_FORWARD, BEFORE_OTHERS, forward),
        nft.Chain("leave", "nat", HOOK_LEAVE, SOURCE_TRANSLATION, [leave]),
    ]


def _remove_leftovers() -> None:
    """Filters of platforms whose folder is gone (tests leave many), where none of their interfaces is there."""
    with suppress(OSError):
        used = {group for name, group in links.groups() if name.startswith(PREFIX)}
        for table, home in nft.tables().items():
            if is_left(table, home, used):
                nft.remove_table(table)


def is_left(table: str, home: str, used: Collection[int]) -> bool:
    """Whether a table is ours, its platform's folder is gone, and none of its interfaces is among those ``used``.

    One without a group is from before every platform had its own.
    """
    if table == TABLE:
        return 0 not in used
    ours = _TABLE_OF_PLATFORM.fullmatch(table)
    return ours is not None and int(ours[1], 16) not in used and bool(home) and not Path(home).exists()


def _connect(namespace: int, group: int, pool: IPv4Network, number: int) -> None:
    name, block = _make_pair(namespace, group, pool, number)
    here, there = block[1], block[2]
    _allow_forwarding(name)
    links.switch_on(name, here)
    _in_namespace(namespace, lambda: _configure_inside(here, there))


def free_blocks(pool: IPv4Network, number: int, taken: Collection[str]) -> Iterator[tuple[str, IPv4Network]]:
    """Every name for an interface that is not ``taken``, with its addresses; ``number`` says with which it begins."""
    blocks = pool.num_addresses // 4
    for attempt in range(blocks):
        index = (number + attempt * STRIDE) % blocks
        if (name := f"{PREFIX}{index}") not in taken:
            yield name, IPv4Network((int(pool.network_address) + index * 4, 30))


def _make_pair(namespace: int, group: int, pool: IPv4Network, number: int) -> tuple[str, IPv4Network]:
    """The first free name is the first free block: the kernel gives a name to one only, of all platforms."""
    taken = {name for _, name in socket.if_nameindex()}
    for name, block in free_blocks(pool, number, taken):
        with suppress(FileExistsError):  # another launch was faster
            links.make_pair(links.Pair(name, namespace, group))
            return name, block
    raise NoNetwork(f"every name for an interface is taken: {len(taken)}")


def _only_loopback() -> int:
    """Switch on the loopback of this thread's network; its descriptor."""
    links.switch_on("lo")
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _configure_inside(here: IPv4Address, there: IPv4Address) -> None:
    links.switch_on("lo")
    links.switch_on("eth0", there)
    links.add_default_route(here)


def _in_new_namespace(work: Callable[[], Any]) -> Any:
    return _in_thread(lambda: LIBC.unshare(CLONE_NEWNET), work)


def _in_namespace(descriptor: int, work: Callable[[], Any]) -> Any:
    return _in_thread(lambda: LIBC.setns(descriptor, CLONE_NEWNET), work)


def _in_thread(enter: Callable[[], int], work: Callable[[], Any]) -> Any:
    """A namespace belongs to a thread; one of our own ends with its change."""
    result: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            if enter() != 0:
                code = ctypes.get_errno()
                raise OSError(code, f"a network namespace: {os.strerror(code)}")
            result.append(work())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


def _allow_forwarding(name: str) -> None:
    """For this interface only, so that the machine does not become everybody's router."""
    setting = SETTINGS / name / "forwarding"
    if setting.read_text().strip() != "1":
        setting.write_text("1")
