"""Files of the platform volume that people's jobs may write: read without being led away, handed over with the right owner."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from trainyard.errors import Invalid
from trainyard.metrics.beneath import open_beneath
from trainyard.records.jobs import Progress

from trainyard_service.bodies import must_be_storable

_LARGEST_JSON = 64 * 2**20


def read_json(root: Path, name: str, largest: int = _LARGEST_JSON) -> dict[str, Any] | None:
    """A JSON object in a folder that a job writes; None when it is missing, broken, too large or no plain file.

    Broken is also what could never be stored or shown (see ``bodies``): a job must not be able to keep its own end from
    being written down.
    """
    told = read_anything(root, name, largest)
    try:
        must_be_storable(told)
    except Invalid:
        return None
    return told


def read_anything(root: Path, name: str, largest: int = _LARGEST_JSON) -> dict[str, Any] | None:
    """As ``read_json``, with numbers and texts that could never be stored: for who looks at each."""
    try:
        with open_beneath(root, name) as file:
            data = file.read(largest + 1)
        told = json.loads(data) if len(data) <= largest else None
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def read_progress(root: Path, name: str) -> Progress | None:
    """A job's ``progress.json`` as a record; None while there is none to believe."""
    told = read_json(root, name, 1 << 20)
    if told is None:
        return None
    fields = {field: told[field] for field in Progress.model_fields if field in told}
    try:
        return Progress.model_validate(fields)
    except ValueError:
        return None


def make_folder(path: Path, uid: int, gid: int, mode: int = 0o755) -> Path:
    """A folder that belongs to ``uid``; its parents belong to the platform, and nobody else may list them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o711)
    path.mkdir(exist_ok=True)
    give(path, uid, gid)
    path.chmod(mode)
    return path


def give(path: Path, uid: int, gid: int) -> None:
    """Hand one file or folder to ``uid``, where this process may."""
    if os.geteuid() == 0:
        os.chown(path, uid, gid, follow_symlinks=False)


def folder_beneath(root: Path, parts: tuple[str, ...], uid: int, gid: int) -> int:
    """A descriptor of a folder below ``root``, made where it is missing; no link is followed, what is made belongs to ``uid``.

    Raises:
        OSError: a part is a link or a file.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts:
        made = False
        try:
            os.mkdir(part, 0o2775, dir_fd=descriptor)
            made = True
        except FileExistsError:
            pass
        inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
        if made:
            os.fchmod(descriptor, 0o2775)
            if os.geteuid() == 0:
                os.fchown(descriptor, uid, gid)
    return descriptor


def append_beneath(root: Path, relative: str, data: bytes, uid: int, gid: int) -> None:
    """Append to a file below ``root`` that people may write to; it is made (for ``uid``) where it is missing.

    Raises:
        OSError: a link (a hard one to somebody's file too) or something else that is no plain file is in the way.
    """
    *folders, name = relative.split("/")
    folder = folder_beneath(root, tuple(folders), uid, gid)
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, 0o664, dir_fd=folder)
        with os.fdopen(descriptor, "ab") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
                raise OSError(f"{name} is not a plain file, or another name of somebody's")
            if os.geteuid() == 0 and found.st_uid == 0:
                os.fchown(descriptor, uid, gid)
            file.write(data)
    finally:
        os.close(folder)
