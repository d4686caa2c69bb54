"""Opens files below folders that belong to people without ever following a link out of them. Standard library only.

A root process that opens ``/shares/7/alice/run/x.log`` by its path does what whoever may rename things in there wants;
walking folder by folder with ``O_NOFOLLOW`` does not.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_CONTENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EPERM, errno.ENXIO)


def open_path(path: Path) -> int:
    """A descriptor that names ``path`` (``O_PATH``); no component of it may be a link.

    Raises:
        OSError: missing, or a link somewhere on the way.
    """
    parent = os.open("/", FOLDER)
    try:
        for part in path.parts[1:-1]:
            child = os.open(part, FOLDER, dir_fd=parent)
            os.close(parent)
            parent = child
        descriptor = os.open(path.name or "/", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    finally:
        os.close(parent)
    if stat.S_ISLNK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(40, "a link is not followed", str(path))
    return descriptor


def open_output(path: Path, uid: int, gid: int) -> int:
    """``path`` opened for appending, made with its folders where missing, owned by ``uid``.

    Raises:
        OSError: a link on the way, not a plain file, another name of somebody's file, or somebody else's.
    """
    parent = os.open("/", FOLDER)
    try:
        for part in path.parts[1:-1]:
            child = _enter(parent, part, uid, gid)
            os.close(parent)
            parent = child
        descriptor = os.open(path.name, APPEND, 0o640, dir_fd=parent)
    finally:
        os.close(parent)
    found = os.fstat(descriptor)
    # without root everybody's files are ours; as root, one of ours may only be what was made a moment ago
    ours = found.st_uid == os.geteuid() and (os.geteuid() != 0 or found.st_size == 0)
    owned = found.st_uid == uid or ours
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or not owned:
        os.close(descriptor)
        raise OSError(1, "not a plain file of the person's own", str(path))
    if os.geteuid() == 0:
        os.fchown(descriptor, uid, gid)
    os.set_blocking(descriptor, True)
    return descriptor


def open_regular(path: Path, flags: int) -> int:
    """``path`` opened and made where missing, in a folder where somebody else may put things: their pipe is not waited for.

    Raises:
        OSError: a link, or not a plain file.
    """
    return _open_plain(path, flags | os.O_CREAT)


def _open_plain(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EPERM, "not a plain file", str(path))
    return descriptor


def _enter(parent: int, name: str, uid: int, gid: int) -> int:
    with suppress(FileNotFoundError):
        return os.open(name, FOLDER, dir_fd=parent)
    os.mkdir(name, 0o2770, dir_fd=parent)
    child = os.open(name, FOLDER, dir_fd=parent)
    if os.geteuid() == 0:
        # a folder of a share passes its group on; otherwise it is the person's own
        inherited = os.fstat(child).st_gid
        os.fchown(child, uid, inherited if os.fstat(parent).st_mode & stat.S_ISGID else gid)
    return child


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` to ``path`` so that a reader sees the old or the new, readable by us only.

    In a folder that a program may write too, nothing it could lay there is opened: the draft is always a new file.
    """
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(content))  # ``dump`` goes through Python for every value
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of ``path``, or None where there is none (yet): a link, a pipe and a socket have none."""
    try:
        with os.fdopen(_open_plain(path, os.O_RDONLY), "rb") as file:
            content: dict[str, Any] = json.loads(file.read())
    except ValueError:
        return None
    except OSError as error:
        if error.errno in _NO_CONTENT:
            return None
        raise
    return content
