"""Any formatted set as a dataset that PyTorch's and Gluon's ``DataLoader`` take: it has a length and items by number.

Nothing of a framework is imported: items are NumPy arrays, which loaders make tensors of. This is also the PyTorch loader
of Caffe's LMDB; Caffe itself is not packaged for Debian 12.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from trainyard.formats.damage import Damaged
from trainyard.formats.labels import LABELS, read_labels
from trainyard.formats.record import Labels, Record, SetReader
from trainyard.formats.registry import FORMATS
from trainyard.words import N_

Pixels = npt.NDArray[np.float32]
_SIGNS = {
    "recordio": "cache/data.rec",
    "lmdb": "data.mdb",
    "roidb": "annotations.npz",
    "pictures": "samples.jsonl",
    "webdataset": "*.tar",
    "tfrecord": "*.tfrecord",
}


class FormattedDataset:
    """The set in ``folder``: item n is ``(picture, target)``.

    ``picture`` is float32 in channel, height, width order, RGB, 0 to 1, resized to ``size`` (width, height) if that is given.
    ``target`` is the class index, a float32 array of 0 and 1, a dict of ``boxes`` (n × 4: xmin, ymin, xmax, ymax in pixels of
    ``picture``) and ``labels`` (class indices from 0), or 0 in an unlabelled set. ``classes`` are the names by index.

    It may be shared by the processes of a loader: each opens the files itself.
    """

    def __init__(self, folder: Path | str, size: tuple[int, int] | None = None) -> None:
        self.folder = Path(folder)
        self.size = size
        self.format = format_of(self.folder)
        self.classes = read_labels(self.folder) if (self.folder / LABELS).is_file() else []
        self._process = -1
        self._opened: SetReader | None = None
        self._count = len(self._reader())

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[Pixels, Any]:
        record = self._reader()[number + self._count if number < 0 else number]
        picture = decoded(record)
        height, width = picture.shape[1:] if self.size is None else self.size[::-1]
        scale = width / picture.shape[2], height / picture.shape[1]
        if self.size is not None:
            resized: Any = cv2.resize(picture.transpose(1, 2, 0), self.size)
            picture = np.ascontiguousarray(resized.reshape(height, width, -1).transpose(2, 0, 1))
        return picture, target_of(record.labels, scale)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None, "_process": -1}

    def _reader(self) -> SetReader:
        if self._opened is None or self._process != os.getpid():
            self._opened, self._process = FORMATS[self.format].reader(self.folder), os.getpid()
        return self._opened


def format_of(folder: Path) -> str:
    """The format of the set in ``folder``, by its files.

    Raises:
        Damaged: there is no set.
    """
    for name, sign in _SIGNS.items():
        if next(folder.glob(sign), None):
            return name
    raise Damaged(N_("There is no formatted set in {file}."), file=folder.name)


def decoded(record: Record) -> Pixels:
    """The picture of ``record``: channel, height, width, RGB, float32 from 0 to 1; grey ones have three channels too."""
    pixels: Any = cv2.imdecode(np.frombuffer(record.picture, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise Damaged(N_("The picture cannot be decoded."))
    return np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def target_of(labels: Labels, scale: tuple[float, float]) -> Any:
    """What a network is to find; the boxes in a picture that was resized by ``scale`` (across, down)."""
    if labels.kind == "boxes":
        across, down = scale
        boxes = [(box.xmin * across, box.ymin * down, box.xmax * across, box.ymax * down) for box in labels.boxes]
        return {
            "boxes": np.asarray(boxes, np.float32).reshape(-1, 4),
            "labels": np.asarray([box.label for box in labels.boxes], np.int64),
        }
    if labels.kind == "classes":
        return np.asarray(labels.numbers, np.float32)
    return int(labels.numbers[0]) if labels.numbers else 0


def keep_apart(batch: Iterable[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
    """Pictures and targets of a batch as two lists, for a loader's ``collate_fn``: pictures have different numbers of boxes."""
    pictures, targets = zip(*batch, strict=True)
    return list(pictures), list(targets)
