"""Graphs and small labelled datasets for the tests of the preprocessing graph."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.jsonlist import write_list
from trainyard.datasets.sample import Entry, LabelSet, Sample
from trainyard.datasets.sources import FolderSource, Sources

PULP = "classification.pulp"
ROTATE = {"op": "rotate", "parameters": {"angle": [-30, 30]}}
FLOP = {"op": "flop"}


def node(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, **more}


def graph(*nodes: dict[str, Any], edges: str) -> dict[str, Any]:
    """``edges`` like ``"in f, f out"``."""
    return {"version": 1, "nodes": list(nodes), "edges": [edge.split() for edge in edges.split(",")]}


def doubling(name: str = "beheaded", multiple: float = 2.0, label_set: str = PULP, **more: Any) -> dict[str, Any]:
    """The worked example: one class more often, everything else as it is."""
    return graph(
        node("in", "input"),
        node("more", "augment", label_set=label_set, multiples={name: multiple}, ops=[ROTATE], **more),
        node("out", "output"),
        edges="in more, more out",
    )


def picture(width: int = 32, height: int = 24, seed: int = 0, kind: str = "JPEG", **more: Any) -> bytes:
    smooth = np.linspace(0, 200, width)[None, :, None] + np.linspace(0, 50, height)[:, None, None]
    noisy = smooth + np.random.default_rng(seed).integers(0, 6, (height, width, 3))
    file = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, kind, **more)
    return file.getvalue()


def classified(*classes: str) -> tuple[LabelSet, ...]:
    return (LabelSet("pulp", "classification", tuple(Entry(name) for name in classes)),) if classes else ()


def boxed(*boxes: tuple[str, float, float, float, float]) -> tuple[LabelSet, ...]:
    entries = tuple(Entry(name, ((x0, y0), (x1, y1))) for name, x0, y0, x1, y1 in boxes)
    return (LabelSet("general", "detection", entries),)


def make_dataset(folder: Path, labels: list[tuple[LabelSet, ...]], *, pictures: bool = True, **more: Any) -> DatasetFolder:
    """A dataset with one picture for each of ``labels``."""
    (folder / "pictures").mkdir(parents=True)
    samples = [Sample(number + 1, f"{number:04d}.jpg", labels=one) for number, one in enumerate(labels)]
    for number, sample in enumerate(samples if pictures else ()):
        (folder / "pictures" / sample.url).write_bytes(picture(seed=number, **more))
    with (folder / "index.jsonl").open("wb") as file:
        write_list(file, samples)
    dataset = DatasetFolder(folder)
    dataset.prepare()
    return dataset


def source_of(dataset: DatasetFolder) -> Sources:
    return Sources(FolderSource({"": dataset.pictures}))


def lines_of(dataset: DatasetFolder) -> list[Any]:
    return [msgspec.json.decode(line) for line in dataset.list_path.read_bytes().splitlines()]
