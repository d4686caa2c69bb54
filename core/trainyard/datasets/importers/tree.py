"""The files of an unpacked archive: where its content really begins, and finding the picture that an annotation means."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from trainyard.datasets.importers.media import media_type, suffix_of
from trainyard.datasets.importers.walk import files_below

_LOOKED_AT = 50
_TABLES = frozenset({"classes.txt", "names.txt", "obj.names", "data.yaml", "batches.meta.txt", "batches.meta"})
"""Files that tell a layout are found among any number of others."""
SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing", "eval", "dev"})


class Tree:
    """An unpacked archive below ``root``. All paths are text, relative to ``root``, with slashes.

    ``base`` is the folder that the content lies in (empty, or ending in a slash): archives often hold one folder only.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.base = _base(root)

    def files(self) -> Iterator[str]:
        """All files."""
        return files_below(self.root)

    def media(self) -> Iterator[str]:
        """Pictures and videos."""
        return (path for path in self.files() if media_type(path))

    def path(self, relative: str) -> Path:
        """The file on disk."""
        return self.root / relative

    def inside(self, relative: str) -> str | None:
        """``relative`` when it is a file below the root; annotations may name anything."""
        parts = relative.replace("\\", "/").split("/")
        if ".." in parts or relative.startswith("/") or "\0" in relative or len(relative) > 4096:
            return None
        clean = unicodedata.normalize("NFC", "/".join(part for part in parts if part not in ("", ".")))
        try:
            return clean if clean and (self.root / clean).is_file() else None
        except (OSError, ValueError):
            return None

    def find(self, name: str, *folders: str) -> str | None:
        """The picture ``name`` in one of ``folders``, or the only one of that file name anywhere; annotations likewise.

        Raises:
            LookupError: there are several of that name.
        """
        for folder in folders:
            if found := self.inside(f"{folder}{name}"):
                return found
        last = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
        found_all = self._names.execute("SELECT path FROM names WHERE name = ? LIMIT 2", (last,)).fetchall()
        if len(found_all) > 1:
            raise LookupError(last)
        return str(found_all[0][0]) if found_all else None

    @cached_property
    def _names(self) -> sqlite3.Connection:
        """All pictures and annotations by their last name, on disk: an archive may hold more than memory."""
        names = sqlite3.connect("")  # an own temporary file, gone with the connection
        names.execute("CREATE TABLE names (name TEXT, path TEXT)")
        kept = (path for path in self.files() if media_type(path) or path.endswith(".xml"))
        names.executemany("INSERT INTO names VALUES (?, ?)", ((path.rpartition("/")[2], path) for path in kept))
        names.execute("CREATE INDEX by_name ON names (name)")
        return names

    @cached_property
    def survey(self) -> Survey:
        """What kinds of files there are."""
        return Survey(self)


class Survey:
    """One walk over the files: how many of each suffix, and the first paths of each."""

    def __init__(self, tree: Tree) -> None:
        self.suffixes: Counter[str] = Counter()
        self.first: dict[str, list[str]] = {}
        self.folders: set[str] = set()
        self.loose = 0
        for path in tree.files():
            suffix = suffix_of(path)
            self.suffixes[suffix] += 1
            self.first.setdefault(suffix, [])
            if path.rpartition("/")[2] in _TABLES:
                self.first[suffix].insert(0, path)
            elif len(self.first[suffix]) < _LOOKED_AT:
                self.first[suffix].append(path)
            if media_type(path):
                self._place(path.removeprefix(tree.base))

    def _place(self, path: str) -> None:
        """Note the class folder of a picture: the folder at the top, or the one below ``train`` and the like."""
        name = class_folder(path)
        if name is None:
            self.loose += 1
        elif len(self.folders) < 100_000:
            self.folders.add(name)


def class_folder(path: str) -> str | None:
    """``cat`` of ``cat/1.jpg`` and of ``train/cat/1.jpg``; None for a picture that lies in no class."""
    folders = path.split("/")[:-1]
    if folders and folders[0].lower() in SPLITS:
        folders = folders[1:]
    return folders[0] if folders else None


def _base(root: Path) -> str:
    """Down through folders that hold one folder and nothing else; the last one with files, or with several folders."""
    base = ""
    while True:
        entries = list(_few(root / base))
        if len(entries) != 1 or not entries[0].is_dir() or not _has_folder(entries[0]):
            return base
        base += f"{entries[0].name}/"


def _few(folder: Path) -> Iterator[Path]:
    for count, entry in enumerate(folder.iterdir()):
        if count == 2:
            return
        yield entry


def _has_folder(folder: Path) -> bool:
    return any(entry.is_dir() for entry in folder.iterdir())
