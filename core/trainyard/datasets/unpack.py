"""Unpack an archive of pictures that somebody uploaded: plain files only, inside one folder, within limits.

Zip and tar (plain, gzip, bzip2, xz). Links, devices, absolute names and names that climb are refused before they are
written. What macOS and Windows leave behind, and hidden files, are passed over. The folder appears under its name when it
is whole.
"""

from __future__ import annotations

import errno
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from trainyard.datasets import names
from trainyard.datasets.folder import Progress, Stopped
from trainyard.datasets.mistaken import HEAD, UNPACKED, kind_of
from trainyard.errors import Invalid, TooLarge
from trainyard.job_progress import FULL
from trainyard.words import N_

MAX_FILES = 2_000_000
MAX_BYTES = 256 * 2**30
MAX_RATIO = 200
"""Unpacked bytes for each packed byte; pictures hardly shrink, so more than this is a bomb."""
_BLOCK = 1 << 20
_ENCRYPTED = 1
_PACK = N_("Pack plain files with zip or tar, and upload the archive again.")
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, EOFError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError,
    ValueError, OverflowError,
)  # fmt: skip
_NAMES = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, None})
"""What the system says of a name it cannot have, and (None) what decompressors say of bytes that are none of theirs."""


class Member(NamedTuple):
    """One file of an archive; ``told`` and ``total`` say how far the archive is."""

    name: str
    size: int
    open: Callable[[], IO[bytes] | None]
    told: int
    total: int


@dataclass(frozen=True)
class Rules:
    """How names are taken, and how many bytes may come out.

    ``normal``: names come out in Unicode's normal form C; without it byte for byte, for a list that names them so.
    """

    normal: bool = True
    room: int = MAX_BYTES
    progress: Progress = lambda done, total: None
    should_stop: Callable[[], bool] = lambda: False


def unpack(archive: Path, target: Path, rules: Rules) -> None:
    """Unpack ``archive`` into the new folder ``target``; nothing is done when that is there already.

    Raises:
        Invalid: it is no archive, is broken or encrypted, or has members that lead out of the folder.
        TooLarge: more files or bytes than the limits.
        Stopped: ``should_stop`` said so.
    """
    if target.exists():
        return
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        _write_all(archive, part, rules)
    except tarfile.ReadError as error:
        raise _unread(archive, error) from None
    except _BROKEN as error:
        raise _broken(str(error)) from None
    except OSError as error:
        if error.errno in FULL or error.errno not in _NAMES:
            raise
        raise _broken(str(error)) from None
    part.rename(target)


def _write_all(archive: Path, part: Path, rules: Rules) -> None:
    limit = min(MAX_BYTES, rules.room, MAX_RATIO * archive.stat().st_size + _BLOCK)
    done = count = 0
    for member in _members(archive):
        path = names.inside(member.name)
        if path is None:
            raise _broken(f"{member.name!r} leads out of the folder")
        if rules.normal and names.junk(path):
            continue
        count += 1
        if count > MAX_FILES or done + member.size > limit:
            raise _too_large(limit)
        if rules.should_stop():
            raise Stopped
        done += _write(member, part / (names.normal(path) if rules.normal else path), limit - done)
        if done > limit:
            raise _too_large(limit)
        rules.progress(member.told, max(member.total, member.told))


def _write(member: Member, path: Path, limit: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = member.open()
    if source is None:
        return 0
    written = 0
    with closing(source), path.open("wb") as file:
        # what a header says of the size is not believed
        while written <= limit and (block := source.read(_BLOCK)):
            written += file.write(block)
    return written


def _members(archive: Path) -> Iterator[Member]:
    return _of_zip(archive) if zipfile.is_zipfile(archive) else _of_tar(archive)


def _of_zip(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as packed:
        files = [info for info in packed.infolist() if not info.is_dir()]
        total, done, told = sum(info.file_size for info in files), 0, names.ZipNames(files)
        for info in files:
            if info.flag_bits & _ENCRYPTED:
                raise _encrypted()
            if info.external_attr >> 28 == 0xA:
                raise _broken(f"{told.name(info)} is a link")
            done += info.file_size
            yield Member(told.name(info), info.file_size, lambda info=info: packed.open(info), done, total)  # type: ignore[misc]


def _of_tar(archive: Path) -> Iterator[Member]:
    total = archive.stat().st_size
    with archive.open("rb") as file, tarfile.open(fileobj=file, mode="r:*") as tape:
        while (entry := tape.next()) is not None:
            tape.members.clear()  # type: ignore[attr-defined]  # it would remember a million
            if entry.isdir():
                continue
            if not entry.isreg():
                raise _broken(f"{names.tar_name(entry.name)} is a link or a device")
            name = names.tar_name(entry.name)
            yield Member(name, entry.size, lambda entry=entry: tape.extractfile(entry), min(file.tell(), total), total)  # type: ignore[misc]


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        "archive-too-large",
        N_("The archive unpacks to more than {files} files or {bytes} bytes."),
        hint=N_("Split it, or put the pictures into the bucket or on the group share."),
        field="pictures",
        files=MAX_FILES,
        bytes=limit,
    )


def _encrypted() -> Invalid:
    return Invalid(
        "archive-encrypted",
        N_("The archive is protected by a password."),
        hint=N_("Pack it without one; nobody else can read what you upload."),
        field="pictures",
    )


def _unread(archive: Path, error: tarfile.ReadError) -> Invalid:
    """What is no tar, or a broken one; the library lists all that it tried, one a line."""
    with archive.open("rb") as file:
        kind = kind_of(file.read(HEAD))
    if kind in UNPACKED:
        return _broken(str(error).partition(":\n")[0])
    told = N_("The archive is a file of type {kind}; zip and tar are read, the latter also packed by gzip, bzip2 or xz.")
    none = N_("The file is neither a zip nor a tar archive.")
    code = "archive-kind" if kind else "archive-broken"
    return Invalid(code, told if kind else none, hint=_PACK, field="pictures", kind=kind)


def _broken(reason: str) -> Invalid:
    return Invalid(
        "archive-broken",
        N_("The archive of pictures cannot be unpacked: {reason}."),
        hint=_PACK,
        field="pictures",
        reason=reason,
    )
