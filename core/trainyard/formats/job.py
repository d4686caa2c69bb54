"""``python -m trainyard.formats.job spec.json``: write one batch as a job, telling its progress in a small file.

The specification is JSON: ``plan`` (a ``BatchPlan``), ``folder`` (the batch's), ``roots`` (url prefix to folder), optional
``storage`` (a file with ``endpoint``, ``access_key``, ``secret_key``; without it a job asks the platform for objects),
``progress`` (the file to tell in), ``workers``. With ``shards`` above 1 it is about one of so many jobs: with ``shard`` it
leaves that part in ``folder``, without it writes the sets from all parts.
Exit status: 0 done, 2 refused (the progress file says why), 3 stopped by SIGTERM or SIGINT; the next start goes on. With a
file named ``discard`` beside the progress file, a stop also deletes what was done.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from trainyard.allocation import keep_freed_memory
from trainyard.datasets.folder import Stopped
from trainyard.datasets.following import Step, Watch
from trainyard.datasets.platform import PlatformSource, on_platform
from trainyard.datasets.sources import FolderSource, ObjectSource, PictureSource, Sources
from trainyard.errors import UserError
from trainyard.formats.batch import Hands, join_shards, write_batch, write_shard
from trainyard.formats.manifest import BatchManifest
from trainyard.formats.plan import BatchPlan
from trainyard.formats.spool import Shard
from trainyard.job_progress import ProgressFile

REFUSED, STOPPED = 2, 3


class JobSpec(msgspec.Struct):
    """What the job is to do; paths are those inside its sandbox."""

    plan: BatchPlan
    folder: Path
    roots: dict[str, Path]
    progress: Path
    storage: Path | None = None
    workers: int = 0
    shards: int = 1
    shard: int | None = None


def decode_spec(data: bytes) -> JobSpec:
    """The specification in ``data``."""
    return msgspec.json.decode(data, type=JobSpec, dec_hook=_path)


def encode_spec(spec: JobSpec) -> bytes:
    """``spec`` as JSON."""
    return msgspec.json.encode(spec, enc_hook=str)


def main(argv: list[str]) -> int:
    """Do the work that ``argv[1]`` specifies; the exit status."""
    keep_freed_memory()
    spec = decode_spec(Path(argv[1]).read_bytes())
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, frame: stopping.append(signum))
    progress = ProgressFile(spec.progress)

    def tell(step: Step) -> None:
        progress.tell(step.done, step.total, skipped=step.skipped, bytes=step.bytes)

    watch = Watch(tell, lambda: bool(stopping), lambda: spec.progress.with_name("discard").exists())
    try:
        done = _work(spec, Hands(watch, spec.workers))
    except UserError as error:
        progress.failed(error)
        print(error, file=sys.stderr)
        return REFUSED
    except Stopped:
        progress.ended("stopped")
        return STOPPED
    tell(done)
    progress.ended("done")
    print(f"{done.done - done.skipped} samples written, {done.skipped} skipped, {done.bytes} bytes")
    return 0


def _work(spec: JobSpec, hands: Hands) -> Step:
    """Do what is asked; how far the work is now, which is all of it."""
    if spec.shard is None and spec.shards > 1:
        return _told(join_shards(spec.plan, spec.shards, spec.folder, hands.watch, hands.workers))
    source = Sources(FolderSource(spec.roots), _storage(spec.storage), PlatformSource() if on_platform() else None)
    if spec.shard is None:
        return _told(write_batch(spec.plan, source, spec.folder, hands.watch, hands.workers))
    made = write_shard(spec.plan, Shard(spec.shard, spec.shards), source, spec.folder, hands)
    return Step(made.samples, made.samples, made.skipped, made.bytes)


def _told(manifest: BatchManifest) -> Step:
    return Step(manifest.planned, manifest.planned, manifest.skipped_total, sum(one.bytes for one in manifest.sets))


def _storage(path: Path | None) -> PictureSource | None:
    if path is None:
        return PlatformSource() if on_platform() else None
    import s3fs

    access: dict[str, Any] = json.loads(path.read_bytes())
    filesystem = s3fs.S3FileSystem(
        key=access["access_key"], secret=access["secret_key"], endpoint_url=access["endpoint"], use_listings_cache=False
    )
    return ObjectSource(filesystem)


def _path(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return Path(value)
    raise NotImplementedError(kind)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
