"""A list of 1,000,000 lines: validated, counted and indexed, against ``orjson.loads`` alone on every line, one core each.

CPU seconds of whole passes in one process, in alternation; the best turn of each counts. Ours also writes the index and finds
urls that come twice.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import orjson
from trainyard.datasets.scan import scan

if TYPE_CHECKING:
    from benchmarks.run import Row

LINES, TURNS = 1_000_000, 3


def rows() -> list[Row]:
    """With one class a line, and with three boxes a line."""
    folder = Path(tempfile.mkdtemp(prefix="bench-listing-"))
    try:
        return [
            _row("list of 1,000,000 lines, one class each, against orjson.loads", folder, one_class, 0.5),
            _row("list of 1,000,000 lines, three boxes each, against orjson.loads", folder, three_boxes, 0.25),
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_list(path: Path, labels: Callable[[Random], Any], lines: int = LINES) -> Path:
    """A list of so many lines in the new schema."""
    random = Random(1)
    with path.open("w") as file:
        for number in range(lines):
            line = {"url": f"qiniu:///bucket/pictures/{number:08d}.jpg", "type": "image", "label": [labels(random)]}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    return path


def one_class(random: Random) -> Any:
    """A classification of 100 classes."""
    return {"name": "pulp", "type": "classification", "version": "1", "data": [{"class": f"class{random.randrange(100)}"}]}


def three_boxes(random: Random) -> Any:
    """A detection of 20 classes, four corners a box."""
    return {"name": "general", "type": "detection", "version": "1", "data": [_box(random) for _ in range(3)]}


def _box(random: Random) -> Any:
    left, top, width, height = (random.randrange(1, most) for most in (400, 300, 100, 75))
    right, bottom = left + width, top + height
    corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return {"class": f"class{random.randrange(20)}", "bbox": corners}


def _row(name: str, folder: Path, labels: Callable[[Random], Any], reach: float) -> Row:
    path = write_list(folder / "index.jsonl", labels)
    ours, peer = [], []
    for _ in range(TURNS):
        peer.append(_seconds(lambda: _decode(path)))
        ours.append(_seconds(lambda: scan(path, folder, lambda offset: None)))
    best, other = min(ours), min(peer)
    return {"name": name, "ours": best, "peer": other, "unit": "s CPU", "ratio": other / best, "reach": reach}


def _decode(path: Path) -> None:
    with path.open("rb") as file:
        for line in file:
            orjson.loads(line)


def _seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
