"""``python -m trainyard.formats.job spec.json``: write one batch as a job, telling its progress in a small file.

The specification is JSON: ``plan`` (a ``BatchPlan``), ``folder`` (the batch's), ``roots`` (url prefix to folder), optional
``storage`` (a file with ``endpoint``, ``access_key``, ``secret_key``; without it a job asks the platform for objects),
``progress`` (the file to tell in), ``workers``.
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

from trainyard.datasets.folder import Stopped
from trainyard.datasets.platform import PlatformSource, on_platform
from trainyard.datasets.sources import FolderSource, ObjectSource, PictureSource, Sources
from trainyard.errors import UserError
from trainyard.formats.batch import Step, Watch, write_batch
from trainyard.formats.plan import BatchPlan
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


def decode_spec(data: bytes) -> JobSpec:
    """The specification in ``data``."""
    return msgspec.json.decode(data, type=JobSpec, dec_hook=_path)


def encode_spec(spec: JobSpec) -> bytes:
    """``spec`` as JSON."""
    return msgspec.json.encode(spec, enc_hook=str)


def main(argv: list[str]) -> int:
    """Do the work that ``argv[1]`` specifies; the exit status."""
    spec = decode_spec(Path(argv[1]).read_bytes())
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, frame: stopping.append(signum))
    progress = ProgressFile(spec.progress)

    def tell(step: Step) -> None:
        progress.tell(step.done, step.total, skipped=step.skipped, bytes=step.bytes)

    watch = Watch(tell, lambda: bool(stopping), lambda: spec.progress.with_name("discard").exists())
    try:
        manifest = write_batch(
            spec.plan, Sources(FolderSource(spec.roots), _storage(spec.storage)), spec.folder, watch, spec.workers
        )
    except UserError as error:
        progress.failed(error)
        print(error, file=sys.stderr)
        return REFUSED
    except Stopped:
        progress.ended("stopped")
        return STOPPED
    size = sum(one.bytes for one in manifest.sets)
    progress.tell(manifest.planned, manifest.planned, skipped=manifest.skipped_total, bytes=size)
    progress.ended("done")
    print(f"{manifest.written} pictures in {len(manifest.sets)} sets, {manifest.skipped_total} skipped, {size} bytes")
    return 0


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
