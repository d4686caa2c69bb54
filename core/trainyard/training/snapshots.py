"""Snapshots of a model on its way: ``snapshot-model-<epoch>.tar.gz`` with a manifest beside it, in the output folder.

Both are written under another name and renamed, the manifest last: a snapshot without its manifest does not exist. The
manifest (JSON) holds ``version, epoch, step, file, size, sha256, files{name: size}, metrics, created`` (UTC seconds).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import os
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from trainyard.errors import Invalid
from trainyard.words import N_

VERSION = 1
_MIDDLE = "-batch-"
_COMPRESSION = 1
"""Weights hardly shrink; the lowest level keeps a training waiting the least."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Snapshot:
    """A complete snapshot; ``epoch`` counts finished epochs, ``step`` finished batches of the whole run."""

    epoch: int
    step: int
    file: str
    size: int
    sha256: str
    files: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    created: float = 0.0
    version: int = VERSION


@dataclass(frozen=True)
class Moment:
    """When a snapshot is taken. ``whole``: at the end of an epoch, not in the middle of one."""

    epoch: int
    step: int
    whole: bool = True
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The archive's name; a snapshot in the middle of an epoch also names its batch."""
        return f"snapshot-model-{self.epoch}" + ("" if self.whole else f"{_MIDDLE}{self.step}")


def pack(output: Path, files: Mapping[str, Path], moment: Moment) -> Snapshot:
    """Pack ``files`` (name inside: where they are) into ``output``; taken again, the older one is replaced.

    Raises:
        OSError: a file is missing, or the disk is full; nothing new is left behind.
    """
    output.mkdir(parents=True, exist_ok=True)
    archive = output / f"{moment.name}.tar.gz"
    part = output / f".{archive.name}.part"
    try:
        digest = _write_archive(part, files)
        snapshot = Snapshot(
            epoch=moment.epoch,
            step=moment.step,
            file=archive.name,
            size=part.stat().st_size,
            sha256=digest,
            files={name: path.stat().st_size for name, path in sorted(files.items())},
            metrics={name: float(value) for name, value in moment.metrics.items() if math.isfinite(value)},
            created=time.time(),
        )
        manifest_of(archive).unlink(missing_ok=True)
        part.replace(archive)
        write_json(manifest_of(archive), asdict(snapshot))
    finally:
        part.unlink(missing_ok=True)
    return snapshot


def is_whole(archive: str) -> bool:
    """Whether the snapshot of that file name was taken at the end of an epoch, not in the middle of one."""
    return _MIDDLE not in archive


def manifest_of(archive: Path) -> Path:
    """The manifest beside ``archive``."""
    return archive.with_name(archive.name.removesuffix(".tar.gz") + ".json")


def snapshots(output: Path) -> list[Snapshot]:
    """The complete snapshots in ``output``, oldest step first. Contents are not verified, sizes are."""
    found = []
    for manifest in output.glob("snapshot-model-*.json"):
        snapshot = _read_manifest(manifest)
        if snapshot and _size(output / snapshot.file) == snapshot.size:
            found.append(snapshot)
    return sorted(found, key=lambda one: (one.step, one.created))


def newest(output: Path) -> Snapshot | None:
    """The newest snapshot whose bytes are what its manifest says; damaged ones are passed over."""
    for snapshot in reversed(snapshots(output)):
        if sha256_of(output / snapshot.file) == snapshot.sha256:
            return snapshot
    return None


def unpack(archive: Path, folder: Path, largest: int = 64 << 30) -> list[Path]:
    """Extract ``archive`` into ``folder``; only plain files, below it, of at most ``largest`` bytes together.

    Raises:
        Invalid: the archive is damaged, or an entry breaks one of these rules.
    """
    written = []
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for entry in entries(tar, largest):
                source = tar.extractfile(entry)
                assert source is not None
                target = folder / entry.name
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy(source, target)
                written.append(target)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, OSError) as error:
        raise _broken(archive, str(error)) from error
    return written


def entries(tar: tarfile.TarFile, largest: int) -> Iterator[tarfile.TarInfo]:
    """The plain files of an archive, refusing everything that could write elsewhere or fill the disk; ``Invalid`` if so."""
    total = 0
    for entry in tar:
        path = PurePosixPath(entry.name)
        name = str(tar.name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise _broken(Path(name), f"the entry {entry.name!r} leads out of the archive")
        if entry.isdir():
            continue
        if not entry.isreg():
            raise _broken(Path(name), f"the entry {entry.name!r} is a link or a device")
        total += entry.size
        if total > largest:
            raise _broken(Path(name), f"it unpacks to more than {largest} bytes")
        yield entry


def sha256_of(path: Path) -> str:
    """The hexadecimal SHA-256 of a file, read in blocks; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def write_json(path: Path, value: object) -> None:
    """Write ``value`` so that a reader sees the old or the new file, never a part."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, allow_nan=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


class _Digesting(io.RawIOBase):
    """A file that computes the digest of what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.digest.update(data)
        return self._file.write(data)


def _write_archive(part: Path, files: Mapping[str, Path]) -> str:
    with part.open("wb") as raw:
        hashing = _Digesting(raw)
        with (
            gzip.GzipFile(part.name, "wb", _COMPRESSION, hashing, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            for name, path in sorted(files.items()):
                tar.add(path, arcname=name, recursive=False, filter=_anonymous)
        raw.flush()
        os.fsync(raw.fileno())
    return hashing.digest.hexdigest()


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry


def _copy(source: IO[bytes], target: Path) -> None:
    with target.open("wb") as file:
        while block := source.read(_BLOCK):
            file.write(block)


def _read_manifest(path: Path) -> Snapshot | None:
    try:
        value = json.loads(path.read_bytes())
        snapshot = Snapshot(**value)
        return snapshot if "/" not in snapshot.file and isinstance(snapshot.step, int) else None
    except (OSError, ValueError, TypeError):
        return None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else -1


def _broken(archive: Path, reason: str) -> Invalid:
    return Invalid(
        "archive-broken",
        N_("{file} is not a usable packed model: {reason}."),
        hint=N_("Pack plain files with tar and gzip, and upload the archive again."),
        file=archive.name,
        reason=reason,
    )
