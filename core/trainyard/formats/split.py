"""Decide which sample goes where: an order that depends only on a seed, and adjoining ranges of it. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "val", "test")


def order_of(count: int, seed: int | None) -> npt.NDArray[np.int64]:
    """A permutation of ``count`` samples; without a seed the order of the list.

    Sample i is placed by ``splitmix64(seed * 2**32 + i)`` (Steele, Lea, Flood 2014), ties by i: the same on every machine
    and with every version of every library.
    """
    if seed is None:
        return np.arange(count, dtype=np.int64)
    keys = _splitmix64(np.arange(count, dtype=np.uint64) + np.uint64(seed % 2**32 << 32))
    return np.argsort(keys, kind="stable").astype(np.int64)


def ranges(count: int, ratios: Mapping[str, float]) -> dict[str, tuple[int, int]]:
    """Where each split of ``ratios`` (which sum to 1) begins and ends in the order, end exclusive; empty ones are left out.

    The bounds are the running sums of the ratios times ``count``, rounded half up, so that together they hold every sample.
    """
    found, running, start = {}, 0.0, 0
    for name in SPLITS:
        running += ratios.get(name, 0.0)
        end = min(count, int(running * count + 0.5 + 1e-9))
        if end > start:
            found[name] = (start, end)
        start = max(start, end)
    return found


def label_table(classes: Iterable[str]) -> dict[str, int]:
    """Class to index: the classes sorted by code point, whole numbers by value, so that ``"10"`` comes behind ``"9"``."""
    names = list(classes)
    whole = all(name.isascii() and name.isdigit() and str(int(name)) == name for name in names)
    return {name: index for index, name in enumerate(sorted(names, key=int if whole else None))}


def _splitmix64(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
