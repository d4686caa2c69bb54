"""Where the packages of an image come from: the indexes that pip is configured with on this machine, which uv does not read.

An organisation's mirror, or an index with builds for machines without GPU, is named once in ``pip.conf`` (or in ``PIP_…``).
Whoever names indexes to uv itself (``UV_…``) is left to that.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from configparser import Error as ConfigError
from configparser import RawConfigParser
from contextlib import suppress
from pathlib import Path

OWN = (
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_TORCH_BACKEND",
    "UV_CONFIG_FILE",
)
"""Settings of uv by which somebody has decided already."""
KEYS = ("index-url", "extra-index-url", "find-links")
GPU = Path("/dev/nvidiactl")


def settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What to add to ``environment`` for uv to look where pip would, and like pip for the best version of all places."""
    if any(environment.get(name) for name in OWN):
        return {}
    places = pip_places(environment)
    found = {}
    if index := places.get("index-url"):
        found["UV_DEFAULT_INDEX"] = index[0]
    if more := places.get("extra-index-url"):
        found["UV_INDEX"] = " ".join(more)
    if links := places.get("find-links"):
        found["UV_FIND_LINKS"] = ",".join(links)
    return {**found, "UV_INDEX_STRATEGY": "unsafe-best-match"} if found else {}


def torch_backend(environment: Mapping[str, str], added: Mapping[str, str]) -> list[str]:
    """Arguments by which uv takes PyTorch's build for this machine from PyTorch's own indexes, unless others are named."""
    decided = added or any(environment.get(name) for name in OWN)
    return [] if decided else ["--torch-backend", "auto"]


def requirements(folder: Path, gpu: Path = GPU) -> Path:
    """The list of packages for this machine: ``requirements-gpu.txt`` where there is one and an NVIDIA driver, too."""
    with_gpu = folder / "requirements-gpu.txt"
    return with_gpu if with_gpu.is_file() and gpu.exists() else folder / "requirements.txt"


def pip_places(environment: Mapping[str, str]) -> dict[str, list[str]]:
    """``index-url``, ``extra-index-url`` and ``find-links`` as pip would have them: of its files, then of its variables.

    Source: pip's user guide, "Configuration"; later files win, and variables over all of them.
    """
    parser = RawConfigParser()
    with suppress(ConfigError, UnicodeDecodeError):
        parser.read(config_files(environment), encoding="utf-8")
    found = {}
    for key in KEYS:
        told = environment.get(f"PIP_{key.upper().replace('-', '_')}")
        for section in ("install", "global"):
            told = told if told is not None else parser.get(section, key, fallback=None)
        if told and told.split():
            found[key] = told.split()
    return found


def config_files(environment: Mapping[str, str]) -> list[Path]:
    """Where pip looks for its configuration, the last one wins."""
    home = Path(environment.get("HOME") or Path.home())
    own = environment.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return []
    return [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf",
        *([Path(own)] if own else []),
    ]
