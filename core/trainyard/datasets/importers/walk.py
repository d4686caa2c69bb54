"""All files below a folder in one order on every machine, without following links, holding one folder's names at a time."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini", "lost+found", "$recycle.bin"})
MAX_DEPTH = 100


def is_junk(name: str) -> bool:
    """Whether one part of a path is hidden, or something a file manager leaves behind."""
    return name.startswith(".") or name.lower() in JUNK


def files_below(root: Path, linked: Callable[[str], None] = lambda path: None) -> Iterator[str]:
    """The paths of plain files relative to ``root``, by code point in every folder; ``linked`` hears of links passed over.

    Raises:
        OSError: ``root`` itself cannot be read.
    """
    return _below(os.fspath(root), "", linked, 0)


def _below(root: str, inner: str, linked: Callable[[str], None], depth: int) -> Iterator[str]:
    for name, kind in _entries(os.path.join(root, inner), top=not inner):  # noqa: PTH118 - a million times
        path = f"{inner}{name}"
        if kind == "link":
            linked(path)
        elif kind == "file":
            yield path
        elif depth < MAX_DEPTH:
            yield from _below(root, f"{path}/", linked, depth + 1)


def _entries(folder: str, *, top: bool) -> list[tuple[str, str]]:
    """Names and kinds, sorted; a folder inside that cannot be read is passed over."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry.name, _kind(entry)) for entry in entries if not is_junk(entry.name) and _kind(entry))
    except OSError:
        if top:
            raise
        return []


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else ""


def sayable(path: str) -> bool:
    """Whether a path can stand in a list: bytes that are no text in any encoding cannot."""
    return not any(unicodedata.category(letter) == "Cs" for letter in path)
