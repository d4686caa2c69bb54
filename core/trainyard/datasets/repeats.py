"""Find what comes more than once among many things, in memory that does not grow with their number.

A hash of 64 bits of each goes to a file; a sorted copy shows which come again. Counts are of hashes: among a thousand million
different things 0.03 are told to be equal on average, so what is named to a person is compared as a whole first.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

_PART = 1 << 16
_VALUES = 10_000
Hashes = npt.NDArray[np.int64]


class Repeats:
    """Takes the hashes of things in their order; keeps them in ``folder`` as long as the block lasts."""

    def __init__(self, folder: Path, name: str) -> None:
        self._hashes, self._sorted = folder / f".{name}.hash", folder / f".{name}.sorted"

    def __enter__(self) -> Self:
        self._file = self._hashes.open("wb")
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        for path in (self._hashes, self._sorted):
            path.unlink(missing_ok=True)

    def add(self, hashes: Hashes) -> None:
        """The next things."""
        self._file.write(hashes.data)

    def found(self) -> tuple[int, Iterator[tuple[int, int]]]:
        """How many things equal an earlier one; then, in order, the hash and the place (from 0) of things that are not alone.

        Of very many different hashes that come again, some are told of only.
        """
        self._file.flush()
        if not self._hashes.stat().st_size:
            return 0, iter(())
        shutil.copyfile(self._hashes, self._sorted)
        ordered = np.memmap(self._sorted, np.int64, "r+")
        ordered.sort()
        total, again = _repeated(ordered)
        return total, self._places(again)

    def _places(self, again: Hashes) -> Iterator[tuple[int, int]]:
        hashes = np.memmap(self._hashes, np.int64, "r")
        for start in range(0, len(hashes) if len(again) else 0, _PART):
            part = hashes[start : start + _PART]
            for place in np.flatnonzero(np.isin(part, again)).tolist():
                yield int(part[place]), start + place


def _repeated(ordered: Hashes) -> tuple[int, Hashes]:
    """How many hashes equal the one before, and some of those values."""
    total, found, values = 0, [np.empty(0, np.int64)], 0
    for start in range(0, len(ordered), _PART):
        part = ordered[start : start + _PART + 1]
        again = part[1:][part[1:] == part[:-1]]
        total += len(again)
        if values < _VALUES:
            found.append(np.unique(again))
            values += len(found[-1])
    return total, np.concatenate(found)
