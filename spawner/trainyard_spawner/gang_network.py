"""One network for all replicas of a job: whoever starts first opens it, the others enter it, and it ends with the last.

Every supervisor keeps a descriptor of the network it shares; the next replica is given a copy of one that a living supervisor
holds. So nothing is remembered outside of the processes, a service that was killed finds the network again, and nothing has
to be cleaned up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from trainyard_spawner import files
from trainyard_spawner.locks import Lock

PID = "supervisor.pid"
NAMESPACE = Path("/proc/self/ns/net")


def find(launches: Path, watch: Path, keys: Iterable[str]) -> int | None:
    """A new descriptor of the network that a living launch among ``keys`` is in, or None."""
    for key in keys:
        if (plan := files.read_json(launches / key / "plan.json")) and Lock.is_held(watch / key):
            with suppress(OSError, ValueError):
                return _copy(launches / key, plan)
    return None


def _copy(folder: Path, plan: dict[str, Any]) -> int:
    """The descriptor of the supervisor, whose lock says that it lives, so that the number is still its own.

    Raises:
        OSError, ValueError: it has none, or it is not the one that was planned.
    """
    number, pid = plan["network_descriptor"], int((folder / PID).read_text())
    if number is None:
        raise ValueError("it has no network of its own")
    descriptor = os.open(f"/proc/{pid}/fd/{number}", os.O_RDONLY | os.O_CLOEXEC)
    if identity(descriptor) != plan["network_identity"] or os.fstat(descriptor).st_dev != NAMESPACE.stat().st_dev:
        os.close(descriptor)
        raise ValueError("it is another file")
    return descriptor


def identity(descriptor: int | None) -> int | None:
    """What tells a network from all others that live at the same time."""
    return None if descriptor is None else os.fstat(descriptor).st_ino
