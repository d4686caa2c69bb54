"""What has ended of a fetch, line by line in a file: a kill loses at most what was under way."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path
from typing import Any, Literal

import msgspec

from trainyard.decoding import prepared

JOURNAL = "fetched.jsonl"
_SYNC_SECONDS = 1.0
_encode = msgspec.json.Encoder().encode


@prepared
class Ended(msgspec.Struct, omit_defaults=True):
    """One url that needs no more asking. ``message`` is the key of a sentence, ``values`` what stands in it."""

    url: str
    state: Literal["stored", "failed"]
    suffix: str = ""
    size: int = 0
    code: str = ""
    message: str = ""
    values: dict[str, Any] = {}


def is_remote(url: str) -> bool:
    """Whether a url is fetched at all."""
    return url[:8].lower().startswith(("http://", "https://"))


def digest_of(url: str) -> bytes:
    """What a url is remembered by: a million of them must fit into memory."""
    return hashlib.sha256(url.encode(errors="surrogatepass")).digest()[:16]


def key_of(prefix: str, url: str, suffix: str) -> str:
    """The key of a picture in the bucket: the same for the same url, another for every other."""
    return f"{prefix}{digest_of(url).hex()}{suffix}"


class Journal:
    """Reads what an earlier attempt left, and adds to it; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL
        self._lock = threading.Lock()
        self._suffixes: dict[bytes, str] = {}
        self._failed: dict[bytes, Ended] = {}
        self.bytes = 0
        if self._path.exists():
            self._read()
        self._file = self._path.open("ab", buffering=0)
        self._synced = time.monotonic()

    def __len__(self) -> int:
        return len(self._suffixes) + len(self._failed)

    @property
    def failures(self) -> int:
        """How many urls could not be had."""
        return len(self._failed)

    def __contains__(self, url: str) -> bool:
        digest = digest_of(url)
        return digest in self._suffixes or digest in self._failed

    def suffix(self, url: str) -> str | None:
        """The ending of a stored picture's key; None when it is not stored."""
        return self._suffixes.get(digest_of(url))

    def failure(self, url: str) -> Ended | None:
        """Why a url could not be had."""
        return self._failed.get(digest_of(url))

    def first_failure(self) -> Ended | None:
        """One of them."""
        return next(iter(self._failed.values()), None)

    def add(self, ended: Ended) -> None:
        """Write down that a url has ended; one write, so that a line is there or not."""
        with self._lock:
            self._file.write(_encode(ended) + b"\n")
            self._note(ended)
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                self.sync()

    def forget(self) -> None:
        """Nothing has ended: all is asked for again."""
        with self._lock:
            self._file.truncate(0)
            self._suffixes.clear()
            self._failed.clear()
            self.bytes = 0

    def sync(self) -> None:
        """Bring it to the disk."""
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def close(self) -> None:
        """Nothing more will come."""
        self.sync()
        self._file.close()

    def _note(self, ended: Ended) -> None:
        digest = digest_of(ended.url)
        if ended.state == "stored":
            self._suffixes[digest] = ended.suffix
            self.bytes += ended.size
        else:
            self._failed[digest] = ended

    def _read(self) -> None:
        """Take over what is there; a last line that was being written is cut off."""
        whole = 0
        with self._path.open("rb+") as file:
            for line in file:
                try:
                    ended = msgspec.json.decode(line, type=Ended)
                except msgspec.DecodeError:
                    break
                if not line.endswith(b"\n"):
                    break
                self._note(ended)
                whole += len(line)
            file.truncate(whole)
