"""The job that makes a dataset, run inside a sandbox: ``python -m trainyard.datasets.job spec.json``.

The specification (JSON): ``folder``, and where its list comes from:

- ``list``, a path to copy it from; or ``bucket_key``, a key to fetch it from the owner's bucket through the platform; or
  neither when ``index.jsonl`` is in the folder already. ``pictures`` is the path of an archive (zip or tar) to unpack;
- ``archive``, the path of an archive, or ``archive_key`` to fetch it, with ``layout`` and ``label_set``;
- ``prefix``, a folder of the share or a prefix of the bucket.

``room`` is how many bytes may be unpacked. Progress and, at the end, a refusal are told in ``<folder>/progress.json``.
Exit code 0: the dataset is whole; 2: refused, the reason is in ``progress.json``; 143: asked to stop.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from trainyard.datasets.folder import LIST, PICTURES, DatasetFolder, Stopped, write_json
from trainyard.datasets.importers.beside import VocFiles, resolve_manifest
from trainyard.datasets.importers.prefix import Place
from trainyard.datasets.importers.prefix import make_list as make_prefix_list
from trainyard.datasets.index import CLASSES, SAMPLES
from trainyard.datasets.platform import Known, PlatformProblem, asked_again, object_blocks
from trainyard.datasets.unpack import MAX_BYTES, Rules, unpack
from trainyard.errors import Invalid, NotFound, Unavailable, UserError
from trainyard.job_progress import FULL, ProgressFile
from trainyard.sizes import readable
from trainyard.words import N_

PROGRESS = "progress.json"
ARCHIVE = "pictures.archive"
SYNC_BYTES = 1 << 26
"""An object that comes from a bucket is brought to the disk every so many bytes; a fetch that is killed goes on there."""
_TOLD_EVERY_SECONDS = 0.5


class PrefixSpec(msgspec.Struct):
    """Below what to look for pictures."""

    folder: Path | None = None
    key: str = ""


class JobSpec(msgspec.Struct):
    """What the service asks for; see the module."""

    folder: Path
    list: Path | None = None
    bucket_key: str = ""
    pictures: Path | None = None
    archive: Path | None = None
    archive_key: str = ""
    layout: str = "auto"
    label_set: str = ""
    prefix: PrefixSpec | None = None
    room: int = MAX_BYTES
    lineage: dict[str, Any] = {}


class Told:
    """Tells the progress now and then."""

    def __init__(self, folder: Path) -> None:
        self._file = ProgressFile(folder / PROGRESS)
        self._last = 0.0

    def __call__(self, done: int, total: int) -> None:
        """So many bytes of so many are done."""
        if time.monotonic() - self._last >= _TOLD_EVERY_SECONDS or done == total:
            self._last = time.monotonic()
            self._file.tell(done, total)

    def refusal(self, error: UserError) -> None:
        """Say why there will be no dataset."""
        self._file.failed(error)


def decode_spec(data: bytes) -> JobSpec:
    """The specification in ``data``."""
    return msgspec.json.decode(data, type=JobSpec, dec_hook=lambda kind, value: kind(value))


def run(spec: JobSpec) -> int:
    """Do what the specification says; the exit code."""

    def work(told: Told, should_stop: Callable[[], bool]) -> None:
        _bring(spec, told, should_stop)
        DatasetFolder(spec.folder).prepare(told, should_stop, spec.lineage)

    return guarded(spec.folder, work, lambda: _tidy_full(spec))


def guarded(folder: Path, work: Callable[[Told, Callable[[], bool]], None], when_full: Callable[[], None]) -> int:
    """Do ``work`` so that stops, refusals and a full disk end as a job of ours ends; the exit code.

    ``when_full`` deletes what can be made again.
    """
    told, stopping = Told(folder), []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    try:
        work(told, lambda: bool(stopping))
    except Stopped:
        return 128 + signal.SIGTERM
    except UserError as error:
        return _refuse(told, error)
    except OSError as error:
        if error.errno not in FULL:
            raise
        when_full()
        return _refuse(told, _full(folder))
    return 0


def _bring(spec: JobSpec, told: Told, should_stop: Callable[[], bool]) -> None:
    """Bring list and pictures to their places; what is there already is kept."""
    if spec.prefix is not None:
        if not (spec.folder / LIST).exists():
            make_prefix_list(spec.folder, Place(spec.prefix.folder, spec.prefix.key), told, should_stop)
    elif spec.archive is not None or spec.archive_key:
        _import_archive(spec, told, should_stop)
    else:
        _fetch_list(spec, told)
        if spec.pictures is not None:
            rules = Rules(normal=False, room=spec.room, progress=told, should_stop=should_stop)
            unpack(spec.pictures, spec.folder / PICTURES, rules)
        resolve_manifest(spec.folder / LIST, VocFiles(spec.folder, spec.list, spec.bucket_key), should_stop)


def _import_archive(spec: JobSpec, told: Told, should_stop: Callable[[], bool]) -> None:
    from trainyard.datasets.importers.layouts import make_list, tidy

    if not (spec.folder / LIST).exists():
        archive = spec.archive or spec.folder / ARCHIVE
        if spec.archive_key and not archive.exists():
            part = archive.with_name(f".{ARCHIVE}.part")
            copy_object(spec.archive_key, part, told)
            part.replace(archive)
        unpack(archive, spec.folder / PICTURES, Rules(room=spec.room, progress=told, should_stop=should_stop))
        make_list(spec.folder, spec.layout, spec.label_set, told, should_stop)
    tidy(spec.folder)


def _refuse(told: Told, error: UserError) -> int:
    print(error, file=sys.stderr)
    told.refusal(error)
    return 2


def _tidy_full(spec: JobSpec) -> None:
    """The disk is full: what can be made again is deleted, so that others can work; list and archive stay as they came."""
    for name in (PICTURES, f".{PICTURES}.part") if spec.pictures or spec.archive or spec.archive_key else ():
        shutil.rmtree(spec.folder / name, ignore_errors=True)
    hidden = (f".{LIST}.part", f".{LIST}.resolved", f".{ARCHIVE}.part", f".{ARCHIVE}.part.known")
    for name in (SAMPLES, CLASSES, f"{CLASSES}.pairs", *hidden):
        (spec.folder / name).unlink(missing_ok=True)


def _full(folder: Path) -> UserError:
    return Invalid(
        "disk-full",
        N_("The disk is full: {free} are free now that the unfinished dataset is tidied up. Other datasets are untouched."),
        hint=N_("Delete datasets or formatted sets that nobody needs, then make the dataset again."),
        free=readable(shutil.disk_usage(folder).free),
    )


def _fetch_list(spec: JobSpec, told: Told) -> None:
    """Bring the list to its place; what was fetched whole before is kept."""
    place = spec.folder / LIST
    if place.exists():
        return
    part = place.with_name(f".{LIST}.part")
    if spec.list is not None:
        copy_file(spec.list, part)
    else:
        copy_object(spec.bucket_key, part, told)
    part.replace(place)


def copy_file(source: Path, part: Path) -> None:
    """Copy a file of a share.

    Raises:
        NotFound: it cannot be read.
    """
    try:
        shutil.copyfile(source, part)
    except OSError as error:
        if error.errno in FULL:
            raise
        raise NotFound(
            "list-missing",
            N_("The list {path} cannot be read: {reason}."),
            hint=N_("Check the path; it is looked for on the group share."),
            field="source",
            path=str(source),
            reason=error.strerror or type(error).__name__,
        ) from None


def copy_object(key: str, part: Path, told: Told) -> None:
    """Fetch from the owner's bucket through the platform; what ends early is never taken for the whole.

    Killed or cut off, it goes on where it was last brought to the disk, unless the object is another one by then.

    Raises:
        Invalid: there is no such object, or it may not be read. Unavailable: service or store do not answer.
    """
    try:
        asked_again(lambda: _receive(key, part, told))
    except PlatformProblem as problem:
        raise _refused(key, problem) from None


def _receive(key: str, part: Path, told: Told) -> None:
    place = part.with_name(f"{part.name}.known")
    known = _known(part, place)
    with part.open("r+b" if known.bytes else "wb") as file, closing(object_blocks(key, known)) as blocks:
        file.truncate(known.bytes)
        synced = file.seek(known.bytes)
        for one in blocks:
            if one.start != file.tell():  # it is another object now
                place.unlink()
                file.truncate(0)
                synced = file.seek(0)
            file.write(one.block)
            if one.mark and one.done - synced >= SYNC_BYTES and one.done < one.total:
                synced = one.done
                file.flush()
                os.fsync(file.fileno())
                write_json(place, Known(synced, one.mark))
            told(one.done, one.total)
    place.unlink(missing_ok=True)


def _known(part: Path, place: Path) -> Known:
    """What an earlier attempt has brought to the disk."""
    try:
        known = msgspec.json.decode(place.read_bytes(), type=Known)
        return known if part.stat().st_size >= known.bytes else Known()
    except (OSError, msgspec.MsgspecError):
        return Known()


def _refused(key: str, problem: PlatformProblem) -> UserError:
    reason = problem.values["reason"]
    if problem.again:
        return Unavailable(
            "bucket-unavailable",
            N_("The bucket does not hand out {key} now: {reason}."),
            hint=N_("Try again in a while."),
            field="source",
            key=key,
            reason=reason,
        )
    return Invalid(
        "list-not-fetched",
        N_("{key} could not be fetched from the bucket: {reason}"),
        hint=N_("Check the key in the bucket browser."),
        field="source",
        key=key,
        reason=reason,
    )


def main(argv: list[str]) -> int:
    """Do what the specification in ``argv[1]`` says; the exit code."""
    return run(decode_spec(Path(argv[1]).read_bytes()))


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv))
