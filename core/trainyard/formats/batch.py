"""Write one batch: every chosen format × every split, identical samples in identical order, from one decode.

Everything is made in ``<folder>/.part`` and moved up when it is whole, the manifest last; a reader sees all or nothing.
A checkpoint every second says how far every file is, so that after a crash the work goes on with the same bytes. Several
jobs share the work of a large batch: each leaves its part in ``<folder>/.shards``, and one more writes the sets from these.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import lmdb
import msgspec

from trainyard.datasets.folder import Stopped, write_json
from trainyard.datasets.following import Watch
from trainyard.datasets.outage import STORE_AWAY
from trainyard.datasets.sources import Sources
from trainyard.errors import Invalid, UserError
from trainyard.formats.checkpoint import Checkpoint
from trainyard.formats.choice import Choice
from trainyard.formats.flow import Flow, Sink, Terms
from trainyard.formats.manifest import MANIFEST, SKIPPED, BatchManifest, read_manifest
from trainyard.formats.pipeline import Result, Work, produce, with_pixels
from trainyard.formats.plan import BatchPlan
from trainyard.formats.sets import Sets
from trainyard.formats.spool import SHARD, SHARDS, SPOOL, Shard, ShardManifest, Spool, is_whole, replay
from trainyard.job_progress import FULL
from trainyard.sizes import readable
from trainyard.words import N_

PART = ".part"
GONE_ON_WITH = frozenset({"shard-missing", STORE_AWAY})
"""What may pass: the work that is done is kept."""
NEARLY_NOTHING = 64 * 1024 * 1024


class Hands(NamedTuple):
    """Who does the work: how it is followed and ended, and by how many threads (0: one per core)."""

    watch: Watch = Watch()
    workers: int = 0


def write_batch(plan: BatchPlan, source: Sources, folder: Path, watch: Watch | None = None, workers: int = 0) -> BatchManifest:
    """Make the batch ``plan`` in ``folder``, or go on with one that was interrupted; one that is whole is left as it is.

    Raises:
        UserError: the plan or list cannot be formatted, too many pictures are bad, or the disk is full; nothing is left. With
            ``store-away`` the next call goes on from here.
        Stopped: ``watch.should_stop`` said so; unless ``watch.discard`` does too, the next call goes on from here.
    """
    plan = plan.checked()

    def results(choice: Choice, at: Checkpoint) -> Generator[Result, None, None]:
        return produce(_work(choice, source, workers), choice.numbers(range(at.position, len(choice))), at.inside)

    return _write_sets(plan, folder, Hands(watch or Watch(), workers), results)


def join_shards(plan: BatchPlan, shards: int, folder: Path, watch: Watch | None = None, workers: int = 0) -> BatchManifest:
    """Make the batch in ``folder`` from what its ``shards`` left there: the same sets as ``write_batch`` makes alone.

    Raises:
        Conflict: ``shard-missing``. UserError, Stopped: as ``write_batch``.
    """
    plan = plan.checked()

    def results(choice: Choice, at: Checkpoint) -> Generator[Result, None, None]:
        parts = [Shard(number, shards) for number in range(shards)]
        spools = [(one.folder(folder), _identity(choice, one)) for one in parts]
        yield from replay(spools, at.position, at.inside)

    return _write_sets(plan, folder, Hands(watch or Watch(), workers), results)


def write_shard(plan: BatchPlan, shard: Shard, source: Sources, folder: Path, hands: Hands = Hands()) -> ShardManifest:
    """Format one shard of the batch into ``folder``, or go on with it; one that is whole is left as it is.

    Raises:
        UserError, Stopped: as ``write_batch``.
    """
    plan, watch = plan.checked(), hands.watch
    with _cleaned(folder, watch), closing(Choice(plan, watch.should_stop)) as choice:
        identity, positions = _identity(choice, shard), choice.part(shard.number, shard.of)
        if not is_whole(folder, identity):
            (folder / SHARD).unlink(missing_ok=True)
            flow = Flow(folder / PART, sink := Spool(folder / PART), _terms(choice, identity, positions), watch)
            rest = positions[flow.at.position :]
            flow.take_all(produce(_work(choice, source, hands.workers), choice.numbers(rest), flow.at.inside))
            made = ShardManifest(identity, len(positions), flow.at.skipped_total, sink.bytes_written)
            (folder / PART / SPOOL).replace(folder / SPOOL)
            write_json(folder / SHARD, made)
            shutil.rmtree(folder / PART, ignore_errors=True)
        return msgspec.json.decode((folder / SHARD).read_bytes(), type=ShardManifest)


def _write_sets(
    plan: BatchPlan, folder: Path, hands: Hands, results: Callable[[Choice, Checkpoint], Generator[Result, None, None]]
) -> BatchManifest:
    if (folder / MANIFEST).is_file():
        _remove(folder)
        return read_manifest(folder)
    part = folder / PART
    with _cleaned(folder, hands.watch):
        if not (part / MANIFEST).is_file():
            with closing(Choice(plan, hands.watch.should_stop)) as choice:
                sink: Sink = (sets := Sets(part, choice))
                flow = Flow(part, sink, _terms(choice, _identity(choice), range(len(choice))), hands.watch)
                taken = results(choice, flow.at)
                raw = plan.lmdb_values == "raw" and "lmdb" in plan.formats
                flow.take_all(with_pixels(taken, hands.workers) if raw else taken)
                write_json(part / MANIFEST, sets.finish(flow.at))
        return _publish(folder)


@contextmanager
def _cleaned(folder: Path, watch: Watch) -> Iterator[None]:
    """Make the part of ``folder``, and leave nothing of it after a refusal; what fills the disk is a refusal too."""
    try:
        (folder / PART).mkdir(parents=True, exist_ok=True)
        yield
    except Stopped:
        if watch.discard():
            _remove(folder)
        raise
    except UserError as error:
        if error.code not in GONE_ON_WITH:
            _remove(folder)
        raise
    except (OSError, lmdb.Error) as error:
        if not _disk_is_full(error, folder):
            raise
        _remove(folder)
        raise _full(folder) from error


def _remove(folder: Path) -> None:
    """Everything unfinished, also what shards left: a batch that is refused gives its room back."""
    for name in (PART, SHARDS):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (SPOOL, SHARD):
        (folder / name).unlink(missing_ok=True)


def _work(choice: Choice, source: Sources, workers: int) -> Work:
    return Work(choice.selection, source, choice.plan.recipe, choice.plan.frames_per_second, workers)


def _identity(choice: Choice, shard: Shard | None = None) -> str:
    plan = choice.plan
    part = f"-{shard.number}-of-{shard.of}" if shard else ""
    return f"{plan.identity()}-{len(choice)}-{plan.list_path.stat().st_size}{part}"


def _terms(choice: Choice, identity: str, positions: range) -> Terms:
    return Terms(identity, len(positions), len(choice), choice.plan.bad_limit)


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
    for name in (PART, SHARDS):
        shutil.rmtree(folder / name, ignore_errors=True)
    return manifest


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
    return Invalid(
        "disk-full",
        N_("The disk is full: {free} are free now that the unfinished sets are deleted. Older sets are untouched."),
        hint=N_("Delete formatted sets that nobody needs, or choose fewer formats or a smaller size."),
        free=readable(shutil.disk_usage(folder).free),
    )
