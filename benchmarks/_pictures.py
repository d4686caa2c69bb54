"""Pictures like photographs, lists of them, and formatting jobs over them: what several benchmarks share."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CLASSES, WORKERS = 10, 2


def photograph(rng: np.random.Generator, height: int = 375, width: int = 500) -> Any:
    """A picture (height, width, 3) with a spectrum that makes a JPEG of quality 90 about 60 KB, like photographs do."""
    down = np.fft.fftfreq(height)[:, None]
    across = np.fft.fftfreq(width)[None, :]
    falling = 1 / np.maximum(np.hypot(down, across), 1 / width) ** 1.4
    planes = [np.real(np.fft.ifft2(np.fft.fft2(rng.normal(size=(height, width))) * falling)) for _ in range(3)]
    mixed = np.stack([planes[0] + 0.3 * plane for plane in planes], axis=2)
    spread = (mixed - mixed.mean()) / mixed.std()
    return np.clip(128 + 55 * spread, 0, 255).astype(np.uint8)


def make_pictures(folder: Path, count: int, bases: int = 40, size: tuple[int, int] = (375, 500)) -> Path:
    """``count`` JPEGs of quality 90 in ``folder``/pictures, shifted from ``bases`` different ones, and their lists.

    ``index.jsonl`` is ours, ``all.lst`` is im2rec's; both name the same pictures in the same order with the same labels.
    """
    rng = np.random.default_rng(1)
    (folder / "pictures").mkdir(parents=True)
    made = [photograph(rng, *size) for _ in range(bases)]
    with (folder / "index.jsonl").open("w") as ours, (folder / "all.lst").open("w") as theirs:
        for number in range(count):
            picture = np.roll(made[number % bases], rng.integers(0, min(size), 2), (0, 1))
            name, label = f"{number:05d}.jpg", number % CLASSES
            cv2.imwrite(str(folder / "pictures" / name), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
            ours.write(line_of(name, str(label)) + "\n")
            theirs.write(f"{number}\t{label}\t{name}\n")
    return folder


def line_of(url: str, name: str) -> str:
    """A line of a list with one class."""
    labels = [{"name": "bench", "type": "classification", "version": "1", "data": [{"class": name}]}]
    return json.dumps({"url": url, "type": "image", "label": labels})


def job(folder: Path, out: Path, *, form: str = "recordio", resize: str = "256", list_path: Path | None = None) -> list[str]:
    """The command of our formatting job over the pictures of ``folder``, in the order of their list, into one set."""
    plan = {
        "list_path": str(list_path or folder / "index.jsonl"), "label_set": "classification.bench", "formats": [form],
        "ratios": {"train": 1.0}, "shuffle": False, "recipe": {"resize": resize, "quality": 95},
    }  # fmt: skip
    spec = out.with_name(f"{out.name}.json")
    work = {"plan": plan, "folder": str(out), "roots": {"": str(folder / "pictures")}}
    spec.write_text(json.dumps({**work, "progress": str(out.with_name(f"{out.name}-progress.json")), "workers": WORKERS}))
    return [sys.executable, "-m", "trainyard.formats.job", str(spec)]


def timed(argv: list[str]) -> float:
    """Seconds of a whole process."""
    start = time.perf_counter()
    subprocess.run(argv, check=True, capture_output=True)
    return time.perf_counter() - start


def in_turns(sides: dict[str, Any], turns: int) -> dict[str, float]:
    """The best of ``turns`` of each side, in alternation; a side is a function of the turn's number to a command."""
    best = dict.fromkeys(sides, float("inf"))
    for turn in range(turns):
        for name, command in sides.items():
            best[name] = min(best[name], timed(command(turn)))
    return best


def psnr(one: Any, other: Any) -> float:
    """How near two pictures of equal shape are, in dB."""
    error = float(np.mean((one.astype(np.float64) - other) ** 2))
    return 10 * float(np.log10(255**2 / error)) if error else 99.0
