"""Which network a sandbox gets: as an ordinary user the host's, as root one of its own without a way out but the relays."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class OwnNetwork:
    """A person's network namespace and the address the host reaches it at."""

    namespace: Path
    address: str


def choose() -> str:
    """``own``, ``none`` or ``shared``."""
    return "none" if os.geteuid() == 0 else "shared"


def ensure(uid: int, *, internet: bool) -> OwnNetwork:
    """The network of ``uid``, made where missing."""
    raise NotImplementedError


def remove_leftovers(living: set[str | None]) -> None:
    """Remove networks nobody uses."""
