"""Pictures inside a set that somebody formatted already: ``record:recordio#12`` is its record number 12, from 0.

``trainyard.datasets.sources`` finds this module by its name, because formats stand above datasets: whoever reads a list reads
these urls like any other. A few sets stay open, for opening one of a million records reads its index.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from trainyard.datasets.sources import PictureProblem
from trainyard.formats.damage import Damaged
from trainyard.formats.record import SetReader
from trainyard.formats.registry import FORMATS
from trainyard.words import N_

DATA = {"recordio": "cache/data.rec", "lmdb": "data.mdb"}
"""The sets that may come from elsewhere, and the file that tells one set from another."""
_URL = re.compile(r"record:([a-z]+)#(\d{1,12})")
_OPEN = 4


class _Opened(NamedTuple):
    """A set that is open, and its data file when it was opened."""

    identity: tuple[int, int, int]
    reader: SetReader


_lock = Lock()
_opened: dict[Path, _Opened] = {}


def url_of(name: str, number: int) -> str:
    """The url of a record."""
    return f"record:{name}#{number}"


def read(root: Path, url: str) -> bytes:
    """The encoded picture of a record of a set in the folder ``root``.

    Raises:
        PictureProblem: no such record, or the set is damaged.
    """
    match = _URL.fullmatch(url)
    if match is None or match[1] not in DATA:
        raise PictureProblem("url-record", N_("The url of a record in a set is written like record:recordio#12."))
    try:
        return _reader(root / match[1], match[1])[int(match[2])].picture
    except (FileNotFoundError, IndexError):
        raise PictureProblem("picture-missing", N_("There is no such record in the set.")) from None
    except Damaged as error:
        raise PictureProblem("picture-broken", error.message, **error.values) from None


def _reader(folder: Path, name: str) -> SetReader:
    """The open set in ``folder``; sets that were deleted or replaced are closed."""
    with _lock:
        for path, one in list(_opened.items()):
            if _identity(path, path.name) != one.identity:
                del _opened[path]  # who reads in it still, holds it; then it closes itself
        found = _opened.pop(folder, None)
        if found is None:
            identity = _identity(folder, name)
            if identity is None:
                raise FileNotFoundError(folder)
            found = _Opened(identity, FORMATS[name].reader(folder))
        _opened[folder] = found  # the last one used stands last
        while len(_opened) > _OPEN:
            del _opened[next(iter(_opened))]
        return found.reader


def _identity(folder: Path, name: str) -> tuple[int, int, int] | None:
    with suppress(OSError):
        found = (folder / DATA[name]).stat()
        return found.st_ino, found.st_size, found.st_mtime_ns
    return None
