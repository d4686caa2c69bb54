"""The job that makes a dataset, run inside a sandbox: ``python -m trainyard.datasets.job spec.json``.

The specification (JSON): ``folder``; ``list``, a path to copy the list from, or ``bucket_key``, a key to fetch it from the
owner's bucket through the platform, or neither when ``index.jsonl`` is in the folder already; ``pictures``, the path of an
archive (zip or tar) to unpack. Progress and, at the end, a refusal are told in ``<folder>/progress.json``.
Exit code 0: the dataset is whole; 2: refused, the reason is in ``progress.json``; 143: asked to stop.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import urllib.error
from pathlib import Path
from typing import Any

import msgspec

from trainyard.datasets.folder import LIST, DatasetFolder, Stopped
from trainyard.datasets.index import CLASSES, SAMPLES
from trainyard.datasets.platform import open_object, reason_of
from trainyard.datasets.unpack import unpack
from trainyard.errors import Invalid, NotFound, Unavailable, UserError
from trainyard.job_progress import FULL, ProgressFile
from trainyard.words import N_

PROGRESS = "progress.json"
_TOLD_EVERY_SECONDS = 0.5
_BLOCK = 1 << 20


class JobSpec(msgspec.Struct):
    """What the service asks for; see the module."""

    folder: Path
    list: Path | None = None
    bucket_key: str = ""
    pictures: Path | None = None
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
    told, stopping = Told(spec.folder), []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    try:
        _fetch_list(spec, told)
        if spec.pictures is not None:
            unpack(spec.pictures, spec.folder / "pictures", told, lambda: bool(stopping))
        DatasetFolder(spec.folder).prepare(told, lambda: bool(stopping), spec.lineage)
    except Stopped:
        return 128 + signal.SIGTERM
    except UserError as error:
        return _refuse(told, error)
    except OSError as error:
        if error.errno not in FULL:
            raise
        return _refuse(told, _full(spec))
    return 0


def _refuse(told: Told, error: UserError) -> int:
    print(error, file=sys.stderr)
    told.refusal(error)
    return 2


def _full(spec: JobSpec) -> UserError:
    """The disk is full: what can be made again is deleted, so that others can work; list and archive stay as they came."""
    folder = spec.folder
    for name in ("pictures", ".pictures.part") if spec.pictures else ():
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (SAMPLES, CLASSES, f"{CLASSES}.pairs", f".{LIST}.part"):
        (folder / name).unlink(missing_ok=True)
    return Invalid(
        "disk-full",
        N_("The disk is full: {free} MB are free now that the unfinished dataset is tidied up. Other datasets are untouched."),
        hint=N_("Delete datasets or formatted sets that nobody needs, then make the dataset again."),
        free=shutil.disk_usage(folder).free // 1_000_000,
    )


def _fetch_list(spec: JobSpec, told: Told) -> None:
    """Bring the list to its place; what was fetched whole before is kept."""
    place = spec.folder / LIST
    if place.exists():
        return
    part = place.with_name(f".{LIST}.part")
    if spec.list is not None:
        _copy_file(spec.list, part)
    else:
        _copy_object(spec.bucket_key, part, told)
    part.replace(place)


def _copy_file(source: Path, part: Path) -> None:
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


def _copy_object(key: str, part: Path, told: Told) -> None:
    """Fetch from the owner's bucket through the platform."""
    try:
        with open_object(key) as answer, part.open("wb") as file:
            total, done = int(answer.headers.get("Content-Length", 0)), 0
            while block := answer.read(_BLOCK):
                file.write(block)
                done += len(block)
                told(done, max(total, done))
    except urllib.error.HTTPError as error:
        raise _refused(key, reason_of(error)) from None
    except OSError as error:
        if error.errno in FULL:
            raise
        raise Unavailable(
            "bucket-unavailable",
            N_("The list could not be fetched from the bucket: {reason}."),
            hint=N_("Try again in a while."),
            reason=str(error),
        ) from None


def _refused(key: str, reason: str) -> UserError:
    return Invalid(
        "list-not-fetched",
        N_("The list {key} could not be fetched from the bucket: {reason}"),
        hint=N_("Check the key in the bucket browser."),
        field="source",
        key=key,
        reason=reason,
    )


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(run(decode_spec(Path(sys.argv[1]).read_bytes())))
