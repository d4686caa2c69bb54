"""From a launch specification and facts about the machine to a bubblewrap command line: a pure function, tested by equality.

Nothing of the host is seen but what is named here: its programs and libraries read-only, a dozen harmless files of
``/etc``, the image, and the mounts. Sources are handed to bubblewrap as open descriptors, numbered from
``FIRST_DESCRIPTOR`` in the order of ``Sandbox.handed``: paths below a share belong to people, who may replace a
folder by a link at any moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trainyard.jobs.launch import Identity, LaunchSpec, resolved

FIRST_DESCRIPTOR = 10
IMAGE = "/opt/image"
INSIDE = "/opt/trainyard/trainyard_spawner/inside"
HOME = "/workspace/home"
SMALL_TMPFS = 64 << 20
INIT = "import sys; sys.path.insert(0, '/opt/trainyard'); from trainyard_spawner.inside.init import main; main()"
PLAIN_NAME = re.compile(r"^[a-z_][a-z0-9_-]{0,31}$")


@dataclass(frozen=True)
class Host:
    """What the machine offers.

    ``network``: ``shared`` with the host, ``own`` (a namespace that the supervisor enters first, with a way out), or
    ``none`` (loopback and relays only).
    ``etc``: the files of ``/etc`` that exist and may be seen. ``lib_links``: merged directories as (name, target).
    """

    root: bool
    bwrap: str
    inside: str
    network: str
    etc: tuple[str, ...] = ()
    lib_links: tuple[tuple[str, str], ...] = (("bin", "usr/bin"), ("lib", "usr/lib"), ("sbin", "usr/sbin"))
    resolv_conf: str = ""
    device_binds: tuple[str, ...] = ()
    library_binds: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Handed:
    """One descriptor bubblewrap is given: an opened ``path``, or a memory file with ``content``."""

    path: str | None = None
    content: str | None = None


@dataclass(frozen=True)
class Sandbox:
    """A command line and the descriptors it counts on."""

    argv: tuple[str, ...]
    handed: tuple[Handed, ...]


class _Line:
    """Collects arguments and descriptors."""

    def __init__(self) -> None:
        self.argv: list[str] = []
        self.handed: list[Handed] = []
        self._made = {"/"}

    def parents(self, target: str) -> None:
        """Make the folders above ``target``: one that bubblewrap makes by itself is closed to everybody but root."""
        for position in range(1, len(target)):
            if target[position] == "/":
                self.folder(target[:position])

    def folder(self, path: str) -> None:
        if path not in self._made:
            self.add("--perms", "0755", "--dir", path)
            self._made.add(path)

    def taken(self, path: str) -> None:
        """``path`` is a mount now, which needs no folder made."""
        self._made.add(path)

    def add(self, *arguments: str) -> None:
        self.argv += arguments

    def bind(self, source: str, target: str, *, read_only: bool) -> None:
        self.add("--ro-bind-fd" if read_only else "--bind-fd", self._hand(Handed(path=source)), target)

    def file(self, target: str, content: str) -> None:
        self.add("--perms", "0644", "--ro-bind-data", self._hand(Handed(content=content)), target)

    def _hand(self, handed: Handed) -> str:
        self.handed.append(handed)
        return str(FIRST_DESCRIPTOR + len(self.handed) - 1)


def build(spec: LaunchSpec, host: Host, image_environment: Path) -> Sandbox:
    """The bubblewrap command line for ``spec``, with everything it needs to be handed."""
    line = _Line()
    line.add(host.bwrap, "--die-with-parent", "--as-pid-1")
    _namespaces(line, spec, host)
    _system(line, spec, host)
    line.bind(str(image_environment), IMAGE, read_only=True)
    line.bind(host.inside, INSIDE, read_only=True)
    _workspace(line, spec)
    _devices(line, host)
    line.add("--remount-ro", "/", "--chdir", "/", "--")
    line.add("/usr/bin/python3", "-I", "-S", "-c", INIT)
    return Sandbox(tuple(line.argv), tuple(line.handed))


def host_name(spec: LaunchSpec) -> str:
    """What the sandbox believes its machine is called."""
    return spec.key


def _namespaces(line: _Line, spec: LaunchSpec, host: Host) -> None:
    line.add("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", host_name(spec))
    if host.network == "none":
        line.add("--unshare-net")
    if host.root:
        line.add("--cap-drop", "ALL")
        # the first process gives them all up; CAP_KILL lets bubblewrap's death end it although it has another user by then
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL", "CAP_NET_BIND_SERVICE"):
            line.add("--cap-add", capability)
    else:
        line.add("--unshare-user", "--disable-userns")
        line.add("--uid", str(spec.identity.uid), "--gid", str(spec.identity.gid))


def _system(line: _Line, spec: LaunchSpec, host: Host) -> None:
    for target in ("/etc/passwd", IMAGE, INSIDE, HOME):
        line.parents(target)
    line.add("--ro-bind", "/usr", "/usr")
    for name, target in host.lib_links:
        line.add("--symlink", target, f"/{name}")
    for path in host.etc:
        line.parents(path)
        line.add("--ro-bind", path, path)
    line.file("/etc/passwd", passwd(spec.identity))
    line.file("/etc/group", group(spec.identity))
    others = [key for key in spec.gang if key != host_name(spec)]
    line.file("/etc/hosts", f"127.0.0.1 {' '.join(['localhost', host_name(spec), *others])}\n")
    line.file("/etc/resolv.conf", host.resolv_conf)
    line.add("--proc", "/proc", "--dev", "/dev")
    half = str(spec.resources.memory // 2)
    line.add("--perms", "1777", "--size", half, "--tmpfs", "/dev/shm")  # noqa: S108 (a path inside the sandbox)
    line.add("--perms", "1777", "--size", half, "--tmpfs", "/tmp")  # noqa: S108
    line.add("--perms", "1777", "--size", str(SMALL_TMPFS), "--tmpfs", "/run")
    line.parents("/sys/devices/system/cpu")
    line.add("--ro-bind-try", "/sys/devices/system/cpu", "/sys/devices/system/cpu")


def _workspace(line: _Line, spec: LaunchSpec) -> None:
    mounts = sorted(spec.mounts, key=lambda mount: mount.target.parts)
    if not any(str(mount.target) == HOME for mount in mounts):
        line.add("--perms", "1777", "--size", str(SMALL_TMPFS), "--tmpfs", HOME)
    for mount in mounts:
        line.parents(str(mount.target))
        line.bind(str(mount.source), str(mount.target), read_only=mount.read_only)
        line.taken(str(mount.target))


def _devices(line: _Line, host: Host) -> None:
    for device in host.device_binds:
        line.add("--dev-bind", device, device)
    for source, target in host.library_binds:
        line.parents(target)
        line.add("--ro-bind", source, target)


def account_name(identity: Identity) -> str:
    """The person's name where a program asks for one: names in any script are shown, but not put into ``/etc/passwd``."""
    return identity.name if PLAIN_NAME.match(identity.name) else f"u{identity.uid}"


def passwd(identity: Identity) -> str:
    """The ``/etc/passwd`` of a sandbox: root, the person, nobody."""
    person = f"{account_name(identity)}:x:{identity.uid}:{identity.gid}::{HOME}:/bin/bash"
    return f"root:x:0:0:root:/root:/usr/sbin/nologin\n{person}\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"


def group(identity: Identity) -> str:
    """The ``/etc/group`` of a sandbox: the person's own group and the ones they work in."""
    lines = ["root:x:0:", f"{account_name(identity)}:x:{identity.gid}:"]
    lines += [f"g{number}:x:{number}:" for number in identity.groups if number != identity.gid]
    return "\n".join([*lines, "nogroup:x:65534:", ""])


def environment(spec: LaunchSpec) -> dict[str, str]:
    """The complete environment of the program: what the specification says over what every program needs to work at all."""
    threads = str(max(1, int(spec.resources.cpu)))
    needed = {
        "HOME": HOME,
        "USER": account_name(spec.identity),
        "LOGNAME": account_name(spec.identity),
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "VIRTUAL_ENV": IMAGE,
        # libraries count the machine's cores, not ours, and would start a thread for each
        "OMP_NUM_THREADS": threads,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    path = spec.environment.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    own = f"{IMAGE}/bin"
    given = resolved(spec.environment, dict.fromkeys(spec.gang, "127.0.0.1"))
    return {**needed, **given, "PATH": path if path.startswith(own) else f"{own}:{path}"}
