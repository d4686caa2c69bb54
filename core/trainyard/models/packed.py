"""Packed models: what is inside a ``tar.gz``, whether it is sound, and the folder a kept model lives in.

A kept model is a folder with its packed file and ``manifest.json``, written last: no manifest, no model.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import tarfile
import time
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainyard.errors import Conflict, Invalid
from trainyard.metrics.beneath import open_beneath
from trainyard.training.snapshots import entries, sha256_of, write_json
from trainyard.words import N_

FILE = "model.tar.gz"
MANIFEST = "manifest.json"
VERSION = 1
LARGEST = 64 << 30
"""Bytes a model may unpack to."""


@dataclass(frozen=True)
class ModelManifest:
    """What a kept model is and where it comes from; sizes in bytes, times UTC seconds."""

    name: str
    kind: str
    size: int
    sha256: str
    files: dict[str, int]
    created: float
    origin: dict[str, Any] = field(default_factory=dict)
    version: int = VERSION


def contents(archive: Path, largest: int = LARGEST) -> dict[str, int]:
    """Names and sizes of the files in ``archive``, read to its end.

    Raises:
        Invalid: it is no tar.gz, damaged, empty, leads out of itself, or unpacks to more than ``largest`` bytes.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            found = {entry.name: entry.size for entry in entries(tar, largest)}
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _unusable(archive, str(error)) from error
    if not found:
        raise _unusable(archive, "it holds no file")
    return found


def verify(folder: Path) -> ModelManifest:
    """The manifest of a kept model whose packed file is what it says.

    Raises:
        Conflict: the model is incomplete or its bytes have changed.
    """
    manifest = read_manifest(folder)
    if manifest is None or sha256_of(folder / FILE) != manifest.sha256:
        raise Conflict(
            "model-damaged",
            N_("The model in {folder} is incomplete, or its bytes are not those that were kept."),
            hint=N_("Keep it again from its training, or upload it again."),
            folder=str(folder),
        )
    return manifest


def read_manifest(folder: Path) -> ModelManifest | None:
    """The manifest of a kept model, or None when there is none that can be read."""
    try:
        return ModelManifest(**json.loads((folder / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def keep(runs: Path, relative: str, folder: Path, **about: Any) -> ModelManifest:
    """Copy the packed file ``relative`` below ``runs`` (which its owner may write) to ``folder`` as a model.

    ``about``: name, kind and origin of the manifest. What is copied is what is verified: the owner may change the
    original meanwhile.

    Raises:
        Invalid: it is missing, not a plain file, or no sound archive.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{FILE}.part"
    try:
        with open_beneath(runs, relative) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())
        files = contents(part)
        size, digest = part.stat().st_size, sha256_of(part)
        part.replace(folder / FILE)
    except (OSError, ValueError) as error:
        raise _unusable(Path(relative), str(error)) from error
    finally:
        part.unlink(missing_ok=True)
    manifest = ModelManifest(size=size, sha256=digest, files=files, created=time.time(), **about)
    write_json(folder / MANIFEST, asdict(manifest))
    return manifest


def _unusable(archive: Path, reason: str) -> Invalid:
    return Invalid(
        "model-unusable",
        N_("{file} is not a usable packed model: {reason}."),
        hint=N_("Pack plain files with tar and gzip, and upload the archive again."),
        file=archive.name,
        reason=reason,
    )
