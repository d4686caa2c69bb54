"""RecordIO formatting: pictures of 500 × 375 and of 12 megapixels to a shorter edge of 256, and unchanged.

Both sides of a row are whole processes from start to end on two workers, in alternation; the best turn of each counts. What
they made is compared, so that no side is fast by being worse.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from trainyard.formats.recordio.reader import RecordIOReader

from benchmarks._pictures import WORKERS, in_turns, job, make_pictures, psnr, timed

if TYPE_CHECKING:
    from benchmarks.run import Row

ROOT = Path(__file__).parent.parent
MXNET = ROOT / ".cache" / "bench-mxnet"
PINS = ("mxnet==1.9.1", "numpy==1.23.5", "opencv-python-headless==4.8.1.78")
PICTURES, LARGE, COPIES, TURNS = 2000, 100, 8, 3
NEAR_ENOUGH = 40.0


def rows() -> list[Row]:
    """Against im2rec, against the bare calls, against im2rec from photographs, and against ``cp -r``."""
    folder = Path(tempfile.mkdtemp(prefix="bench-recordio-"))
    try:
        small, large = make_pictures(folder / "small", PICTURES), make_pictures(folder / "large", LARGE, 4, (3000, 4000))
        return [*_resized(small), _photographs(large), _unchanged(folder, small)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _resized(folder: Path) -> list[Row]:
    best = in_turns(
        {
            "im2rec": lambda turn: im2rec(folder),
            "ours": lambda turn: job(folder, folder / f"batch-{turn}"),
            "calls": lambda turn: [sys.executable, "-m", "benchmarks._calls", str(folder / "pictures"), "256"],
        },
        TURNS,
    )
    near = np.mean([psnr(a, b) for a, b in zip(_pictures(ours(folder)), _pictures(theirs(folder)), strict=True)])
    print(f"  mean PSNR of the two outputs {near:.2f} dB")
    if near < NEAR_ENOUGH:
        raise AssertionError(f"the outputs differ: {near:.2f} dB")
    return [
        _row("RecordIO 500x375 to shorter edge 256, against im2rec", best["ours"], best["im2rec"], 4.0),
        _row("RecordIO 500x375 to shorter edge 256, against the bare calls", best["ours"], best["calls"], 0.83),
    ]


def _photographs(folder: Path) -> Row:
    best = in_turns({"im2rec": lambda turn: im2rec(folder), "ours": lambda turn: job(folder, folder / f"batch-{turn}")}, TURNS)
    wanted = [_reference(path) for path in sorted((folder / "pictures").iterdir())[:20]]
    mine, other = (
        np.mean([psnr(a, b) for a, b in zip(_pictures(path), wanted, strict=False)]) for path in (ours(folder), theirs(folder))
    )
    print(f"  PSNR against a full decode with area filter: ours {mine:.2f} dB, im2rec {other:.2f} dB")
    if mine < other:
        raise AssertionError(f"ours is worse: {mine:.2f} dB against {other:.2f} dB")
    return _row("RecordIO from 12-megapixel photographs, against im2rec", best["ours"], best["im2rec"], 3.0)


def _unchanged(folder: Path, small: Path) -> Row:
    """Each picture under several names, so that starting a process matters little; both sides end on the disk."""
    many = folder / "many"
    (many / "pictures").mkdir(parents=True)
    lines = (small / "index.jsonl").read_text().splitlines()
    with (many / "index.jsonl").open("w") as file:
        for copy in range(COPIES):
            for path, line in zip(sorted((small / "pictures").iterdir()), lines, strict=True):
                os.link(path, many / "pictures" / f"{copy}-{path.name}")
                file.write(line.replace(path.name, f"{copy}-{path.name}") + "\n")
    ours, copying = [], []
    for turn in range(TURNS):
        target = folder / f"copy-{turn}"
        copying.append(timed(["sh", "-c", 'cp -r "$0" "$1" && sync -f "$1"', str(many / "pictures"), str(target)]))
        shutil.rmtree(target)
        ours.append(timed(job(many, folder / f"many-{turn}", resize="")))
        shutil.rmtree(folder / f"many-{turn}")
        subprocess.run(["sync", "-f", str(folder)], check=True)
    return _row("RecordIO unchanged, against cp -r", min(ours), min(copying), 0.6)


def _row(name: str, ours: float, peer: float, reach: float) -> Row:
    return {"name": name, "ours": ours, "peer": peer, "unit": "s", "ratio": peer / ours, "reach": reach}


def mxnet_python() -> Path:
    """The Python of an environment with MXNet; built once."""
    python = MXNET / "bin" / "python"
    if not python.exists():
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--python", "/usr/bin/python3", str(MXNET)], check=True)
        subprocess.run([uv, "pip", "install", "--python", str(python), *PINS], check=True)
    return python


def im2rec(folder: Path) -> list[str]:
    """The command of MXNet's own tool over the same pictures."""
    python = mxnet_python()
    show = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = subprocess.run(show, check=True, capture_output=True, text=True).stdout.strip()
    options = ["--resize", "256", "--quality", "95", "--num-thread", str(WORKERS)]
    return [str(python), f"{site}/mxnet/tools/im2rec.py", *options, str(folder / "all.lst"), str(folder / "pictures")]


def ours(folder: Path) -> Path:
    """The set that our last turn made."""
    return folder / f"batch-{TURNS - 1}" / "recordio-train"


def theirs(folder: Path) -> Path:
    """What im2rec made, as a set of the same layout."""
    made = folder / "theirs"
    (made / "cache").mkdir(parents=True, exist_ok=True)
    for suffix in ("rec", "idx"):
        shutil.copyfile(folder / f"all.{suffix}", made / "cache" / f"data.{suffix}")
    return made


def _pictures(folder: Path) -> list[np.ndarray]:
    with RecordIOReader(folder) as records:
        return [_decoded(record.picture) for record in records]


def _decoded(data: bytes) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


def _reference(path: Path) -> np.ndarray:
    """The whole picture decoded and brought to size by averaging areas."""
    pixels = _decoded(path.read_bytes())
    height, width = pixels.shape[:2]
    return np.asarray(cv2.resize(pixels, (width * 256 // height, 256), interpolation=cv2.INTER_AREA))
