"""``annotations.npz``: the boxes of all pictures as flat arrays, written piece by piece and mapped, not loaded, on reading.

| array | type | content |
|---|---|---|
| image_index | int64, pictures + 1 | the boxes of picture i are those from ``image_index[i]`` to ``image_index[i + 1]`` |
| size | int32, pictures × 2 | height, width |
| boxes | uint16, boxes × 4 | x1, y1, x2, y2: first and last pixel inside, from 0 |
| gt_classes | int32, boxes | 1 for the first class; 0 is the background |
| difficult | uint8, boxes | 1 where the object is difficult |
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trainyard.formats.record import Record

ARRAYS = "annotations.npz"
BACKGROUND = 1
"""How many indices stand before the first class."""
LARGEST = 65_535
_PIECE = 1 << 20


class Column(NamedTuple):
    """One array: its type, and how many numbers one row has (0: the array has one dimension)."""

    dtype: str
    across: int


COLUMNS = {
    "image_index": Column("<i8", 0),
    "size": Column("<i4", 2),
    "boxes": Column("<u2", 4),
    "gt_classes": Column("<i4", 0),
    "difficult": Column("|u1", 0),
}


def pixel_box(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """First and last column and row inside, from 0, of edges in a picture of ``size`` (width, height); at least one pixel."""
    across, down = min(size[0], LARGEST + 1) - 1, min(size[1], LARGEST + 1) - 1
    left, top = min(max(round(box[0]), 0), across), min(max(round(box[1]), 0), down)
    return left, top, min(max(round(box[2]) - 1, left), across), min(max(round(box[3]) - 1, top), down)


def rows_of(record: Record) -> dict[str, npt.NDArray[Any]]:
    """The rows that ``record`` adds to every column but ``image_index``."""
    boxes = record.labels.boxes
    size = record.width, record.height
    made: dict[str, list[Any]] = {
        "size": [[record.height, record.width]],
        "boxes": [pixel_box((box.xmin, box.ymin, box.xmax, box.ymax), size) for box in boxes],
        "gt_classes": [box.label + BACKGROUND for box in boxes],
        "difficult": [box.difficult for box in boxes],
    }
    return {name: np.asarray(rows, dtype=COLUMNS[name].dtype).reshape(_shape(name, len(rows))) for name, rows in made.items()}


def write_npz(path: Path, columns: dict[str, Path]) -> None:
    """Put the raw numbers in the files ``columns`` together as ``path``: the same bytes always, and no array in memory."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, raw in columns.items():
            dtype = np.dtype(COLUMNS[name].dtype)
            rows = raw.stat().st_size // dtype.itemsize // max(1, COLUMNS[name].across)
            header = {"descr": COLUMNS[name].dtype, "fortran_order": False, "shape": _shape(name, rows)}
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry, raw.open("rb") as file:
                np.lib.format.write_array_header_1_0(entry, header)
                while piece := file.read(_PIECE):
                    entry.write(piece)


def _shape(name: str, rows: int) -> tuple[int, ...]:
    across = COLUMNS[name].across
    return (rows, across) if across else (rows,)
