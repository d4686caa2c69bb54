"""Run by test_network: a machine, an outside, an inner network and sandboxes; prints ``place=what answered``."""

from __future__ import annotations

import ctypes
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from trainyard.jobs.launch import LaunchSpec, Mount, Resources
from trainyard_spawner import network, nftables
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from tests.spawner.conftest import PERSON, end_all, make_home

OUTSIDE = "203.0.113.9"
INNER = "10.9.0.2"
PORT = 8000
OURS = network.Platform.of(Path("/srv/trainyard"))
THEIRS = network.Platform.of(Path("/srv/another"))
GONE = network.Platform.of(Path("/srv/gone"))
ASK = "import socket; print(socket.create_connection(('{host}', {port}), 5).recv(99).decode())"


def new_namespace() -> int:
    return int(network._in_new_namespace(lambda: os.open("/proc/thread-self/ns/net", os.O_RDONLY)))


def join(name: str, namespace: int, addresses: tuple[str, str]) -> None:
    """A pair of interfaces from here, called ``name``, into ``namespace``."""

    def configure(interface: str, address: str) -> None:
        with IPRoute() as links:
            index = links.link_lookup(ifname=interface)[0]
            links.addr("add", index=index, address=address, prefixlen=24)
            links.link("set", index=index, state="up")

    with IPRoute() as links:
        links.link("add", ifname=name, kind="veth", peer={"ifname": "eth0", "net_ns_fd": namespace})
    configure(name, addresses[0])
    network._in_namespace(namespace, lambda: configure("eth0", addresses[1]))


def serve(host: str = "0.0.0.0") -> None:
    """Tell each caller the address it comes from."""
    server = socket.create_server((host, PORT))

    def answer() -> None:
        while True:
            connection, caller = server.accept()
            with connection, suppress(OSError):
                connection.sendall(caller[0].encode())

    threading.Thread(target=answer, daemon=True).start()


def ask(namespace: int, host: str) -> str:
    def call() -> str:
        try:
            with socket.create_connection((host, PORT), 1) as connection:
                return connection.recv(99).decode()
        except OSError:
            return "out of reach"

    return str(network._in_namespace(namespace, call))


def addresses() -> list[str]:
    with IPRoute() as links:
        return [str(address.get_attr("IFA_ADDRESS")) for address in links.get_addr(family=2)]


def within(namespace: int, work: Callable[[], Any]) -> Any:
    return network._in_namespace(namespace, work)


def run_sandbox() -> str:
    """What a launched program is told by the outside."""
    with tempfile.TemporaryDirectory(prefix="trainyard-network-") as folder:
        home = make_home(Path(folder).resolve() / "home")
        launcher = SandboxLauncher(home)
        share = Mount(source=home.group_share(1), target=Path("/workspace/mnt/group/g"), read_only=False)
        spec = LaunchSpec(
            key="asks",
            image="tiny:1",
            argv=("python", "-c", ASK.format(host=OUTSIDE, port=PORT)),
            environment={},
            working_directory=Path("/workspace/home"),
            mounts=(share,),
            resources=Resources(cpu=1, memory=256 << 20),
            identity=PERSON,
            output=home.group_share(1) / "out.log",
        )
        launcher.start(spec)
        deadline = time.monotonic() + 60
        while (state := launcher.state("asks")) and state.phase != "ended" and time.monotonic() < deadline:
            time.sleep(0.05)
        told = (home.group_share(1) / "out.log").read_text().strip()
        end_all(launcher)
        return told


def main() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(network.CLONE_NEWNET) != 0:
        raise OSError("this machine makes no network namespaces")
    with IPRoute() as links:
        links.link("set", index=links.link_lookup(ifname="lo")[0], state="up")
    outside, inner = new_namespace(), new_namespace()
    join("uplink", outside, ("203.0.113.1", OUTSIDE))
    join("docker0", inner, ("10.9.0.1", INNER))
    with IPRoute() as links:
        links.route("add", dst="default", gateway=OUTSIDE)
    first, second = network.open_namespace(OURS, 20001), network.open_namespace(OURS, 20002)
    theirs = network.open_namespace(THEIRS, 20004)
    for namespace in (outside, inner, first, second, theirs):
        within(namespace, serve)
    serve()
    own, other = within(first, addresses)[-1], within(second, addresses)[-1]
    neighbour = within(theirs, addresses)[-1]
    within(outside, lambda: _route_back(own))
    places = {
        "host-uplink": "203.0.113.1",
        "host-inner-network": "10.9.0.1",
        "inner-network": INNER,
        "host-own-end": _before(own),
        "host-other-end": _before(other),
        "other-sandbox": other,
        "other-platform": neighbour,
        "outside": OUTSIDE,
    }
    for place, host in places.items():
        print(f"{place}={ask(first, host)}")
    # the sandbox's own loopback answers as itself; the machine's would have to be another one
    third = network.open_namespace(OURS, 20003)
    print(f"host-loopback={ask(third, '127.0.0.1')}")
    print(f"own-from-outside={ask(outside, own)}")
    print(f"outside-of-theirs={ask(theirs, OUTSIDE)}")
    print(f"own-from-theirs={ask(theirs, own)}")
    print(f"sandbox={run_sandbox()}")
    os.close(third)
    os.close(network.open_namespace(GONE, 20005))
    print(f"left={_left([f'{network.PREFIX}{number % 16384}' for number in (20003, 20005)])}")
    print(f"tables={_tables()}", flush=True)
    os._exit(0)


def _left(names: list[str]) -> str:
    """Which of the interfaces are still there; the kernel removes them a moment after the last descriptor."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with IPRoute() as links:
            left = {link.get_attr("IFLA_IFNAME") for link in links.get_links()} & set(names)
        if not left:
            return ""
        time.sleep(0.1)
    return ",".join(left)


def _tables() -> str:
    """Whose filters are left once the interfaces of those that have ended are gone."""
    names = {OURS.table: "ours", THEIRS.table: "theirs"}
    deadline = time.monotonic() + 120
    while True:
        network.choose(OURS)
        found = sorted(names.get(table, table) for table in nftables.tables())
        if len(found) == len(names) or time.monotonic() > deadline:
            return " ".join(found)
        time.sleep(0.1)


def _route_back(own: str) -> None:
    with IPRoute() as links:
        links.route("add", dst=own, gateway="203.0.113.1")


def _before(address: str) -> str:
    head, _, tail = address.rpartition(".")
    return f"{head}.{int(tail) - 1}"


if __name__ == "__main__":
    main()
