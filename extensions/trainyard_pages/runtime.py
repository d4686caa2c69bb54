"""The folder of the kernels' sockets: ours alone, one a process, and what a killed process left is removed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import psutil

PREFIX = "trainyard-pages-"


def make(parent: Path | None) -> Path:
    """A fresh folder (mode 0700) in ``parent`` or the system's folder for temporary files.

    Its path stays short: a socket's address has at most 107 bytes.
    """
    base = parent or Path(tempfile.gettempdir())
    base.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(base)
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{psutil.Process().pid}-", dir=base))


def _remove_leftovers(base: Path) -> None:
    for folder in base.glob(f"{PREFIX}*-*"):
        number = folder.name.removeprefix(PREFIX).split("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)
