"""Which samples of a list are meant, a bit each: 256 masks over five million samples take 160 MB, not 1.3 GB."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]


class Mask:
    """Samples of a list, by their numbers from 0; never changed, so that many places may hold the same one."""

    __slots__ = ("_bits", "_samples")

    def __init__(self, bits: npt.NDArray[np.uint8], samples: int) -> None:
        self._bits, self._samples = bits, samples

    @classmethod
    def of(cls, flags: Flags) -> Mask:
        """Of one flag a sample."""
        return cls(np.packbits(flags), len(flags))

    @classmethod
    def at(cls, numbers: npt.NDArray[np.int64], samples: int) -> Mask:
        """Of those with these numbers, among so many samples."""
        flags = np.zeros(samples, np.bool_)
        flags[numbers] = True
        return cls.of(flags)

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return self._bits.nbytes

    def __getitem__(self, number: int) -> bool:
        return bool(self._bits[number >> 3] >> (7 - (number & 7)) & 1)

    def __or__(self, other: Mask) -> Mask:
        return Mask(self._bits | other._bits, self._samples)

    def __and__(self, other: Mask) -> Mask:
        return Mask(self._bits & other._bits, self._samples)

    def flags(self, first: int = 0, behind: int | None = None) -> Flags:
        """One flag for each of the samples from ``first`` to before ``behind`` (all)."""
        behind = self._samples if behind is None else min(behind, self._samples)
        start = first >> 3
        bits = np.unpackbits(self._bits[start : (behind + 7) >> 3], count=max(0, behind - 8 * start))
        return bits[first - 8 * start :].view(np.bool_)

    def numbers(self) -> npt.NDArray[np.int64]:
        """The samples, ascending."""
        return np.flatnonzero(self.flags())


def united(masks: Iterable[Mask], samples: int) -> Mask:
    """What is in any of ``masks`` over so many samples."""
    return reduce(or_, masks, Mask.of(np.zeros(samples, np.bool_)))
