"""Small pictures, lists and plans for the tests of formats."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import lmdb
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
    chosen = {"formats": ("recordio", "lmdb"), "label_set": "classification.animal"} | more
    return BatchPlan(list_path=list_path, **chosen)


def source_of(list_path: Path) -> Sources:
    return Sources(FolderSource({"": list_path.parent / "pictures"}))


def boxed_list(folder: Path, count: int = 20) -> Path:
    """``count`` pictures with one or two boxes of two classes each, and their list."""
    listed = make_list(folder, count)
    with listed.open("w") as file:
        for number in range(count):
            boxes = [[[2 + number % 9, 3], [30, 25]], [[1, 1], [12, 12 + number % 5]]][: 1 + number % 2]
            data = [{"class": ("cat", "dog")[(number + one) % 2], "bbox": box} for one, box in enumerate(boxes)]
            label = [{"name": "things", "type": "detection", "data": data}]
            file.write(json.dumps({"url": f"{number:05d}.jpg", "type": "image", "label": label}) + "\n")
    return listed


def same_sets(one: Path, other: Path) -> bool:
    """Whether two batches hold the same files; of LMDB the same keys and values in the same order."""
    return _files_of(one) == _files_of(other) != {} and _lmdb_of(one) == _lmdb_of(other)


def _files_of(folder: Path) -> dict[str, bytes]:
    files = (path for path in [*folder.glob("*-*/**/*"), folder / "skipped.jsonl"] if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.name not in {"set.json", "data.mdb"}}


def _lmdb_of(folder: Path) -> dict[str, list[tuple[bytes, bytes]]]:
    found = {}
    for path in sorted(folder.glob("lmdb-*")):
        with lmdb.open(str(path), readonly=True, lock=False) as environment, environment.begin() as transaction:
            found[path.name] = [(bytes(key), bytes(value)) for key, value in transaction.cursor()]
    return found
