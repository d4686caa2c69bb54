"""Which network a sandbox gets, and the filter that keeps it from everything but the outside.

As an ordinary user: the host's. As root: a namespace of its own for every launch, joined to the machine by a pair of
virtual interfaces (``veth(4)``) with four private addresses, whose packets leave under the machine's address. The
filter lets nothing through to the machine itself, to other sandboxes, or to any network but the one the default route
leads to; the Hub reaches a workspace, and a sandbox the platform, through the supervisor. Nothing has to be cleaned
up: the kernel removes both interfaces with the last process in the namespace. Where the kernel refuses any part, a
sandbox gets its own loopback and no more.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from trainyard_spawner import nftables as nft

log = logging.getLogger(__name__)

PREFIX = "ty-"
TABLE = "trainyard"
POOLS = ("10.213.0.0/16", "172.29.0.0/16", "192.168.208.0/20")
LINK_LOCAL = IPv4Network("169.254.0.0/16")
CLONE_NEWNET = 0x40000000
HOOK_INPUT, HOOK_FORWARD, HOOK_LEAVE = 1, 2, 4
BEFORE_OTHERS, SOURCE_TRANSLATION = -10, 100
SETTINGS = Path("/proc/sys/net/ipv4/conf")
TRIES = 64


class NoNetwork(Exception):
    """This machine gives sandboxes no way out; the message says what refused."""


@dataclass(frozen=True)
class Outside:
    """The way out: the interfaces of the default routes, and the private addresses that are free here."""

    uplinks: tuple[str, ...]
    pool: IPv4Network


def choose() -> str:
    """``shared`` as an ordinary user; as root ``own``, or ``none`` where the machine refuses."""
    if os.geteuid() != 0:
        return "shared"
    try:
        install()
    except NoNetwork as refused:
        log.warning("sandboxes have no network: %s", refused)
        return "none"
    return "own"


def install() -> Outside:
    """Put the filter in place and let packets through between sandboxes and the way out. Once or many times, the same.

    Raises:
        NoNetwork: no default route, or the kernel refuses.
    """
    # pyroute2 runs an event loop of its own for each call, which a thread that runs one already cannot have
    outside: Outside = _in_thread(lambda _: 0, _install)
    return outside


def open_namespace(number: int) -> int:
    """A descriptor of a new network with a way out; ``number`` says which addresses are tried first.

    Raises:
        NoNetwork: the kernel refuses.
    """
    return int(_in_thread(lambda _: 0, lambda: _open_namespace(number)))


def find_outside() -> Outside:
    """Read the routes.

    Raises:
        NoNetwork: there is no default route, or none of our pools is free.
    """
    from pyroute2 import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

    try:
        with IPRoute() as routes:
            names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in routes.get_links()}
            table = [(names.get(route.get_attr("RTA_OIF"), ""), _destination(route)) for route in routes.get_routes(family=2)]
    except NetlinkError as error:
        raise NoNetwork(str(error)) from error
    return choose_outside(table)


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


def chains(outside: Outside) -> list[nft.Chain]:
    """The filter. What comes from a sandbox never enters the machine, and is only passed on to the way out."""
    inside = nft.name_begins(nft.META_INPUT_NAME, PREFIX)
    drop, accept = nft.verdict(nft.DROP), nft.verdict(nft.ACCEPT)
    to_inside = nft.name_begins(nft.META_OUTPUT_NAME, PREFIX)
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


def _install() -> Outside:
    try:
        outside = find_outside()
        nft.replace_table(TABLE, chains(outside))
        for name in outside.uplinks:
            _allow_forwarding(name)
    except OSError as error:
        raise NoNetwork(str(error)) from error
    return outside


def _open_namespace(number: int) -> int:
    from pyroute2.netlink.exceptions import NetlinkError

    outside = _install()
    try:
        descriptor = int(_in_new_namespace(lambda: os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)))
        try:
            _connect(descriptor, outside.pool, number)
        except BaseException:
            os.close(descriptor)
            raise
    except (OSError, NetlinkError) as error:
        raise NoNetwork(str(error)) from error
    return descriptor


def _connect(namespace: int, pool: IPv4Network, number: int) -> None:
    from pyroute2 import IPRoute

    with IPRoute() as links:
        index, block = _make_pair(links, namespace, pool, number)
        here, there = block[1], block[2]
        _allow_forwarding(f"{PREFIX}{index}")
        ours = links.link_lookup(ifname=f"{PREFIX}{index}")[0]
        links.addr("add", index=ours, address=str(here), prefixlen=30)
        links.link("set", index=ours, state="up")
    _in_namespace(namespace, lambda: _configure_inside(here, there))


def _make_pair(links: Any, namespace: int, pool: IPv4Network, number: int) -> tuple[int, IPv4Network]:
    """The first free name is the first free block: the kernel gives a name to one only."""
    from pyroute2.netlink.exceptions import NetlinkError

    blocks = pool.num_addresses // 4
    for attempt in range(TRIES):
        index = (number + attempt * 257) % blocks
        try:
            links.link("add", ifname=f"{PREFIX}{index}", kind="veth", peer={"ifname": "eth0", "net_ns_fd": namespace})
        except NetlinkError as error:
            if error.code != errno.EEXIST:
                raise
        else:
            return index, IPv4Network((int(pool.network_address) + index * 4, 30))
    raise NoNetwork(f"none of {TRIES} names for an interface was free")


def _configure_inside(here: IPv4Address, there: IPv4Address) -> None:
    from pyroute2 import IPRoute

    with IPRoute() as links:
        for name in ("lo", "eth0"):
            links.link("set", index=links.link_lookup(ifname=name)[0], state="up")
        links.addr("add", index=links.link_lookup(ifname="eth0")[0], address=str(there), prefixlen=30)
        links.route("add", dst="default", gateway=str(here))


def _in_new_namespace(work: Callable[[], Any]) -> Any:
    return _in_thread(lambda libc: libc.unshare(CLONE_NEWNET), work)


def _in_namespace(descriptor: int, work: Callable[[], Any]) -> Any:
    return _in_thread(lambda libc: libc.setns(descriptor, CLONE_NEWNET), work)


def _in_thread(enter: Callable[[Any], int], work: Callable[[], Any]) -> Any:
    """A namespace belongs to a thread; one of our own ends with its change."""
    result: list[Any] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            if enter(ctypes.CDLL(None, use_errno=True)) != 0:
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


def _destination(route: Any) -> IPv4Network:
    with suppress(ValueError):
        return IPv4Network((route.get_attr("RTA_DST") or "0.0.0.0", route["dst_len"]))  # noqa: S104
    return IPv4Network("0.0.0.0/0")
