"""TensorBoard inside a workspace: one click in the launcher, started on demand by jupyter-server-proxy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

RUNS = Path("/workspace/run")


def setup() -> dict[str, Any]:
    """The server-proxy entry: the command and how long it may take.

    The log folder is the workspace's ``run`` folder when there is one, else JupyterLab's root; event files in folders
    below it are found by TensorBoard itself.
    """
    return {
        "command": command,
        "timeout": 60,
        "absolute_url": False,
        "launcher_entry": {"enabled": False},  # the tile is drawn by our own extension, with a picture
        "new_browser_tab": True,
    }


def command(port: int) -> list[str]:
    """The argv that serves TensorBoard on loopback at ``port``."""
    return [
        "tensorboard",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--logdir",
        str(log_folder()),
        "--reload_multifile",
        "true",
    ]


def log_folder() -> Path:
    """Where event files are looked for: ``TRAINYARD_TENSORBOARD_FOLDER``, the run folder, or the current folder."""
    named = os.environ.get("TRAINYARD_TENSORBOARD_FOLDER")
    if named:
        return Path(named)
    return RUNS if RUNS.is_dir() else Path.cwd()
