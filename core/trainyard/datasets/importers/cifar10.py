"""CIFAR-10's binary version: ``data_batch_1.bin`` … ``test_batch.bin`` and ``batches.meta.txt``.

Format: https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version": records of 3,073 bytes, one label and 1,024 bytes each of
red, green and blue, row by row, 32 × 32. The pictures become PNG files in one stored zip (see ``packed``). The Python version
is a pickle, which can run any program when it is read: it is never opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from trainyard.datasets.importers.report import Report
from trainyard.datasets.importers.tree import Tree
from trainyard.datasets.packed import PackWriter
from trainyard.datasets.sample import Entry, LabelSet, Sample
from trainyard.errors import Invalid
from trainyard.words import N_

PACK = "pictures.zip"
_SIDE = 32
_RECORD = 1 + 3 * _SIDE * _SIDE
_AT_ONCE = 1000
_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def batches(tree: Tree) -> list[str]:
    """The files of pictures, in the order of their names."""
    found = tree.survey.first.get(".bin", [])
    return [path for path in found if path.rpartition("/")[2].startswith(("data_batch", "test_batch"))]


def refuse_pickle(tree: Tree) -> None:
    """Raises:
    Invalid: the archive is CIFAR-10's Python version.
    """
    last = {path.rpartition("/")[2] for path in tree.survey.first.get(".meta", []) + tree.survey.first.get("", [])}
    if last & {"batches.meta", "data_batch_1", "test_batch"} and not batches(tree):
        raise Invalid(
            "cifar10-pickle",
            N_("This is the Python version of CIFAR-10: a pickle, which may run any program when it is opened."),
            hint=N_("Take the binary version, cifar-10-binary.tar.gz, from the same page."),
            field="source.file",
        )


def samples(tree: Tree, report: Report, label_set: str) -> Iterator[Sample]:
    """Every picture of every batch, packed on the way."""
    classes = _classes(tree)
    pack = PackWriter(tree.root / PACK)
    try:
        for path in batches(tree):
            size = tree.path(path).stat().st_size
            if not size or size % _RECORD:
                report.problem(path, "cifar", size=size, record=_RECORD)
                continue
            name = path.rpartition("/")[2].removesuffix(".bin")
            for number, (label, picture) in enumerate(_records(tree, path)):
                if label >= len(classes):
                    report.problem(path, "cifar-label", number=number, label=label)
                    continue
                url = pack.add(f"{name}/{number:05d}.png", _png(picture))
                yield Sample(0, url, labels=(LabelSet(label_set, "classification", (Entry(classes[label]),)),))
    finally:
        pack.close()


def _classes(tree: Tree) -> tuple[str, ...]:
    found = [path for path in tree.survey.first.get(".txt", []) if path.endswith("batches.meta.txt")]
    lines = tree.path(found[0]).read_bytes()[:10_000].decode("utf-8", "replace").split() if found else []
    return tuple(lines) if len(lines) == len(_NAMES) else _NAMES


def _records(tree: Tree, path: str) -> Iterator[tuple[int, Any]]:
    with tree.path(path).open("rb") as file:
        while block := file.read(_AT_ONCE * _RECORD):
            for record in np.frombuffer(block, dtype=np.uint8).reshape(-1, _RECORD):
                yield int(record[0]), record[1:].reshape(3, _SIDE, _SIDE)


def _png(planes: Any) -> bytes:
    """``planes`` is (3, 32, 32) in red, green, blue; OpenCV wants (32, 32, 3) in blue, green, red."""
    import cv2

    return bytes(cv2.imencode(".png", np.ascontiguousarray(planes[::-1].transpose(1, 2, 0)))[1])
