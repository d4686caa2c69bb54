"""Small pictures, lists and plans for the tests of formats."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from trainyard.datasets.sources import FolderSource, Sources
from trainyard.formats.plan import BatchPlan


def array(width: int = 40, height: int = 30, channels: int = 3, seed: int = 0) -> Any:
    smooth = np.linspace(0, 200, width, dtype=np.float64)[None, :, None] + np.linspace(0, 50, height)[:, None, None]
    noisy = smooth + np.random.default_rng(seed).integers(0, 6, (height, width, channels))
    return noisy.clip(0, 255).astype(np.uint8).squeeze()


def encoded(kind: str = "JPEG", width: int = 40, height: int = 30, channels: int = 3, seed: int = 0, **more: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array(width, height, channels, seed)).save(file, kind, **more)
    return file.getvalue()


def make_list(folder: Path, count: int = 20, classes: tuple[str, ...] = ("cat", "dog")) -> Path:
    """``count`` pictures below ``folder``/pictures and their list."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    with (folder / "index.jsonl").open("w") as file:
        for number in range(count):
            name = f"{number:05d}.jpg"
            (folder / "pictures" / name).write_bytes(encoded(seed=number))
            file.write(labelled(name, classes[number % len(classes)]) + "\n")
    return folder / "index.jsonl"


def labelled(url: str, *classes: str) -> str:
    data = [{"class": name} for name in classes]
    label = [{"name": "animal", "type": "classification", "data": data}]
    return json.dumps({"url": url, "type": "image", "label": label}, ensure_ascii=False)


def plan_of(list_path: Path, **more: Any) -> BatchPlan:
    chosen = {"formats": ("recordio", "lmdb")} | more
    return BatchPlan(list_path=list_path, label_set="classification.animal", **chosen)


def source_of(list_path: Path) -> Sources:
    return Sources(FolderSource({"": list_path.parent / "pictures"}))
