"""Find and read the VOC files that a ModelArts manifest names: in the bucket, beside the list, or in the uploaded archive.

Their boxes are of the picture as it is shown, like those of any VOC file (see ``turned``), so its header is read as well.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import msgspec

from trainyard.datasets import modelarts
from trainyard.datasets.folder import PICTURES, Stopped
from trainyard.datasets.importers.media import frame_in
from trainyard.datasets.importers.report import REASONS
from trainyard.datasets.importers.tree import Tree
from trainyard.datasets.importers.turned import Labelled
from trainyard.datasets.importers.voc import MAX_XML, Annotation, BadAnnotation, read_annotation
from trainyard.datasets.platform import PlatformProblem, PlatformSource, asked_again, object_blocks, on_platform
from trainyard.datasets.sample import Problem
from trainyard.datasets.sources import FolderSource, PictureProblem
from trainyard.errors import Unavailable
from trainyard.words import N_

_SHARE = "/workspace/mnt/group/"
_AWAY = N_("The bucket does not hand out {key} now: {reason}.")


class VocFiles:
    """Reads VOC files by their address. ``list_path`` is where the list lies on a share, ``key`` where in the bucket."""

    def __init__(self, folder: Path, list_path: Path | None, key: str) -> None:
        self._tree = Tree(folder / PICTURES) if (folder / PICTURES).is_dir() else None
        self._beside = list_path.parent if list_path is not None else None
        self._key = PurePosixPath(key).parent if key else None
        self._pictures = FolderSource(self._roots(folder))

    def _roots(self, folder: Path) -> dict[str, Path]:
        """Where pictures that the list names lie."""
        if self._beside is None:
            return {"": folder / PICTURES}
        return {"": self._beside, str(self._share()): self._share()}

    def boxes(self, url: str, address: str) -> list[dict[str, Any]]:
        """The entries of the file at ``address``, in pixels of the picture at ``url`` as its file stores it.

        Raises:
            Unreadable: it is nowhere, or no VOC.
        """
        try:
            found = read_annotation(self._read(address))
        except BadAnnotation as bad:
            said = Problem(0, 0, address, bad.code, REASONS[bad.code], {"field": address, **bad.values})
            raise modelarts.Unreadable(said.text()) from None
        except FileNotFoundError:
            raise modelarts.Unreadable(f"there is no file {address}") from None
        except (OSError, LookupError, ValueError) as error:
            raise modelarts.Unreadable(str(error) or type(error).__name__) from None
        shown = self._labelled(url, found) if found.entries else Labelled()
        entries: list[dict[str, Any]] = msgspec.to_builtins(shown.stored(found.entries))
        return entries

    def _labelled(self, url: str, found: Annotation) -> Labelled:
        """How the picture lies in its file; one on the web, or nowhere, is taken to lie as it is shown."""
        try:
            with self._opened(url) as file:
                return Labelled(frame_in(file), found.size)
        except (PictureProblem, OSError):
            return Labelled()

    def _opened(self, url: str) -> BinaryIO:
        if not url.startswith(("s3://", "qiniu://")):
            return self._pictures.opened(url)
        return io.BytesIO(_beginning(url) if on_platform() else b"")

    def _read(self, address: str) -> bytes:
        if self._tree is not None:
            name = address.partition("://")[2].partition("/")[2] if "://" in address else address
            if found := self._tree.find(name, self._tree.base, ""):
                return self._tree.path(found).read_bytes()
        remote = address.startswith(("obs://", "s3://"))
        if self._beside is not None and not remote:
            return self._on_share(address)
        if not on_platform():
            raise FileNotFoundError(f"there is no file {address}")
        return _in_bucket(f"s3://{address.partition('://')[2]}" if remote else str((self._key or PurePosixPath()) / address))

    def _share(self) -> Path:
        """The share of the list."""
        assert self._beside is not None
        return Path(*self._beside.parts[:5]) if str(self._beside).startswith(_SHARE) else self._beside

    def _on_share(self, address: str) -> bytes:
        """A file below the share of the list, and nowhere else."""
        assert self._beside is not None
        path = (self._beside / address).resolve(strict=True)
        if not path.is_relative_to(self._share()):
            raise ValueError(f"{address} leads out of the share")
        with path.open("rb") as file:
            return file.read(MAX_XML + 1)


def _in_bucket(key: str) -> bytes:
    """An object of the owner's bucket.

    Raises:
        Unavailable: the store is away, which is no fault of the line that names the file. ValueError: it is refused.
    """
    try:
        return PlatformSource().read(key)
    except PlatformProblem as problem:
        _must_be_there(key, problem)
        raise ValueError(problem.values["reason"]) from None
    except PictureProblem as problem:
        raise ValueError(str(problem)) from None


def _beginning(url: str) -> bytes:
    """The first block of a picture in the bucket, which holds a JPEG's header; nothing of one that is refused.

    Raises:
        Unavailable: the store is away.
    """

    def first() -> bytes:
        with closing(object_blocks(url)) as blocks:
            return next((one.block for one in blocks), b"")

    try:
        return asked_again(first)
    except PlatformProblem as problem:
        _must_be_there(url, problem)
        return b""


def _must_be_there(key: str, problem: PlatformProblem) -> None:
    """Raises:
    Unavailable: the store is away.
    """
    if problem.again:
        hint, reason = N_("Try again in a while."), problem.values["reason"]
        raise Unavailable("bucket-unavailable", _AWAY, hint=hint, key=key, reason=reason) from None


def resolve_manifest(path: Path, files: VocFiles, should_stop: Callable[[], bool]) -> None:
    """Put the boxes of all VOC files into the list at ``path``, where it names any."""

    def between(offset: int) -> None:
        if should_stop():
            raise Stopped

    if modelarts.names_files(path):
        modelarts.resolve(path, files.boxes, between)
