"""Puts a new folder in the place of an old one, so that at every moment one of the two is there (``renameat2(2)``)."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path

AT_FDCWD = -100
RENAME_EXCHANGE = 2
PROC = Path("/proc")


def put_in_place(new: Path, place: Path, old: Path) -> None:
    """``new`` moves to ``place``; what was there moves to ``old``. All three lie on one file system, ``old`` is free."""
    if not os.path.lexists(place):
        new.rename(place)
        return
    # under this name it is in nobody's way, should we be killed before the exchange
    new.rename(old)
    try:
        _exchange(old, place)
    except OSError:
        # a file system that cannot exchange (NFS): for a moment there is neither
        old.rename(new)
        place.rename(old)
        new.rename(place)


def is_mounted_anywhere(folder: Path) -> bool:
    """Whether a sandbox of ours has ``folder``, by whatever name it was mounted: a bind mount follows its folder's renames."""
    part = f"/{folder.name}/".encode()
    for mounts in PROC.glob("[0-9]*/mountinfo"):
        with suppress(OSError):
            if part in mounts.read_bytes():
                return True
    return False


def _exchange(one: Path, other: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(one))
