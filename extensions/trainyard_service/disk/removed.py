"""A waiting room for what is removed: folders are moved there by rename, kept some days in case of a mistake, then deleted."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

from trainyard.home import Home

log = logging.getLogger(__name__)
_DAY = 86_400


def waiting_room(home: Home) -> Path:
    """``<home>/volume/removed``: on the same file system as what is moved there, and closed to everybody."""
    room = home.volume / "removed"
    room.mkdir(parents=True, exist_ok=True, mode=0o700)
    room.chmod(0o700)
    return room


def put_away(home: Home, path: Path, name: str) -> Path | None:
    """Move ``path`` there as ``<time>-<name>``; None when there was nothing."""
    target = waiting_room(home) / f"{time.time_ns()}-{name}"
    try:
        path.rename(target)
    except FileNotFoundError:
        return None
    return target


def empty(home: Home, days: float) -> list[str]:
    """Delete for good what has been there for more than ``days``; the names."""
    gone = []
    for path in sorted(waiting_room(home).iterdir()):
        moved, _, _ = path.name.partition("-")
        if not moved.isdecimal() or int(moved) / 1e9 > time.time() - days * _DAY:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        gone.append(path.name)
        log.info("removed for good", extra={"folder": path.name})
    return gone
