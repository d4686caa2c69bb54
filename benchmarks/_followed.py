"""Draw the curves of ten runs in a fresh process, as the service does: ``python -m benchmarks._followed HOME``.

Prints a JSON object: seconds from the question to the answer's bytes, and megabytes above the process before the question.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import psutil
from pydantic import TypeAdapter
from trainyard.home import Home
from trainyard.records.trainings import Curves
from trainyard_service.trainings.curves import CurveReader, Window

RUNS = 10


def main() -> None:
    """Ask once, tell what it cost."""
    reader = CurveReader(Home(Path(sys.argv[1])))
    runs = [(f"run{number}", f"instance{number}") for number in range(RUNS)]
    before = psutil.Process().memory_info().rss
    begin = time.perf_counter()
    found = reader.of_many(runs, Window(points=1000))
    curves = [Curves(instance=one[1], series=series, snapshots=[]) for one, series in zip(runs, found, strict=True)]
    answer = TypeAdapter(list[Curves]).dump_json(curves)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "megabytes": (peak - before) / 1e6, "bytes": len(answer), "points": _points(curves)}))
    reader.close()


def _points(curves: list[Curves]) -> int:
    return sum(one.total for each in curves for one in each.series)


if __name__ == "__main__":
    main()
