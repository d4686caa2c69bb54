"""What is in the bucket, as the file system tells it: folders made of key prefixes, remembered for a few seconds.

Others write to the same bucket, by the page, the service or from elsewhere; what they do is seen after ``SECONDS``.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import replace
from threading import Lock

from trainyard_spawner.buckets.store import FOLDER, Found, Store

SECONDS = 3.0
MOST_FOLDERS = 64
MOST_NAMES = 20_000
MOST_SINGLE = 20_000


class Tree:
    """Answers what a key is and what a folder holds. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._single: OrderedDict[str, tuple[float, Found | None]] = OrderedDict()
        self._folders: OrderedDict[str, tuple[float, dict[str, Found]]] = OrderedDict()
        # a folder is gone with its last object; the one who deleted that object still sees an empty folder
        self._kept: OrderedDict[str, None] = OrderedDict()
        self._times: OrderedDict[tuple[str, str], int] = OrderedDict()

    def find(self, key: str) -> Found | None:
        """The object or folder called ``key`` (no slash at its end); the empty key is the bucket."""
        if not key:
            return FOLDER
        known, found = self._remembered(key)
        if not known:
            found = self.look(key)
        if found is None and key in self._kept:
            return FOLDER
        return found

    def look(self, key: str) -> Found | None:
        """The same, asked of the store now."""
        found = self._store.head(key)
        # a store with real folders may answer for a folder as for an empty object
        if (found is None or found.size == 0) and self._store.has_any(f"{key}/"):
            found = FOLDER
        if found is not None:
            found = self._stamped(key, found)
        self._remember(key, found)
        return found

    def folder(self, key: str) -> dict[str, Found]:
        """Everything directly in a folder, by name."""
        prefix = f"{key}/" if key else ""
        with self._lock:
            moment, names = self._folders.get(prefix, (0.0, {}))
            if moment > time.monotonic():
                return names | self._kept_in(prefix)
        names = {}
        for page in self._store.folder(prefix):
            names.update({name: self._stamped(prefix + name, found) for name, found in page.items()})
        with self._lock:
            if len(names) <= MOST_NAMES:
                self._folders[prefix] = (time.monotonic() + SECONDS, names)
                self._folders.move_to_end(prefix)
                while len(self._folders) > MOST_FOLDERS:
                    self._folders.popitem(last=False)
            return names | self._kept_in(prefix)

    def is_empty(self, key: str) -> bool:
        """Whether nothing is in a folder but what marks it."""
        prefix = f"{key}/"
        return not self._store.has_any(prefix, besides=prefix) and not self._kept_in(prefix)

    def set(self, key: str, found: Found | None) -> None:
        """We just made or deleted ``key``."""
        with self._lock:
            self._folders.pop(_parent(key), None)
        self._remember(key, found)

    def stamp(self, key: str, tag: str, modified: int) -> None:
        """Show this version of an object with this time."""
        with self._lock:
            self._times[key, tag] = modified
            self._single.pop(key, None)
            self._folders.pop(_parent(key), None)
            while len(self._times) > MOST_SINGLE:
                self._times.popitem(last=False)

    def keep(self, key: str) -> None:
        """Go on showing the folder ``key`` although nothing may be in it any more."""
        if key:
            with self._lock:
                self._kept[key] = None
                while len(self._kept) > MOST_SINGLE:
                    self._kept.popitem(last=False)

    def forget(self, key: str) -> None:
        """``key`` and all below it were deleted or moved."""
        prefix = f"{key}/"
        with self._lock:
            self._folders.pop(_parent(key), None)
            for mapping in (self._single, self._folders, self._kept):
                for name in [name for name in mapping if name == key or name.startswith(prefix)]:
                    del mapping[name]

    def _stamped(self, key: str, found: Found) -> Found:
        modified = self._times.get((key, found.tag or ""))
        return found if modified is None else replace(found, modified=modified)

    def _remembered(self, key: str) -> tuple[bool, Found | None]:
        now = time.monotonic()
        with self._lock:
            moment, found = self._single.get(key, (0.0, None))
            if moment > now:
                return True, found
            moment, names = self._folders.get(_parent(key), (0.0, {}))
            return (True, names.get(key.rpartition("/")[2])) if moment > now else (False, None)

    def _remember(self, key: str, found: Found | None) -> None:
        with self._lock:
            self._single[key] = (time.monotonic() + SECONDS, found)
            self._single.move_to_end(key)
            while len(self._single) > MOST_SINGLE:
                self._single.popitem(last=False)

    def _kept_in(self, prefix: str) -> dict[str, Found]:
        names = (key[len(prefix) :] for key in self._kept if key.startswith(prefix))
        return {name: FOLDER for name in names if "/" not in name}


def _parent(key: str) -> str:
    """The prefix of the folder ``key`` lies in."""
    return key.rpartition("/")[0] + "/" if "/" in key else ""
