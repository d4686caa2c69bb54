"""What a run folder says about its instance: ``instance.json``, written by rename, and a lock held while the script lives.

The service believes the REST calls; this file is for when they were lost, and for a restarted script that looks for what it
may continue. ``ended`` is ``""`` while it runs (or died), then ``completed``, ``stopped`` or ``failed``.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from trainyard.training.snapshots import newest, write_json

FILE = "instance.json"
IDENTITY = re.compile(r"^[0-9a-f]{24}$")
_LOCK = ".lock"


@dataclass(frozen=True)
class InstanceFile:
    """The content of ``instance.json``; times are UTC seconds."""

    id: str
    training: str = ""
    attempt: str = ""
    state: str = "running"
    ended: str = ""
    started: float = 0.0
    stopped: float | None = None
    error: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


def write(folder: Path, content: InstanceFile) -> None:
    """Replace the instance file of ``folder``."""
    write_json(folder / FILE, asdict(content))


def read(folder: Path) -> InstanceFile | None:
    """The instance file of ``folder``, or None if there is none that can be read; unknown fields are left out."""
    try:
        value = json.loads((folder / FILE).read_bytes())
        known = {one.name for one in fields(InstanceFile)}
        return InstanceFile(**{name: item for name, item in value.items() if name in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def hold(folder: Path) -> int | None:
    """Lock ``folder`` for this process; the descriptor to keep, or None if a living script holds it."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(folder: Path) -> bool:
    """Whether a living script works in ``folder``."""
    descriptor = hold(folder)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def resumable(runs: Path, *, shared: bool = False) -> Path | None:
    """The newest instance below ``runs`` that was cut short, is nobody's now, and has a complete snapshot.

    ``shared``: for a replica that follows another one, which may have taken it a moment ago.
    """
    candidates = []
    for folder in runs.iterdir() if runs.is_dir() else ():
        content = read(folder) if IDENTITY.match(folder.name) else None
        if content and content.ended != "completed" and (shared or not is_held(folder)) and newest(folder / "output"):
            candidates.append((content.started, folder))
    return max(candidates)[1] if candidates else None
