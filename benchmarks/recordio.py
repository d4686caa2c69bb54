"""RecordIO formatting of 2,000 JPEGs of 500 × 375 (quality 90) to a shorter edge of 256 and quality 95, against im2rec.py.

Both sides are whole processes from start to end, two workers each, three turns in alternation; the best turn of each counts.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from benchmarks.run import Row

ROOT = Path(__file__).parent.parent
MXNET = ROOT / ".cache" / "bench-mxnet"
PINS = ("mxnet==1.9.1", "numpy==1.23.5", "opencv-python-headless==4.8.1.78")
PICTURES, CLASSES, WORKERS, TURNS = 2000, 10, 2, 3


def rows() -> list[Row]:
    """One row: seconds of ours, seconds of im2rec."""
    python = mxnet_python()
    folder = Path(tempfile.mkdtemp(prefix="bench-recordio-"))
    try:
        make_pictures(folder)
        ours, peer = [], []
        for turn in range(TURNS):
            peer.append(_timed([str(python), str(_im2rec(python)), *_im2rec_arguments(folder)]))
            ours.append(_timed([sys.executable, "-m", "trainyard.formats.job", str(_job(folder, turn))]))
        best, other = min(ours), min(peer)
        name = "RecordIO 500x375 to shorter edge 256, against im2rec"
        return [{"name": name, "ours": best, "peer": other, "unit": "s", "ratio": other / best, "reach": 3.0}]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def mxnet_python() -> Path:
    """The Python of an environment with MXNet; built once."""
    python = MXNET / "bin" / "python"
    if not python.exists():
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--python", "/usr/bin/python3", str(MXNET)], check=True)
        subprocess.run([uv, "pip", "install", "--python", str(python), *PINS], check=True)
    return python


def make_pictures(folder: Path) -> None:
    """Pictures with the spectrum of photographs (amplitude falling with frequency, 60 KB each), and their lists."""
    rng = np.random.default_rng(1)
    (folder / "pictures").mkdir()
    with (folder / "index.jsonl").open("w") as ours, (folder / "all.lst").open("w") as theirs:
        bases = [photograph(rng) for _ in range(40)]
        for number in range(PICTURES):
            base = np.roll(bases[number % 40], rng.integers(0, 375, 2), (0, 1))
            name, label = f"{number:05d}.jpg", number % CLASSES
            cv2.imwrite(str(folder / "pictures" / name), base, [cv2.IMWRITE_JPEG_QUALITY, 90])
            labels = [{"name": "bench", "type": "classification", "version": "1", "data": [{"class": str(label)}]}]
            ours.write(json.dumps({"url": name, "type": "image", "label": labels}) + "\n")
            theirs.write(f"{number}\t{label}\t{name}\n")


def photograph(rng: np.random.Generator, height: int = 375, width: int = 500) -> Any:
    """A picture (height, width, 3) with a spectrum that makes a JPEG of quality 90 about 60 KB, like photographs do."""
    down = np.fft.fftfreq(height)[:, None]
    across = np.fft.fftfreq(width)[None, :]
    falling = 1 / np.maximum(np.hypot(down, across), 1 / width) ** 1.4
    planes = [np.real(np.fft.ifft2(np.fft.fft2(rng.normal(size=(height, width))) * falling)) for _ in range(3)]
    mixed = np.stack([planes[0] + 0.3 * plane for plane in planes], axis=2)
    spread = (mixed - mixed.mean()) / mixed.std()
    return np.clip(128 + 55 * spread, 0, 255).astype(np.uint8)


def _im2rec(python: Path) -> Path:
    site = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return Path(site.stdout.strip()) / "mxnet" / "tools" / "im2rec.py"


def _im2rec_arguments(folder: Path) -> list[str]:
    options = ["--resize", "256", "--quality", "95", "--num-thread", str(WORKERS)]
    return [*options, str(folder / "all.lst"), str(folder / "pictures")]


def _job(folder: Path, turn: int) -> Path:
    """The specification of our job: the same pictures in the same order into one set."""
    plan = {
        "list_path": str(folder / "index.jsonl"), "label_set": "classification.bench", "formats": ["recordio"],
        "ratios": {"train": 1.0}, "shuffle": False, "recipe": {"resize": "256", "quality": 95},
    }  # fmt: skip
    spec = folder / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "plan": plan,
                "folder": str(folder / f"batch-{turn}"),
                "roots": {"": str(folder / "pictures")},
                "progress": str(folder / "progress.json"),
                "workers": WORKERS,
            }
        )
    )
    return spec


def _timed(argv: list[str]) -> float:
    if not importlib.util.find_spec("trainyard"):
        raise RuntimeError("trainyard is not installed")
    start = time.perf_counter()
    subprocess.run(argv, check=True, capture_output=True)
    return time.perf_counter() - start
