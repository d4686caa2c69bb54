"""From the url of a sample to the bytes of its picture, wherever it lies, and never outside of what the caller opened.

========================  ======================================================================================
``pictures/1.jpg``        relative: below the root named ``""`` (the dataset's pictures, or the list's folder)
``/workspace/mnt/…``      below the root with that prefix (``file:///workspace/…`` is the same)
``pack:<zip>#<place>``    inside a stored zip below the root ``""`` (see ``packed``)
``record:recordio#12``    inside a formatted set below the root ``""`` (see ``formats.set_source``)
``s3://bucket/key``       an object store, by an s3fs file system that brings the caller's credentials
``qiniu:///bucket/key``   the same; also ``qiniu://zone/bucket/key``
``https://host/1.jpg``    the web, by a source that knows whom it may reach (see ``web``); also ``http://``
========================  ======================================================================================
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Protocol, TypeVar, cast
from urllib.parse import unquote

from trainyard.words import N_, translate

T = TypeVar("T")
MAX_PICTURE = 256 * 1024 * 1024
_BLOCK = 1 << 20
_OPEN = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class PictureProblem(Exception):
    """Why a picture cannot be had or used: one picture is skipped, the work goes on."""

    def __init__(self, code: str, message: str, **values: Any) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return translate(self.message, "en", **self.values)


class PictureSource(Protocol):
    """Finds pictures by url; safe to use from several threads."""

    def read(self, url: str) -> bytes:
        """The bytes of the picture.

        Raises:
            PictureProblem: it is missing, forbidden, outside, too large, or its store does not answer.
        """
        ...

    def exists(self, url: str) -> bool:
        """Whether ``read`` would find something."""
        ...


class FolderSource:
    """Files below given folders. ``roots`` maps a url prefix (``""`` for relative urls) to a folder."""

    def __init__(self, roots: Mapping[str, Path]) -> None:
        ordered = sorted(roots.items(), key=lambda root: -len(root[0]))
        self._roots = [(prefix.rstrip("/"), os.path.realpath(folder)) for prefix, folder in ordered]

    def root(self) -> Path:
        """The folder of relative urls.

        Raises:
            PictureProblem: this source has none.
        """
        return Path(self._resolve("x")[0])

    def read(self, url: str) -> bytes:
        """The bytes of the file, read through a handle that was checked to be inside after it was opened."""
        handle = self._open(url)
        try:
            return _read_all(handle)
        except OSError as error:
            raise _unreadable(error) from error
        finally:
            os.close(handle)

    def exists(self, url: str) -> bool:
        """Whether there is a file that may be read."""
        try:
            os.close(self._open(url))
        except PictureProblem:
            return False
        return True

    def read_range(self, url: str, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset`` on; fewer at the end of the file."""
        handle = self._open(url)
        try:
            return os.pread(handle, min(length, MAX_PICTURE), offset) if offset < os.fstat(handle).st_size else b""
        except OSError as error:
            raise _unreadable(error) from error
        finally:
            os.close(handle)

    def opened(self, url: str) -> BinaryIO:
        """The open file, of any size."""
        return os.fdopen(self._open(url), "rb")

    def _open(self, url: str) -> int:
        root, relative = self._resolve(url)
        try:
            handle = os.open(os.path.join(root, relative), _OPEN)  # noqa: PTH118 - a third of the time of pathlib, per picture
        except PermissionError:
            raise PictureProblem("picture-forbidden", N_("The picture may not be read.")) from None
        except (OSError, ValueError):
            raise PictureProblem("picture-missing", N_("There is no such file.")) from None
        try:
            _refuse_outside(handle, root)
        except PictureProblem:
            os.close(handle)
            raise
        return handle

    def _resolve(self, url: str) -> tuple[str, str]:
        path = unquote(url.removeprefix("file://")) if url.startswith("file://") else url
        for prefix, folder in self._roots:
            if path.startswith("/") and prefix and path.startswith(f"{prefix}/"):
                return folder, path[len(prefix) :].lstrip("/")
            if not path.startswith("/") and not prefix:
                return folder, path
        raise PictureProblem("picture-outside", N_("The path lies outside of the folders this dataset may read."))


def _refuse_outside(handle: int, root: str) -> None:
    """Ask the kernel where the open file lies: no symbolic link, swapped before or after, can deceive this."""
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise PictureProblem("picture-missing", N_("This is not a file."))
    place = os.readlink(f"/proc/self/fd/{handle}")  # noqa: PTH115 - see _open
    if not place.startswith(root.rstrip("/") + "/"):
        raise PictureProblem("picture-outside", N_("The path lies outside of the folders this dataset may read."))


def _unreadable(error: OSError) -> PictureProblem:
    reason = error.strerror or type(error).__name__
    return PictureProblem("picture-unreadable", N_("The file cannot be read: {reason}."), reason=reason)


def _read_all(handle: int) -> bytes:
    """The file to its end, in one call where it is as long as it says."""
    size = os.fstat(handle).st_size
    _refuse_large(size)
    data = os.read(handle, size + 1)
    while len(data) != size and (block := os.read(handle, _BLOCK)):
        data += block
        _refuse_large(len(data))
    return data


class ObjectSource:
    """Objects of an S3 store. ``filesystem`` is an ``s3fs.S3FileSystem`` made with the credentials of the list's owner."""

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem

    def read(self, url: str) -> bytes:
        """The bytes of the object; at most one byte above the limit is fetched."""
        data = bytes(self.asked(lambda: self._filesystem.cat_file(object_path(url), start=0, end=MAX_PICTURE + 1)))
        _refuse_large(len(data))
        return data

    @staticmethod
    def asked(question: Callable[[], T]) -> T:
        """What the store answers to ``question``.

        Raises:
            PictureProblem: it refuses, has nothing there, or does not answer.
        """
        try:
            return question()
        except FileNotFoundError:
            raise PictureProblem("picture-missing", N_("There is no such object.")) from None
        except PermissionError:
            raise PictureProblem("picture-forbidden", N_("The bucket refuses to hand the object out.")) from None
        except (OSError, TimeoutError) as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise PictureProblem("store-unavailable", N_("The store does not answer: {reason}."), reason=reason) from error

    def exists(self, url: str) -> bool:
        """Whether the store has the object."""
        try:
            return bool(self._filesystem.exists(object_path(url)))
        except OSError:
            return False


def object_path(url: str) -> str:
    """``bucket/key`` of an ``s3://`` or ``qiniu://`` url; a host in the latter is a zone and is passed over."""
    if url.startswith("qiniu://"):
        return url.removeprefix("qiniu://").partition("/")[2].lstrip("/")
    return url.removeprefix("s3://")


class Sources:
    """All kinds of urls behind one ``PictureSource``."""

    def __init__(self, folders: FolderSource, objects: PictureSource | None = None, web: PictureSource | None = None) -> None:
        self._folders = folders
        self._objects = objects
        self._web = web

    def read(self, url: str) -> bytes:
        """The bytes of the picture at ``url``."""
        if url.startswith("pack:"):
            return self._read_packed(url)
        if url.startswith("record:"):
            return self._read_record(url)
        return self._source_of(url).read(url)

    def exists(self, url: str) -> bool:
        """Whether there is something at ``url``."""
        if url.startswith("pack:"):
            return self._folders.exists(_parse_pack(url)[0])
        if url.startswith("record:"):
            return self._has_record(url)
        return self._source_of(url).exists(url)

    def opened(self, url: str) -> BinaryIO:
        """A local file with what lies at ``url``, such as a video; of what lies elsewhere a copy, within a picture's limit.

        Raises:
            PictureProblem: as ``read``.
        """
        if not url.startswith(("pack:", "record:")) and self._source_of(url) is self._folders:
            return self._folders.opened(url)
        data = self.read(url)
        file = cast(BinaryIO, TemporaryFile())  # noqa: SIM115 - the caller closes it
        file.write(data)
        file.flush()
        file.seek(0)
        return file

    def _source_of(self, url: str) -> PictureSource:
        scheme = url.split("://", 1)[0].lower() if "://" in url else ""
        if scheme in {"", "file"}:
            return self._folders
        if scheme in {"s3", "qiniu"}:
            if self._objects is None:
                raise PictureProblem("no-storage", N_("No storage space is bound that could hand out this picture."))
            return self._objects
        if scheme in {"http", "https"} and self._web is not None:
            return self._web
        raise PictureProblem("url-scheme", N_("Pictures at {scheme}:// cannot be read."), scheme=scheme)

    def _read_record(self, url: str) -> bytes:
        """A record of a set below the root ``""``; formats stand above datasets, so that their module is found by its name."""
        from importlib import import_module

        data: bytes = import_module("trainyard.formats.set_source").read(self._folders.root(), url)
        return data

    def _has_record(self, url: str) -> bool:
        try:
            self._read_record(url)
        except PictureProblem:
            return False
        return True

    def _read_packed(self, url: str) -> bytes:
        name, offset, length = _parse_pack(url)
        data = self._folders.read_range(name, offset, length)
        if len(data) != length:
            raise PictureProblem("picture-missing", N_("The pack of pictures is shorter than the list says."))
        return data


def _parse_pack(url: str) -> tuple[str, int, int]:
    """``pack:pictures.zip/a/1.png#offset=40,length=300`` → ``("pictures.zip", 40, 300)``."""
    try:
        path, _, place = url.removeprefix("pack:").rpartition("#")
        numbers = dict(part.split("=", 1) for part in place.split(","))
        archive = path[: path.index(".zip") + 4]
        return archive, max(0, int(numbers["offset"])), max(0, int(numbers["length"]))
    except (ValueError, KeyError):
        raise PictureProblem("url-pack", N_("The url of a packed picture lacks its place.")) from None


def _refuse_large(size: int) -> None:
    if size > MAX_PICTURE:
        raise PictureProblem("picture-bytes", N_("The file has more than {limit} bytes."), limit=MAX_PICTURE)
