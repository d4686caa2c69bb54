"""The most anonymous memory that formatting takes: 1,000,000 pictures unchanged, and 20,000 resized.

The limit is 500 MB, and for each worker 150 MB and four times the largest decoded picture. What a job took is read from the
kernel (``RssAnon`` of the process, sampled every 50 ms).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from trainyard.datasets.packed import PackWriter

from benchmarks._pictures import WORKERS, job, line_of, make_pictures

if TYPE_CHECKING:
    from benchmarks.run import Row

MANY, RESIZED, DIFFERENT = 1_000_000, 20_000, 1000
MB = 1_000_000


def rows() -> list[Row]:
    """One row for each of the two."""
    folder = Path(tempfile.mkdtemp(prefix="bench-memory-"))
    try:
        return [
            _row(
                "peak memory, 1,000,000 pictures unchanged",
                job(_packed(folder / "many"), folder / "unchanged", resize=""),
                28,
                28,
            ),
            _row("peak memory, 20,000 pictures resized", job(_named_often(folder / "small"), folder / "resized"), 500, 375),
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _packed(folder: Path) -> Path:
    """A list of many small pictures in one pack; a thousand different ones, each named a thousand times."""
    (folder / "pictures").mkdir(parents=True)
    random = np.random.default_rng(1)
    pack = PackWriter(folder / "pictures" / "pictures.zip")
    urls = [
        pack.add(f"{number}.jpg", cv2.imencode(".jpg", random.integers(0, 255, (28, 28), np.uint8))[1].tobytes())
        for number in range(DIFFERENT)
    ]
    pack.close()
    with (folder / "index.jsonl").open("w") as file:
        for number in range(MANY):
            file.write(line_of(urls[number % DIFFERENT], str(number % 10)) + "\n")
    return folder


def _named_often(folder: Path) -> Path:
    """A list that names two thousand photographs ten times each."""
    make_pictures(folder, RESIZED // 10)
    lines = (folder / "index.jsonl").read_text()
    (folder / "index.jsonl").write_text(lines * 10)
    return folder


def _row(name: str, argv: list[str], width: int, height: int) -> Row:
    limit = 500 * MB + WORKERS * (150 * MB + 4 * 3 * width * height)
    ours = _peak(argv)
    return {"name": name, "ours": ours / MB, "peer": limit / MB, "unit": "MB", "ratio": limit / ours, "reach": 1.0}


def _peak(argv: list[str]) -> int:
    """The most anonymous memory of a process, in bytes."""
    most = 0
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            most = max(most, int(fields.get("RssAnon", "0 kB").split()[0]) * 1024)
            time.sleep(0.05)
    if process.returncode:
        raise RuntimeError(f"the job ended with {process.returncode}")
    return most
