"""Unpack an archive of pictures that somebody uploaded: plain files only, inside one folder, within limits.

Zip (names in UTF-8) and tar (plain, gzip, bzip2, xz). Links, devices, absolute names and names that climb are refused before
anything is written. The folder appears under its name when it is whole.
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from trainyard.datasets.folder import Progress, Stopped
from trainyard.errors import Invalid, TooLarge
from trainyard.words import N_

MAX_FILES = 2_000_000
MAX_BYTES = 256 * 2**30
MAX_RATIO = 200
"""Unpacked bytes for each packed byte; pictures hardly shrink, so more than this is a bomb."""
_BLOCK = 1 << 20


class Member(NamedTuple):
    """One file of an archive."""

    name: str
    size: int
    open: Callable[[], IO[bytes] | None]


def unpack(archive: Path, target: Path, progress: Progress, should_stop: Callable[[], bool]) -> None:
    """Unpack ``archive`` into the new folder ``target``; nothing is done when that is there already.

    Raises:
        Invalid: it is no archive, is broken, or has members that lead out of the folder.
        TooLarge: more files or bytes than the limits.
        Stopped: ``should_stop`` said so.
    """
    if target.exists():
        return
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        _write_all(archive, part, progress, should_stop)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, RuntimeError, NotImplementedError, zipfile.error) as error:
        raise _broken(str(error)) from None
    part.rename(target)


def _write_all(archive: Path, part: Path, progress: Progress, should_stop: Callable[[], bool]) -> None:
    limit = min(MAX_BYTES, MAX_RATIO * archive.stat().st_size + _BLOCK)
    done = 0
    for count, (member, total) in enumerate(_members(archive)):
        path = _inside(member.name)
        if count >= MAX_FILES or done + member.size > limit:
            raise TooLarge(
                "archive-too-large",
                N_("The archive unpacks to more than {files} files or {bytes} bytes."),
                hint=N_("Split it, or put the pictures into the bucket or on the group share."),
                field="pictures",
                files=MAX_FILES,
                bytes=limit,
            )
        if should_stop():
            raise Stopped
        done += _write(member, part / path, limit - done)
        progress(done, max(total, done))


def _write(member: Member, path: Path, limit: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = member.open()
    if source is None:
        return 0
    written = 0
    with closing(source), path.open("wb") as file:
        # what a header says of the size is not believed
        while (block := source.read(_BLOCK)) and written <= limit:
            written += file.write(block)
    return written


def _members(archive: Path) -> Iterator[tuple[Member, int]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            files = [info for info in packed.infolist() if not info.is_dir()]
            total = sum(info.file_size for info in files)
            for info in files:
                yield Member(info.filename, info.file_size, lambda info=info: packed.open(info)), total  # type: ignore[misc]
        return
    with tarfile.open(archive, "r:*") as tape:
        for entry in tape:
            if entry.isdir():
                continue
            if not entry.isreg():
                raise _broken(f"{entry.name} is a link or a device")
            yield Member(entry.name, entry.size, lambda entry=entry: tape.extractfile(entry)), 0  # type: ignore[misc]


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    parts = tuple(part for part in path.parts if part != ".")
    if path.is_absolute() or ".." in parts or not parts or "\0" in name:
        raise _broken(f"{name!r} leads out of the folder")
    return PurePosixPath(*parts)


def _broken(reason: str) -> Invalid:
    return Invalid(
        "archive-broken",
        N_("The archive of pictures cannot be unpacked: {reason}."),
        hint=N_("Pack plain files with zip or tar, and upload the archive again."),
        field="pictures",
        reason=reason,
    )
