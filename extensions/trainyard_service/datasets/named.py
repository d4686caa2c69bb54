"""Whether a dataset's list names a url: a small sorted file of keyed hashes, made at the first question and kept in the cache.

A job's token must not open more of somebody's bucket than the list does that this person brought. Lists never change, so the
file never does. Its hashes are keyed by a number of its own, so that nobody makes a url that only seems to be named.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import msgspec
import numpy as np
from trainyard.datasets.folder import STATISTICS, DatasetFolder
from trainyard.datasets.jsonlist import ListReader
from trainyard.datasets.lines import read_lines
from trainyard.datasets.sample import Sample
from trainyard.datasets.sources import object_path
from trainyard.decoding import prepared
from trainyard.home import Home
from trainyard.metrics.beneath import open_beneath

_KEY = 16
_HASH = 8
_LARGEST = 256 * 2**20
_making = Lock()


def is_named(home: Home, dataset_id: str, url: str) -> bool:
    """Whether the list of the dataset names ``url``, or the same object by another url; a list that is gone names nothing."""
    path = home.root / "cache" / "urls" / dataset_id
    try:
        # key and hashes of one file: another service may put its own in this one's place meanwhile
        with _opened(path, DatasetFolder(home.dataset(dataset_id)).list_path) as file:
            wanted = _hash(url, file.read(_KEY))
            hashes = np.memmap(file, dtype="<u8", mode="r", offset=_KEY)
    except FileNotFoundError:
        return False
    place = int(np.searchsorted(hashes, wanted))
    return place < len(hashes) and int(hashes[place]) == wanted


def _opened(path: Path, list_path: Path) -> BinaryIO:
    """The file of hashes, made once by the first who asks while the others wait: a job asks by several threads at once."""
    with suppress(FileNotFoundError):
        return path.open("rb")
    with _making:
        if not path.exists():
            _make(list_path, path)
        return path.open("rb")


@prepared
class _Told(msgspec.Struct):
    """Of a dataset's statistics, where its pictures lie."""

    places: dict[str, int] = {}


def names_objects(home: Home, dataset_id: str) -> bool:
    """Whether the list names any object of a bucket: by its statistics, which are small, and not by a million lines."""
    folder = home.dataset(dataset_id)
    try:
        with open_beneath(folder, STATISTICS) as file:
            places = msgspec.json.decode(file.read(_LARGEST), type=_Told).places
    except (OSError, ValueError, msgspec.MsgspecError):
        places = {}
    return "s3" in places or "qiniu" in places if places else _finds_objects(DatasetFolder(folder).list_path)


def _finds_objects(path: Path) -> bool:
    """The same of a list that was counted before there were places."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(scheme) >= 0 for scheme in (b"s3://", b"qiniu://", b"s3:\\/\\/", b"qiniu:\\/\\/"))
    except (OSError, ValueError):
        return False


def _make(list_path: Path, path: Path) -> None:
    key = secrets.token_bytes(_KEY)
    hashes = np.fromiter((_hash(url, key) for url in _urls(list_path)), dtype="<u8")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    part.write_bytes(key + np.unique(hashes).tobytes())
    part.replace(path)


def _urls(list_path: Path) -> Iterator[str]:
    reader = ListReader()
    with list_path.open("rb") as file:
        for line in read_lines(file):
            found = reader.parse(line)
            if isinstance(found, Sample):
                yield found.url


def _hash(url: str, key: bytes) -> int:
    same = object_path(url) if url.startswith(("s3://", "qiniu://")) else url
    digest = hashlib.blake2b(same.encode(errors="surrogatepass"), digest_size=_HASH, key=key)
    return int.from_bytes(digest.digest(), "little")
