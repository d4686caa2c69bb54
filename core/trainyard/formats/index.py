"""Index files of sets: lines of whole numbers, as RecordIO's ``<key>\\t<offset>``."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainyard.formats.damage import Damaged, missing_file
from trainyard.words import N_

_LETTERS = b"0123456789-\t\n\r "


def read_index(path: Path, columns: slice, most: int) -> npt.NDArray[np.int64]:
    """The numbers in ``columns`` of every line, an array of lines × columns.

    Raises:
        Damaged: there are more than ``most`` bytes, or a line that has not all columns or anything but whole numbers.
    """
    try:
        if path.stat().st_size > most:
            raise Damaged(N_("The index {file} has more lines than there can be records."), file=path.name)
        content = path.read_bytes()
    except OSError:
        raise missing_file(path) from None
    across = columns.stop - columns.start
    if not content.strip(b"\t\n\r "):
        return np.empty((0, across), np.int64)
    try:
        if content.translate(None, _LETTERS):
            raise ValueError
        found = np.loadtxt(io.BytesIO(content), np.int64, comments=None, ndmin=2)[:, columns]
        return np.ascontiguousarray(found.reshape(-1, across))
    except (ValueError, IndexError, OverflowError):
        raise Damaged(N_("The index {file} does not have a key and an offset in every line."), file=path.name) from None
