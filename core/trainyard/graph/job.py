"""``python -m trainyard.graph.job spec.json``: make the dataset of a graph as a job, telling its progress in a small file.

The specification is JSON: ``run`` (a ``GraphRun``), ``folder`` (of the new dataset), ``roots`` (url prefix to folder),
``workers``. Objects and remote pictures are asked of the platform, as in formatting.
Exit status: 0 the dataset is whole, 2 refused (``progress.json`` in the folder says why), 143 asked to stop.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import msgspec

from trainyard.allocation import keep_freed_memory
from trainyard.datasets.folder import Stopped
from trainyard.datasets.following import Step, Watch
from trainyard.datasets.job import PROGRESS
from trainyard.datasets.platform import platform_sources
from trainyard.datasets.sources import FolderSource
from trainyard.errors import UserError
from trainyard.graph.run import GraphRun, run_graph
from trainyard.job_progress import ProgressFile

REFUSED = 2


class JobSpec(msgspec.Struct):
    """What the job is to do; paths are those inside its sandbox."""

    run: GraphRun
    folder: Path
    roots: dict[str, Path]
    workers: int = 0


def decode_spec(data: bytes) -> JobSpec:
    """The specification in ``data``."""
    return msgspec.json.decode(data, type=JobSpec, dec_hook=lambda kind, value: kind(value))


def encode_spec(spec: JobSpec) -> bytes:
    """``spec`` as JSON."""
    return msgspec.json.encode(spec, enc_hook=str)


def main(argv: list[str]) -> int:
    """Do the work that ``argv[1]`` specifies; the exit status."""
    keep_freed_memory()
    spec = decode_spec(Path(argv[1]).read_bytes())
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopping.append(number))
    progress = ProgressFile(spec.folder / PROGRESS)

    def tell(step: Step) -> None:
        progress.tell(step.done, step.total, skipped=step.skipped, bytes=step.bytes)

    source = platform_sources(FolderSource(spec.roots))
    try:
        statistics = run_graph(spec.run, source, spec.folder, Watch(tell, lambda: bool(stopping)), spec.workers)
    except UserError as error:
        progress.failed(error)
        print(error, file=sys.stderr)
        return REFUSED
    except Stopped:
        progress.ended("stopped")
        return 128 + signal.SIGTERM
    progress.ended("done")
    print(f"{statistics.images} pictures, {statistics.objects} objects")
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv))
