"""Write one batch: every chosen format × every split, identical samples in identical order, from one decode.

Everything is made in ``<folder>/.part`` and moved up when it is whole, the manifest last; a reader sees all or nothing.
A checkpoint every second says how far every file is, so that after a crash the work goes on with the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import msgspec

from trainyard.datasets.folder import Stopped, write_json
from trainyard.datasets.sources import PictureSource
from trainyard.errors import Conflict, Invalid, UserError
from trainyard.formats.checkpoint import SKIPPED, Checkpoint, Keeper
from trainyard.formats.labels import write_labels
from trainyard.formats.pipeline import Formatted, Work, produce
from trainyard.formats.plan import BatchManifest, BatchPlan, SetManifest, Skipped, set_specification
from trainyard.formats.record import Record, SetWriter
from trainyard.formats.registry import FORMATS
from trainyard.formats.selection import Selection
from trainyard.formats.split import order_of, ranges
from trainyard.job_progress import FULL
from trainyard.words import N_, quoted

MANIFEST = "manifest.json"
PART = ".part"
SPECIFICATION = "set.json"
KEPT_SKIPPED = 100
CHECKPOINT_SECONDS = 1.0
TELL_SECONDS = 0.25
ENOUGH_TO_JUDGE = 100
NEARLY_NOTHING = 64 * 1024 * 1024


class Step(NamedTuple):
    """How far the work is. ``done`` counts written and skipped pictures of ``total``; ``bytes`` over all sets."""

    done: int
    total: int
    skipped: int
    bytes: int


class Watch(NamedTuple):
    """How the caller follows and ends the work; ``discard`` is asked after a stop: whether to give up what is done."""

    progress: Callable[[Step], None] = lambda step: None
    should_stop: Callable[[], bool] = lambda: False
    discard: Callable[[], bool] = lambda: False


def write_batch(
    plan: BatchPlan, source: PictureSource, folder: Path, watch: Watch | None = None, workers: int = 0
) -> BatchManifest:
    """Make the batch ``plan`` in ``folder``, or go on with one that was interrupted; one that is whole is left as it is.

    Raises:
        UserError: the plan or list cannot be formatted, too many pictures are bad, or the disk is full. Nothing is left.
        Stopped: ``watch.should_stop`` said so; unless ``watch.discard`` does too, the next call goes on from here.
    """
    plan = plan.checked()
    if (folder / MANIFEST).is_file():
        return read_manifest(folder)
    part = folder / PART
    try:
        part.mkdir(parents=True, exist_ok=True)
        if not (part / MANIFEST).is_file():
            _Batch(plan, part, watch or Watch()).run(source, workers)
        return _publish(folder)
    except Stopped:
        if watch and watch.discard():
            shutil.rmtree(part, ignore_errors=True)
        raise
    except UserError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    except (OSError, lmdb.Error) as error:
        if not _disk_is_full(error, folder):
            raise
        shutil.rmtree(part, ignore_errors=True)
        raise _full(folder) from error


def read_manifest(folder: Path) -> BatchManifest:
    """The manifest of a finished batch.

    Raises:
        Conflict: ``batch-incomplete``.
    """
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=BatchManifest)
    except FileNotFoundError:
        raise Conflict("batch-incomplete", N_("The batch is not complete yet."), hint=N_("Wait until its job ends.")) from None


class _Batch:
    """The work in ``part``; lives for one call."""

    def __init__(self, plan: BatchPlan, part: Path, watch: Watch) -> None:
        self._plan, self._part, self._watch = plan, part, watch
        self._selection = Selection(plan.list_path, plan.label_set, watch.should_stop)
        self._ranges = ranges(len(self._selection), plan.ratios)
        self._keeper = Keeper(part)
        self._at = self._load()
        self._writers: dict[tuple[str, str], SetWriter] = {}
        self._saved = self._told = time.monotonic()

    def run(self, source: PictureSource, workers: int) -> None:
        """Write what is missing, then checksums, specifications and the manifest, all inside the part."""
        order = order_of(len(self._selection), self._plan.order_seed)
        try:
            with self._open_skipped() as self._skipped_file:
                self._open_writers()
                work = Work(self._selection, source, self._plan.recipe)
                with closing(produce(work, order.tolist(), self._at.position, workers)) as results:
                    for result in results:
                        self._take(result)
                self._judge(final=True)
                self._end_writers()
        finally:
            self._close()
        self._finish()

    def _take(self, result: Formatted | Skipped) -> None:
        at = self._at
        if isinstance(result, Skipped):
            self._skip(result)
        else:
            split = self._split_at(at.position)
            number = at.written.get(split, 0)
            record = Record(number, result.name, result.labels, *result.picture)
            for name in self._plan.formats:
                self._writers[name, split].add(record)
            at.written[split] = number + 1
        at.position += 1
        now = time.monotonic()
        if now - self._told >= TELL_SECONDS:
            self._told = now
            self._judge(final=False)
            self._watch.progress(self._step())
            if self._watch.should_stop():
                self._save()
                self._keeper.wait()
                raise Stopped
        if now - self._saved >= CHECKPOINT_SECONDS and not self._keeper.busy():
            self._save()

    def _skip(self, skipped: Skipped) -> None:
        self._at.skipped_total += 1
        if len(self._at.skipped) < KEPT_SKIPPED:
            self._at.skipped.append(skipped)
        self._skipped_file.write(msgspec.json.encode(skipped) + b"\n")

    def _judge(self, *, final: bool) -> None:
        """Stop early when too many pictures are bad or the disk cannot hold what is to come."""
        done, bad = self._at.position, self._at.skipped_total
        if bad > self._plan.bad_limit * (done if final else max(done, ENOUGH_TO_JUDGE)) or (final and bad == done):
            raise _too_many_bad(self._at, self._plan)
        if done >= ENOUGH_TO_JUDGE or final:
            written = self._step().bytes
            needed = written * (len(self._selection) - done) // done
            if needed > (free := shutil.disk_usage(self._part).free):
                raise Invalid(
                    "disk-short",
                    N_("The sets will need about {needed} MB more, and {free} MB are free."),
                    hint=N_("Delete formatted sets that nobody needs, or choose fewer formats or a smaller size."),
                    needed=needed // 1_000_000,
                    free=free // 1_000_000,
                )

    def _step(self) -> Step:
        written = sum(writer.bytes_written for writer in self._writers.values())
        return Step(self._at.position, len(self._selection), self._at.skipped_total, written)

    def _split_at(self, position: int) -> str:
        return next(name for name, (start, end) in self._ranges.items() if start <= position < end)

    def _load(self) -> Checkpoint:
        """The last checkpoint, if it can be gone on from; else a fresh start."""
        identity = f"{self._plan.identity()}-{len(self._selection)}-{self._plan.list_path.stat().st_size}"
        if found := self._keeper.load(identity):
            return found
        shutil.rmtree(self._part)
        self._part.mkdir()
        return Checkpoint(identity, _now())

    def _open_skipped(self) -> Any:
        file = (self._part / SKIPPED).open("ab")
        file.truncate(self._at.skipped_bytes)
        return file

    def _open_writers(self) -> None:
        for split in self._ranges:
            for name in self._plan.formats:
                folder = self._part / f"{name}-{split}"
                folder.mkdir(exist_ok=True)
                self._writers[name, split] = FORMATS[name].writer(folder, self._at.sets.get(folder.name))

    def _save(self) -> None:
        self._hand_over()
        self._keeper.keep(self._at, self._writers.values())
        self._saved = time.monotonic()

    def _hand_over(self) -> None:
        """Empty all buffers into the files; a disk that is full says so here."""
        self._skipped_file.flush()
        self._at.skipped_bytes = self._skipped_file.tell()
        self._at.sets = {f"{name}-{split}": writer.checkpoint() for (name, split), writer in self._writers.items()}

    def _end_writers(self) -> None:
        """Close the sets; what does not get to the disk says so."""
        self._keeper.wait()
        self._hand_over()
        while self._writers:
            self._writers.popitem()[1].close()

    def _close(self) -> None:
        self._selection.close()
        self._keeper.close()
        for writer in self._writers.values():
            with suppress(OSError, lmdb.Error):
                writer.close()

    def _finish(self) -> None:
        completed = _now()
        sets = []
        for split, bounds in self._ranges.items():
            for name in self._plan.formats:
                folder = self._part / f"{name}-{split}"
                write_labels(folder, self._selection.labels)
                files = _checksums(folder)
                size = sum((folder / path).stat().st_size for path in files)
                one = SetManifest(folder.name, name, split, bounds, self._at.written.get(split, 0), size, files)
                times = (self._at.created, completed)
                write_json(folder / SPECIFICATION, set_specification(self._plan, one, len(self._selection.labels), times))
                sets.append(one)
        write_json(self._part / MANIFEST, self._manifest(sets, completed))

    def _manifest(self, sets: list[SetManifest], completed: str) -> BatchManifest:
        plan, at = self._plan, self._at
        return BatchManifest(
            batch=plan.batch,
            label_set=plan.label_set,
            classes=list(self._selection.labels),
            multi_label=self._selection.multi_label,
            ratios=plan.ratios,
            shuffle=plan.shuffle,
            seed=plan.seed,
            recipe=plan.recipe,
            planned=len(self._selection),
            written=sum(at.written.values()),
            skipped_total=at.skipped_total,
            skipped=at.skipped,
            sets=sets,
            created=at.created,
            completed=completed,
            lineage=plan.lineage,
        )


def _publish(folder: Path) -> BatchManifest:
    """Move the finished sets up, the manifest last; may be repeated after a crash at any point."""
    part = folder / PART
    manifest = read_manifest(part)
    for name in [one.name for one in manifest.sets] + [SKIPPED]:
        if (part / name).exists():
            (part / name).replace(folder / name)
    _sync_folder(folder)
    (part / MANIFEST).replace(folder / MANIFEST)
    _sync_folder(folder)
    shutil.rmtree(part, ignore_errors=True)
    return manifest


def _checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a set, by path. The files are on the disk on return: it writes while the digest is computed."""
    found = {}
    with ThreadPoolExecutor(1) as disk:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != SPECIFICATION:
                with path.open("rb") as file:
                    synced = disk.submit(os.fsync, file.fileno())
                    found[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
                    synced.result()
    return found


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _disk_is_full(error: Exception, folder: Path) -> bool:
    """LMDB reports a write that was cut short by a full disk as an input/output error; then the free space tells."""
    if isinstance(error, OSError):
        return error.errno in FULL
    text = str(error)
    if "Input/output error" in text:
        return shutil.disk_usage(folder).free < NEARLY_NOTHING
    return any(reason in text for reason in ("No space left", "File too large", "quota exceeded"))


def _full(folder: Path) -> UserError:
    free = shutil.disk_usage(folder).free // 1_000_000
    return Invalid(
        "disk-full",
        N_("The disk is full: {free} MB are free now that the unfinished sets are deleted. Older sets are untouched."),
        hint=N_("Delete formatted sets that nobody needs, or choose fewer formats or a smaller size."),
        free=free,
    )


def _too_many_bad(at: Checkpoint, plan: BatchPlan) -> UserError:
    first = at.skipped[0]
    return Invalid(
        "too-many-bad-pictures",
        N_(
            "{bad} of the first {done} pictures cannot be used, above the limit of {limit} %. "
            "The first is {url} in line {line}: {reason}"
        ),
        hint=N_("Correct the list or the pictures, or allow more bad pictures."),
        field="bad_limit",
        bad=at.skipped_total,
        done=at.position,
        limit=f"{100 * plan.bad_limit:g}",
        url=first.url,
        line=first.line,
        reason=quoted(first.message, first.values),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
