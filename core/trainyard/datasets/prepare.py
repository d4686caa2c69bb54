"""``python -m trainyard.datasets.prepare folder progress.json``: validate and count a dataset's list as a job.

Exit status: 0 done, 2 refused (the progress file says why), 3 stopped by SIGTERM or SIGINT.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from trainyard.datasets.folder import DatasetFolder, Stopped
from trainyard.errors import UserError
from trainyard.job_progress import ProgressFile

REFUSED, STOPPED = 2, 3


def main(argv: list[str]) -> int:
    """Prepare the dataset in ``argv[1]``, telling bytes done in the file ``argv[2]``; the exit status."""
    folder, progress = DatasetFolder(Path(argv[1])), ProgressFile(Path(argv[2]))
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, frame: stopping.append(signum))
    try:
        statistics = folder.prepare(progress.tell, lambda: bool(stopping))
    except UserError as error:
        progress.failed(error)
        print(error, file=sys.stderr)
        return REFUSED
    except Stopped:
        progress.ended("stopped")
        return STOPPED
    progress.ended("done")
    print(f"{statistics.samples} samples, {statistics.problems_total} problems")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
