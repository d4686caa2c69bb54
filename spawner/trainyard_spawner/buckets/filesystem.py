"""The calls of FUSE over one bucket: a path is a key, a folder is a prefix, a file is sent when it is closed.

What differs from a disk, because objects do: ``chmod`` and ``chown`` are accepted and not kept, times are kept as long as the
mount lasts; there are no links; a changed file is uploaded whole; a folder is renamed by copying what is in it, and not while
a file in it is being written.
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
import stat
import time
from dataclasses import dataclass
from threading import Lock
from typing import Any

import mfusepy

from trainyard_spawner.buckets.blocks import Blocks, Reader
from trainyard_spawner.buckets.drafts import Draft, Room
from trainyard_spawner.buckets.store import DELETE_PAGE, Found, Store
from trainyard_spawner.buckets.tree import Tree

log = logging.getLogger(__name__)
FILE_MODE, FOLDER_MODE = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755
LONGEST_KEY = 1024
LONGEST_NAME = 255
BLOCK_SIZE = 4096
# a bucket has no size; programs that look for room before they write shall find it
PRETENDED_BLOCKS = 1 << 38


@dataclass(frozen=True)
class Owner:
    """Whom everything in the bucket belongs to, by number."""

    uid: int
    gid: int


@dataclass
class Handle:
    """One opened file: read from the store, or a draft. ``writes``: closing it sends the draft."""

    reader: Reader | None
    draft: Draft | None
    writes: bool


class BucketFiles(mfusepy.Operations):  # type: ignore[misc]
    """One bucket as files. FUSE calls from many threads at once."""

    use_ns = True

    def __init__(self, store: Store, room: Room, owner: Owner) -> None:
        self._store = store
        self._tree = Tree(store)
        self._blocks = Blocks(store)
        self._room = room
        self._owner = owner
        self._lock = Lock()
        self._drafts: dict[str, Draft] = {}
        self._handles: dict[int, Handle] = {}
        self._numbers = itertools.count(1)

    # -- what is there ----------------------------------------------------------------------------------------------

    def getattr(self, path: str | None, fh: int | None = None) -> dict[str, Any]:
        """What ``stat`` tells."""
        draft = self._handles[fh].draft if path is None and fh in self._handles else None
        draft = draft or (self._drafts.get(_key(path)) if path else None)
        if draft is not None:
            return self._attributes(Found(draft.size, draft.modified, ""))
        if path is None:
            raise OSError(errno.ENOENT, "deleted")
        return self._attributes(self._must_find(_key(path)))

    def readdir(self, path: str, fh: int) -> Any:
        """The names in a folder, files being written included."""
        key = _key(path)
        names = dict(self._tree.folder(key))
        prefix = f"{key}/" if key else ""
        for draft in list(self._drafts.values()):
            name = draft.key.removeprefix(prefix) if draft.key.startswith(prefix) else "/"
            if "/" not in name:
                names[name] = Found(draft.size, draft.modified, "")
        yield from (".", "..")
        for name, found in names.items():
            # the kernel cannot hand over a longer one; the page can still rename it
            if len(name.encode(errors="surrogateescape")) <= LONGEST_NAME:
                yield name, self._attributes(found), 0

    def statfs(self, path: str) -> dict[str, int]:
        """Room without end."""
        return {
            "f_bsize": BLOCK_SIZE,
            "f_frsize": BLOCK_SIZE,
            "f_blocks": PRETENDED_BLOCKS,
            "f_bfree": PRETENDED_BLOCKS,
            "f_bavail": PRETENDED_BLOCKS,
            "f_namemax": LONGEST_NAME,
        }

    # -- opening and closing ----------------------------------------------------------------------------------------

    def open(self, path: str, flags: int) -> int:
        """Open a file that exists."""
        key, writes = _key(path), bool(flags & (os.O_WRONLY | os.O_RDWR))
        with self._lock:
            draft = self._drafts.get(key)
            if draft is not None:
                draft.handles += 1
        if draft is None:
            found = self._look(key)
            if not writes:
                return self._handle(Handle(Reader(self._store, self._blocks, key, found), None, writes=False))
            draft = self._draft(key, found)
        if flags & os.O_TRUNC:
            draft.truncate(0, self._store, self._blocks)
        return self._handle(Handle(None, draft, writes=writes))

    def create(self, path: str, mode: int, flags: int) -> int:
        """Make a file and open it; it is in the bucket when it is closed."""
        key = _checked(path)
        draft = self._draft(key, None)
        self._tree.set(key, Found(0, draft.modified, ""))
        return self._handle(Handle(None, draft, writes=True))

    def flush(self, path: str | None, fh: int) -> int:
        """A descriptor was closed: what could not be sent is told to who closed it."""
        handle = self._handles[fh]
        if handle.writes and handle.draft is not None:
            self._send(handle.draft)
        return 0

    def fsync(self, path: str | None, datasync: int, fh: int) -> int:
        """Send it now."""
        return self.flush(path, fh)

    def release(self, path: str | None, fh: int) -> int:
        """The last descriptor of an opening was closed."""
        with self._lock:
            draft = self._handles.pop(fh).draft
            if draft is None:
                return 0
            draft.handles -= 1
            if draft.handles:
                return 0
            if self._drafts.get(draft.key) is draft:
                del self._drafts[draft.key]
        draft.close()
        return 0

    # -- bytes ------------------------------------------------------------------------------------------------------

    def read(self, path: str | None, size: int, offset: int, fh: int) -> bytes:
        """Bytes of an opened file."""
        handle = self._handles[fh]
        if handle.draft is not None:
            return handle.draft.read(size, offset, self._store, self._blocks)
        assert handle.reader is not None
        draft = self._drafts.get(handle.reader.key)
        if draft is not None:
            return draft.read(size, offset, self._store, self._blocks)
        if offset + size > handle.reader.found.size:
            self._catch_up(handle.reader)
        return handle.reader.read(size, offset)

    def write(self, path: str | None, data: bytes, offset: int, fh: int) -> int:
        """Bytes into an opened file."""
        draft = self._handles[fh].draft
        assert draft is not None
        return draft.write(data, offset, self._store, self._blocks)

    def truncate(self, path: str | None, length: int, fh: int | None = None) -> int:
        """Make a file shorter or longer."""
        if path is None:
            raise OSError(errno.ENOENT, "deleted")
        number = self.open(path, os.O_WRONLY)
        try:
            draft = self._handles[number].draft
            assert draft is not None
            draft.truncate(length, self._store, self._blocks)
            if draft.handles == 1:
                self._send(draft)
        finally:
            self.release(path, number)
        return 0

    # -- names ------------------------------------------------------------------------------------------------------

    def mkdir(self, path: str, mode: int) -> int:
        """Make a folder: an object without bytes whose key ends in a slash."""
        key = _checked(path)
        if self._tree.look(key) is not None:
            raise FileExistsError(errno.EEXIST, "exists", path)
        self._store.put_empty(f"{key}/")
        self._tree.forget(key)
        return 0

    def rmdir(self, path: str) -> int:
        """Delete an empty folder."""
        key = _key(path)
        if not self._must_find(key).is_folder:
            raise NotADirectoryError(errno.ENOTDIR, "not a folder", path)
        if self._is_written_below(key) or not self._tree.is_empty(key):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), path)
        self._store.delete(f"{key}/")
        self._tree.forget(key)
        self._tree.keep(_folder(key))
        return 0

    def unlink(self, path: str) -> int:
        """Delete a file; who has it open to write goes on with a file that is nowhere."""
        self._delete(_key(path))
        return 0

    def rename(self, old: str, new: str) -> int:
        """Give a file or a folder another name, over what a rename may replace."""
        key, to = _key(old), _checked(new)
        if key == to:
            return 0
        source = self._drafts.get(key)
        found = Found(0, 0, "") if source else self._must_find(key)
        self._make_way(to, found)
        if found.is_folder:
            self._rename_folder(key, to)
        elif source is not None:
            self._rename_draft(source, to)
        else:
            self._store.copy(key, to, found.size)
            self._delete(key)
            self._tree.set(to, None)
            self._tree.forget(to)
        return 0

    def chmod(self, path: str | None, mode: int) -> int:
        """Accepted, so that programs which copy modes work; an object has none."""
        return 0

    def chown(self, path: str | None, uid: int, gid: int) -> int:
        """Accepted: an object has no owner."""
        return 0

    def utimens(self, path: str | None, times: Any = None) -> int:
        """Times given to a file; the object keeps that of its upload."""
        if path is None:
            return 0
        moment = time.time_ns() if times is None else int(times[1])
        draft = self._drafts.get(_key(path))
        if draft is not None:
            draft.modified = moment
        found = self._tree.find(_key(path))
        if found is not None and not found.is_folder:
            self._tree.stamp(_key(path), found.tag or "", moment)
        return 0

    # -- inner ------------------------------------------------------------------------------------------------------

    def _attributes(self, found: Found) -> dict[str, Any]:
        mode = FOLDER_MODE if found.is_folder else FILE_MODE
        times = dict.fromkeys(("st_mtime", "st_ctime", "st_atime"), found.modified)
        size = {"st_size": found.size, "st_blocks": -(-found.size // 512), "st_blksize": BLOCK_SIZE}
        return {"st_mode": mode, "st_nlink": 1, "st_uid": self._owner.uid, "st_gid": self._owner.gid, **size, **times}

    def _must_find(self, key: str) -> Found:
        found = self._tree.find(key)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key)
        return found

    def _look(self, key: str) -> Found:
        """What a file is now: opening it sees what others closed before."""
        found = self._tree.look(key)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key)
        if found.is_folder:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), key)
        return found

    def _draft(self, key: str, base: Found | None) -> Draft:
        """The one draft of a key, with one more handle."""
        fresh = Draft(self._room, key, base, dirty=base is None)
        with self._lock:
            draft = self._drafts.setdefault(key, fresh)
            draft.handles += 1
        if draft is not fresh:
            fresh.close()
        return draft

    def _handle(self, handle: Handle) -> int:
        number = next(self._numbers)
        self._handles[number] = handle
        return number

    def _catch_up(self, reader: Reader) -> None:
        """Who reads on at the end of a file (``tail -f``) sees what was added to it."""
        found = self._tree.find(reader.key)
        if found is not None and not found.is_folder and found.tag and found.tag != reader.found.tag:
            reader.refresh()

    def _send(self, draft: Draft) -> None:
        try:
            tag = draft.send(self._store, self._blocks)
        except OSError as error:
            log.warning("%s was not sent: %s", draft.key, error)
            raise
        if tag is not None:
            self._blocks.forget(draft.key)
            self._tree.forget(draft.key)
            # the store's time is a little later; a file whose time moves after its close looks changed to tar and make
            self._tree.stamp(draft.key, tag, draft.modified)

    def _delete(self, key: str) -> None:
        with self._lock:
            draft = self._drafts.pop(key, None)
        if draft is not None:
            draft.gone = True
        self._store.delete(key)
        self._blocks.forget(key)
        self._tree.set(key, None)
        self._tree.keep(_folder(key))

    def _is_written_below(self, key: str) -> bool:
        return any(draft.key.startswith(f"{key}/") for draft in list(self._drafts.values()))

    def _make_way(self, to: str, found: Found) -> None:
        """Refuse what POSIX refuses, and remove the empty folder or the file that is replaced."""
        there = Found(0, 0, "") if to in self._drafts else self._tree.look(to)
        if there is None:
            return
        if there.is_folder and not found.is_folder:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), to)
        if found.is_folder and not there.is_folder:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), to)
        if there.is_folder:
            self.rmdir(f"/{to}")
            return
        with self._lock:
            draft = self._drafts.pop(to, None)
        if draft is not None:
            draft.gone = True
        self._blocks.forget(to)

    def _rename_draft(self, draft: Draft, to: str) -> None:
        """A file being written: it is sent under its new name, and the old object goes."""
        old = draft.key
        with self._lock:
            self._drafts.pop(old, None)
            self._drafts[to] = draft
            draft.key, draft.dirty = to, True
        self._send(draft)
        self._delete(old)
        self._tree.forget(to)

    def _rename_folder(self, key: str, to: str) -> None:
        if to.startswith(f"{key}/"):
            raise OSError(errno.EINVAL, "into itself", to)
        if self._is_written_below(key):
            raise OSError(errno.EBUSY, "a file in it is being written", key)
        objects = list(self._store.keys(f"{key}/"))
        self._store.copy_all([(one, to + one[len(key) :], size) for one, size in objects])
        names = sorted((one for one, _ in objects), key=len, reverse=True)
        for first in range(0, len(names), DELETE_PAGE):
            self._store.delete(*names[first : first + DELETE_PAGE])
        self._remove_markers(key, names)
        self._tree.forget(key)
        self._tree.forget(to)
        self._tree.keep(_folder(key))

    def _remove_markers(self, key: str, names: list[str]) -> None:
        """Stores with real folders keep empty ones; others do not mind."""
        folders = {key}
        for name in names:
            parts = name[len(key) + 1 :].split("/")[:-1]
            folders.update("/".join((key, *parts[: count + 1])) for count in range(len(parts)))
        for folder in sorted(folders, key=len, reverse=True):
            self._store.delete(f"{folder}/")


def _key(path: str | None) -> str:
    return (path or "/")[1:]


def _checked(path: str) -> str:
    """The key of a path that is to be made.

    Raises:
        OSError: longer than a key may be, or not Unicode, which every key is.
    """
    key = path[1:]
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise OSError(errno.EILSEQ, "not UTF-8", path) from error
    if length > LONGEST_KEY:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path)
    return key


def _folder(key: str) -> str:
    """The folder a key lies in; empty for the bucket."""
    return key.rpartition("/")[0]
