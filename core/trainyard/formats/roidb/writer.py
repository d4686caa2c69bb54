"""Write pictures and, at the end, their boxes as ``annotations.npz`` and, for old readers, as ``roidb.pkl``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainyard.formats.appending import Appending
from trainyard.formats.listing import SAMPLES, Listed, decode, record_of
from trainyard.formats.pictures.writer import PicturesWriter
from trainyard.formats.record import SetOptions, State
from trainyard.formats.roidb.arrays import ARRAYS, BACKGROUND, COLUMNS, rows_of, write_npz
from trainyard.formats.roidb.pickled import PICKLE, write_pickle

_WORK = ".columns"
Rows = Mapping[str, npt.NDArray[Any]]


class RoidbWriter(PicturesWriter):
    """Appends pictures with boxes as ``PicturesWriter`` does; ``finish`` makes the arrays from ``samples.jsonl``."""

    def __init__(self, folder: Path, state: State | None = None, options: SetOptions = SetOptions()) -> None:
        super().__init__(folder, state, options)
        self._folder = folder
        self._classes = len(options.classes) + BACKGROUND

    def finish(self) -> None:
        """Write ``annotations.npz`` and ``roidb.pkl``; a picture at a time is in memory."""
        super().finish()
        work = self._folder / _WORK
        shutil.rmtree(work, ignore_errors=True)  # of a crash in here
        work.mkdir()
        with ExitStack() as stack:
            columns = Appending(work, COLUMNS)
            stack.callback(columns.close)
            with (self._folder / PICKLE).open("wb") as file:
                write_pickle(file, self._pictures_of(columns))
        write_npz(self._folder / ARRAYS, {name: work / name for name in COLUMNS})
        shutil.rmtree(work)

    def _pictures_of(self, columns: Appending) -> Iterator[Mapping[str, Any]]:
        """Every picture as the pickle has it; on the way its rows go to ``columns``."""
        total = 0
        columns["image_index"].write(np.int64(0).tobytes())
        with (self._folder / SAMPLES).open("rb") as file:
            for data in file:
                line = decode(data)
                rows = rows_of(record_of(line, b""))
                for name, array in rows.items():
                    columns[name].write(array.tobytes())
                total += len(rows["boxes"])
                columns["image_index"].write(np.int64(total).tobytes())
                yield entry_of(line, rows, self._classes)


def entry_of(line: Listed, rows: Rows, classes: int) -> Mapping[str, Any]:
    """A picture as py-faster-rcnn's roidb has it; ``classes`` counts the background."""
    labels, boxes = rows["gt_classes"], rows["boxes"]
    overlaps = np.zeros((len(labels), max(classes, int(labels.max(initial=0)) + 1)), np.float32)
    overlaps[np.arange(len(labels)), labels] = 1.0
    edges = boxes.astype(np.float32)
    return {
        "image": line.image,
        "height": line.height,
        "width": line.width,
        "boxes": boxes,
        "gt_classes": labels,
        "gt_overlaps": overlaps,
        "max_classes": overlaps.argmax(axis=1),
        "max_overlaps": overlaps.max(axis=1),
        "seg_areas": (edges[:, 2] - edges[:, 0] + 1) * (edges[:, 3] - edges[:, 1] + 1),
        "flipped": False,
    }
