"""``python -m trainyard.formats.examine_job spec.json``: examine a dataset's pictures as a job.

The specification is JSON: ``dataset`` (its folder), ``roots`` (url prefix to folder), ``folder`` (where the result goes,
and how far it is). Exit status: 0 done, 2 refused, 3 stopped; a next start begins anew.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import msgspec

from trainyard.datasets.folder import DatasetFolder, Stopped
from trainyard.datasets.platform import platform_sources
from trainyard.datasets.sources import FolderSource
from trainyard.errors import UserError
from trainyard.formats.examine import Watch, examine
from trainyard.job_progress import ProgressFile

PROGRESS = "progress.json"
TELL_SECONDS = 0.5
REFUSED, STOPPED = 2, 3


class JobSpec(msgspec.Struct):
    """What the job is to do; paths are those inside its sandbox."""

    dataset: Path
    roots: dict[str, Path]
    folder: Path


def main(argv: list[str]) -> int:
    """Do the work that ``argv[1]`` specifies; the exit status."""
    spec = msgspec.json.decode(Path(argv[1]).read_bytes(), type=JobSpec, dec_hook=lambda kind, value: kind(value))
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, frame: stopping.append(signum))
    progress, dataset = ProgressFile(spec.folder / PROGRESS), DatasetFolder(spec.dataset)
    source = platform_sources(FolderSource(spec.roots))
    last = [0.0]

    def tell(done: int, total: int) -> None:
        if time.monotonic() - last[0] > TELL_SECONDS or done == total:
            last[0] = time.monotonic()
            progress.tell(done, total)

    watch = Watch(tell, lambda: bool(stopping))
    try:
        found = examine(dataset.index(), source, spec.folder, dataset.manifest().list_sha256, watch)
    except UserError as error:
        progress.failed(error)
        print(error, file=sys.stderr)
        return REFUSED
    except Stopped:
        progress.ended("stopped")
        return STOPPED
    progress.ended("done")
    print(f"{found.pictures} pictures: {found.missing} missing, {found.broken} broken, {found.duplicates} come again")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
