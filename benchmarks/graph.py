"""Rotate, crop, resize, brightness, Gauss blur, flop on 2,000 JPEGs of 500 × 375, against albumentations in a process pool.

Both sides are whole processes from start to end on all cores: they read files, and end with 2,000 new JPEGs of 224 × 224 and
quality 95 (ours is a dataset with its list, statistics and manifest besides). Three turns in alternation; the best of each
counts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks._pictures import in_turns, make_pictures

if TYPE_CHECKING:
    from benchmarks.run import Row

ROOT = Path(__file__).parent.parent
PICTURES, TURNS = 2000, 3
PEER = ROOT / ".cache" / "bench-albumentations"
PINS = ("albumentations==2.0.8", "opencv-python-headless==5.0.0.93", "numpy==2.4.6")
LABELS = "classification.bench"
CHAIN = [
    {"op": "rotate", "parameters": {"angle": [-30, 30]}},
    {"op": "crop", "parameters": {"share": [0, 20]}},
    {"op": "resize", "parameters": {"width": 224, "height": 224}},
    {"op": "brightness", "parameters": {"add": [-40, 40]}},
    {"op": "blur", "parameters": {"kind": "gauss", "radius": [0.5, 2.0]}},
    {"op": "flop"},
]


def rows() -> list[Row]:
    """One row: seconds of our job, seconds of albumentations."""
    python, workers = peer_python(), len(os.sched_getaffinity(0))
    folder = Path(tempfile.mkdtemp(prefix="bench-graph-")) / "dataset"
    try:
        make_dataset(folder)
        best = in_turns(
            {
                "peer": lambda turn: _peer(python, folder, turn, workers),
                "ours": lambda turn: _ours(folder, turn, workers),
            },
            TURNS,
        )
        _compare(folder)
        name, ours, peer = "graph of six operations on 500x375, against albumentations", best["ours"], best["peer"]
        return [{"name": name, "ours": ours, "peer": peer, "unit": "s", "ratio": peer / ours, "reach": 1.0}]
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def peer_python() -> Path:
    """The Python of an environment with albumentations; built once."""
    python = PEER / "bin" / "python"
    if not python.exists():
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--python", "/usr/bin/python3", str(PEER)], check=True)
        subprocess.run([uv, "pip", "install", "--python", str(python), *PINS], check=True)
    return python


def make_dataset(folder: Path) -> None:
    """The pictures of the RecordIO benchmark as a dataset of ours."""
    from trainyard.datasets.folder import DatasetFolder

    make_pictures(folder, PICTURES)
    (folder / "all.lst").unlink()
    DatasetFolder(folder).prepare()


def graph() -> dict[str, Any]:
    """Of every picture one new one, which undergoes all six operations; the originals are left out."""
    more = {"label_set": LABELS, "multiples": {}, "multiple": 1.0, "mode": "sequence", "keep_originals": False}
    nodes = [
        {"id": "in", "type": "input"},
        {"id": "six", "type": "augment", **more, "ops": CHAIN},
        {"id": "out", "type": "output"},
    ]
    return {"version": 1, "nodes": nodes, "edges": [["in", "six"], ["six", "out"]]}


def _peer(python: Path, folder: Path, turn: int, workers: int) -> list[str]:
    program = str(Path(__file__).parent / "_augment_peer.py")
    return [str(python), program, str(folder / "pictures"), str(folder / f"peer-{turn}"), str(workers)]


def _ours(folder: Path, turn: int, workers: int) -> list[str]:
    return [sys.executable, "-m", "trainyard.graph.job", str(_job(folder, turn, workers))]


def _job(folder: Path, turn: int, workers: int) -> Path:
    run = {"source": str(folder), "graph": graph(), "seed": 7, "quality": 95}
    spec = {"run": run, "folder": str(folder / f"ours-{turn}"), "roots": {"": str(folder / "pictures")}, "workers": workers}
    (folder / f"ours-{turn}").mkdir(exist_ok=True)
    path = folder / "spec.json"
    path.write_text(json.dumps(spec))
    return path


def _compare(folder: Path) -> None:
    """Both made as many pictures, of about as many bytes: neither has left work out."""
    ours, peer = ([path.stat().st_size for path in (folder / name).rglob("*.jpg")] for name in ("ours-0", "peer-0"))
    if len(ours) != len(peer) or not 0.8 < sum(ours) / sum(peer) < 1.25:
        raise RuntimeError(f"ours {len(ours)} pictures, {sum(ours)} bytes; albumentations {len(peer)}, {sum(peer)}")
