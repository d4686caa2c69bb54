"""Where a training script finds its data and leaves its results, on the platform and outside of it.

On the platform everything lies under ``/workspace``. Elsewhere the same script runs unchanged: results go to ``./run``,
parameters come from ``./params``. ``TRAINYARD_WORKSPACE`` names another root, for debugging and tests.
"""

from __future__ import annotations

import os
from pathlib import Path

STANDARD = Path("/workspace")


def on_platform() -> bool:
    """Whether this process was started by the platform as (part of) a training."""
    return bool(os.environ.get("TRAINYARD_TRAINING"))


def workspace() -> Path:
    """The root of everything: ``TRAINYARD_WORKSPACE``, or ``/workspace`` on the platform, or the current folder."""
    named = os.environ.get("TRAINYARD_WORKSPACE")
    if named:
        return Path(named)
    return STANDARD if on_platform() else Path.cwd()


def runs() -> Path:
    """The folder of this training's instances."""
    return workspace() / "run"


def parameters_file() -> Path:
    """The hyper-parameters chosen for this run."""
    return workspace() / "params" / "default.json"


def data(split: str) -> Path:
    """The formatted set chosen as ``train``, ``val`` or ``test``; the folder is missing when none was chosen."""
    return workspace() / "mnt" / "data" / split


def model() -> Path:
    """The model chosen for an evaluation."""
    return workspace() / "mnt" / "model"
