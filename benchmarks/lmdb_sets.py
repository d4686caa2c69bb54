"""LMDB of resized pictures, small ones and photographs of 12 megapixels, against a straight loop over OpenCV and lmdb.

Whole processes on two workers, in alternation; the best turn of each counts.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks._pictures import in_turns, job, make_pictures

if TYPE_CHECKING:
    from benchmarks.run import Row

TURNS = 3


def rows() -> list[Row]:
    """One row for each size of pictures."""
    folder = Path(tempfile.mkdtemp(prefix="bench-lmdb-"))
    try:
        small, large = make_pictures(folder / "small", 2000), make_pictures(folder / "large", 100, 4, (3000, 4000))
        return [_row("LMDB 500x375 to shorter edge 256", small), _row("LMDB from 12-megapixel photographs", large)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _row(name: str, folder: Path) -> Row:
    loop = [sys.executable, "-m", "benchmarks._lmdb_loop", str(folder / "pictures")]
    best = in_turns(
        {
            "loop": lambda turn: [*loop, str(folder / f"loop-{turn}")],
            "ours": lambda turn: job(folder, folder / f"batch-{turn}", form="lmdb"),
        },
        TURNS,
    )
    ours, peer = best["ours"], best["loop"]
    return {
        "name": f"{name}, against a straight loop",
        "ours": ours,
        "peer": peer,
        "unit": "s",
        "ratio": peer / ours,
        "reach": 2.0,
    }
