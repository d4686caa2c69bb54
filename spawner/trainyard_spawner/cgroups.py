"""Limits by control groups, version 2 or 1, whichever the machine lets us write. Standard library only.

A home has one group ``trainyard-<digest>``; below it one per launch, and ``supervisors``, so that no supervisor is
counted or killed with what it watches. Formats: ``Documentation/admin-guide/cgroup-v2.rst`` and
``cgroup-v1/memory.rst`` of the kernel.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "cpu", "pids")
PERIOD = 100_000
LEAF = "supervisors"


@dataclass(frozen=True)
class Parent:
    """Where groups of one home are made: ``kind`` is ``v2`` or ``v1``; folders by controller, all the same one in version 2."""

    kind: str
    folders: dict[str, Path]

    def group(self, name: str) -> list[Path]:
        """The folders of one launch."""
        return list(dict.fromkeys(folder / name for folder in self.folders.values()))


def find_parent(home: Path) -> Parent | None:
    """Where this process may make groups with at least a memory limit, or None."""
    import hashlib  # which a supervisor would load for nothing

    name = "trainyard-" + hashlib.sha256(str(home).encode()).hexdigest()[:12]
    memberships = _memberships()
    if (MOUNT / "cgroup.controllers").is_file():
        return _find_v2(MOUNT / memberships.get("", "/").lstrip("/"), name)
    return _find_v1(memberships, name)


def create(parent: Parent, name: str, *, memory: int, cpu: float, tasks: int) -> list[Path]:
    """Make the groups of one launch and write its limits; ``memory`` in bytes, ``cpu`` in cores."""
    for folder in parent.group(name):
        folder.mkdir(exist_ok=True)
    if parent.kind == "v2":
        folder = parent.folders["memory"] / name
        _write(folder / "memory.max", memory)
        _write(folder / "memory.swap.max", 0, needed=False)
        _write(folder / "cpu.max", f"{int(cpu * PERIOD)} {PERIOD}", needed=False)
        _write(folder / "pids.max", tasks, needed=False)
    else:
        _write_v1(parent, name, memory, (cpu, tasks))
    return parent.group(name)


def enter(folders: list[Path]) -> None:
    """Move the calling process into the groups."""
    for folder in folders:
        (folder / "cgroup.procs").write_text("0")


def shelter(folders: list[Path]) -> None:
    """Move the calling process beside the groups of its launch, so that whoever started it may be stopped without it."""
    for folder in folders:
        beside = folder.parent / LEAF
        with suppress(OSError):
            beside.mkdir(exist_ok=True)
            (beside / "cgroup.procs").write_text("0")


def out_of_memory(folders: list[Path]) -> bool:
    """Whether the kernel has killed something in the group for its memory limit."""
    for folder in folders:
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError):
                table = dict(line.split() for line in (folder / name).read_text().splitlines())
                if int(table.get("oom_kill", 0)) > 0:
                    return True
    return False


def peak_memory(folders: list[Path]) -> int | None:
    """The most memory the group has used, in bytes, or None where the kernel does not say."""
    for folder in folders:
        for name in ("memory.peak", "memory.max_usage_in_bytes"):
            with suppress(OSError, ValueError):
                return int((folder / name).read_text())
    return None


def cpu_seconds(folders: list[Path]) -> float | None:
    """What the group's processes have computed, living and ended, or None where the kernel does not say."""
    for folder in folders:
        with suppress(OSError, ValueError):
            return int((folder / "cpuacct.usage").read_text()) / 1e9
        with suppress(OSError, ValueError, KeyError):
            table = dict(line.split() for line in (folder / "cpu.stat").read_text().splitlines())
            return int(table["usage_usec"]) / 1e6
    return None


def remove(folders: list[Path]) -> None:
    """Kill what is left in the groups and remove them."""
    for folder in folders:
        for _ in range(50):
            try:
                folder.rmdir()
                break
            except FileNotFoundError:
                break
            except OSError:
                _kill(folder)
                time.sleep(0.02)


def leftovers(parent: Parent, living: set[str]) -> list[Path]:
    """Groups of launches that are no more."""
    return [
        group
        for folder in dict.fromkeys(parent.folders.values())
        if folder.is_dir()
        for group in folder.iterdir()
        if group.is_dir() and group.name != LEAF and group.name not in living
    ]


def remove_unused(home: Path) -> None:
    """Remove the group of a home in which nothing runs any more."""
    parent = find_parent(home)
    for folder in dict.fromkeys(parent.folders.values()) if parent else ():
        for one in (folder / LEAF, folder):
            with suppress(OSError):
                one.rmdir()


def _kill(folder: Path) -> None:
    with suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _memberships() -> dict[str, str]:
    """This process's group by controller name; the version 2 hierarchy has an empty name."""
    table = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        for name in names.split(","):
            table[name] = path
    return table


def _find_v2(own: Path, name: str) -> Parent | None:
    """A group with processes cannot pass controllers on, so look beside ours; root begins at the top, where systemd lets it."""
    candidates = [folder for folder in own.parents if folder == MOUNT or MOUNT in folder.parents]
    if own == MOUNT:
        candidates = [MOUNT]
    if os.geteuid() == 0:
        candidates.reverse()
    for folder in candidates:
        if _delegate_v2(folder) and _delegate_v2(folder / name, make=True):
            return Parent("v2", dict.fromkeys(CONTROLLERS, folder / name))
    return None


def _delegate_v2(folder: Path, *, make: bool = False) -> bool:
    """Whether groups below ``folder`` can have a memory limit and processes of ours."""
    try:
        if make:
            folder.mkdir(exist_ok=True)
        if not os.access(folder / "cgroup.procs", os.W_OK) or not os.access(folder, os.W_OK):
            return False
        offered = set((folder / "cgroup.controllers").read_text().split())
        control = folder / "cgroup.subtree_control"
        for controller in CONTROLLERS:
            if controller in offered - set(control.read_text().split()):
                with suppress(OSError):
                    control.write_text(f"+{controller}")
        return "memory" in control.read_text().split()
    except OSError:
        return False


def _find_v1(memberships: dict[str, str], name: str) -> Parent | None:
    folders = {}
    for controller in CONTROLLERS:
        base = MOUNT / controller
        own = base / memberships.get(controller, "/").lstrip("/")
        folder = (own if own.is_dir() else base) / name
        with suppress(OSError):
            folder.mkdir(exist_ok=True)
            if os.access(folder / "cgroup.procs", os.W_OK):
                folders[controller] = folder
    return Parent("v1", folders) if "memory" in folders else None


def _write_v1(parent: Parent, name: str, memory: int, cpu_and_tasks: tuple[float, int]) -> None:
    folder = parent.folders["memory"] / name
    _write(folder / "memory.limit_in_bytes", memory)
    _write(folder / "memory.memsw.limit_in_bytes", memory, needed=False)
    if "cpu" in parent.folders:
        _write(parent.folders["cpu"] / name / "cpu.cfs_period_us", PERIOD, needed=False)
        _write(parent.folders["cpu"] / name / "cpu.cfs_quota_us", int(cpu_and_tasks[0] * PERIOD), needed=False)
    if "pids" in parent.folders:
        _write(parent.folders["pids"] / name / "pids.max", cpu_and_tasks[1], needed=False)


def _write(path: Path, value: object, *, needed: bool = True) -> None:
    try:
        path.write_text(str(value))
    except OSError:
        if needed:
            raise
