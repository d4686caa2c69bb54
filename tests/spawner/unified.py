"""The rules of control groups version 2 on ordinary files, for machines whose kernel gives its controllers to version 1.

After ``Documentation/admin-guide/cgroup-v2.rst``: a group has what its parent passes on; who passes on holds no processes (but
the root); a group with processes or children is not removed. ``Unified`` is a path; what makes groups and writes to them obeys.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path, PosixPath
from typing import Any

FILES = {
    "memory": ("memory.max", "memory.swap.max", "memory.peak", "memory.events"),
    "cpu": ("cpu.max",),
    "pids": ("pids.max",),
}
CONTROL = "cgroup.subtree_control"


class Unified(PosixPath):
    """A folder or file below a mounted version 2 hierarchy; ``top`` is the mount."""

    top = Path("/nowhere")

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        new = not self.is_dir()
        super().mkdir(mode, parents, exist_ok)
        if new:
            furnish(self, (self.parent / CONTROL).read_text().split())

    def write_text(self, data: str, *arguments: Any, **named: Any) -> int:
        if self.name == CONTROL:
            return self._pass_on(data.removeprefix("+"))
        if self.name == "cgroup.procs":
            return self._move(os.getpid() if data == "0" else int(data))
        if not self.exists():
            raise OSError(errno.EACCES, "no such control file", str(self))
        return super().write_text(data, *arguments, **named)

    def rmdir(self) -> None:
        if not self.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such group", str(self))
        if processes(self) or any(one.is_dir() for one in self.iterdir()):
            raise OSError(errno.EBUSY, "busy", str(self))
        shutil.rmtree(str(self))

    def _pass_on(self, controller: str) -> int:
        if controller not in (self.parent / "cgroup.controllers").read_text().split():
            raise OSError(errno.ENOENT, "not offered", str(self))
        if processes(self.parent) and Path(self.parent) != self.top:
            raise OSError(errno.EBUSY, "holds processes", str(self))
        passed = {*self.read_text().split(), controller}
        return super().write_text(" ".join(sorted(passed)))

    def _move(self, pid: int) -> int:
        passes = (self.parent / CONTROL).read_text().split()
        if passes and Path(self.parent) != self.top:
            raise OSError(errno.EBUSY, "passes controllers on", str(self))
        for file in Path(self.top).rglob("cgroup.procs"):
            file.write_text("\n".join(one for one in file.read_text().split() if one != str(pid)))
        plain = Path(self)
        return plain.write_text("\n".join([*plain.read_text().split(), str(pid)]))


def furnish(folder: Path, controllers: list[str]) -> None:
    """What the kernel puts into a new group."""
    plain = Path(folder)
    (plain / "cgroup.controllers").write_text(" ".join(controllers))
    for name in ("cgroup.procs", CONTROL, *(name for one in controllers for name in FILES.get(one, ()))):
        (plain / name).touch()


def processes(folder: Path) -> list[str]:
    """Who is in a group."""
    return (Path(folder) / "cgroup.procs").read_text().split()
