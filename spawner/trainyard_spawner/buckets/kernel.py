"""The kernel's side of mounts: what is mounted, what can be, mounting and unmounting, passing new mounts on into sandboxes."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

DEVICE = Path("/dev/fuse")
LIBRARIES = ("libfuse3.so.3", "libfuse3.so.4")
HELPERS = ("fusermount3", "fusermount")
MS_BIND, MS_PRIVATE, MS_SHARED = 0x1000, 1 << 18, 1 << 20
MNT_DETACH = 2
OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mounted:
    """One line of ``mountinfo(5)``. ``shared``: what is mounted below it appears in sandboxes that bound it."""

    path: Path
    kind: str
    shared: bool


def library() -> str | None:
    """The name of the libfuse 3 that can be loaded."""
    for name in LIBRARIES:
        with suppress(OSError):
            ctypes.CDLL(name)
            return name
    return None


def missing() -> str | None:
    """What this machine lacks for mounts: ``device``, ``library``, ``helper``, or nothing."""
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return "device"
    if library() is None:
        return "library"
    if os.geteuid() != 0 and not any(shutil.which(name) for name in HELPERS):
        return "helper"
    return None


def mounts_below(folder: Path) -> list[Mounted]:
    """What is mounted at ``folder`` and below, the deepest first."""
    found = [one for one in parse(Path("/proc/self/mountinfo").read_text()) if one.path.is_relative_to(folder)]
    return sorted(found, key=lambda one: len(one.path.parts), reverse=True)


def parse(mountinfo: str) -> list[Mounted]:
    """The lines of ``mountinfo``: the fifth field is the place, optional fields end with a dash, then comes the kind."""
    found = []
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        dash = fields.index("-", 6)
        path = OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]).encode("latin-1", "surrogateescape")
        shared = any(one.startswith("shared:") for one in fields[6:dash])
        found.append(Mounted(Path(os.fsdecode(path)), fields[dash + 1], shared))
    return found


def is_shared(folder: Path) -> bool:
    """Whether a mount made below ``folder`` appears in the sandboxes that have bound it."""
    around = [one for one in parse(Path("/proc/self/mountinfo").read_text()) if folder.is_relative_to(one.path)]
    # the last line of the deepest place is the one that is seen
    return max(reversed(around), key=lambda one: len(one.path.parts)).shared if around else False


def share(folder: Path) -> None:
    """Make ``folder`` a place from which new mounts are passed on (root only).

    Raises:
        OSError: the kernel refuses.
    """
    _mount(str(folder), folder, MS_BIND)
    _mount(None, folder, MS_SHARED)


def unshare(folder: Path) -> None:
    """Undo ``share`` when nothing is mounted below ``folder`` any more."""
    if os.geteuid() == 0 and [one.path for one in mounts_below(folder)] == [folder]:
        detach(folder)


def detach(path: Path) -> None:
    """Unmount at once, although it is used or its server is dead; fine where nothing is mounted."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.umount2(os.fsencode(path), MNT_DETACH)
        return
    helper = next((found for name in HELPERS if (found := shutil.which(name))), None)
    if helper:
        subprocess.run([helper, "-u", "-z", "-q", "--", str(path)], capture_output=True, check=False)


def _mount(source: str | None, target: Path, flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    encoded = None if source is None else os.fsencode(source)
    if libc.mount(encoded, os.fsencode(target), None, ctypes.c_ulong(flags), None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(target))
