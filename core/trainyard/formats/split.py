"""Decide which sample goes where: an order that depends only on a seed, and adjoining ranges of it. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "val", "test")
_GOLDEN = 0.6180339887498949
_HAIR = 1e-9
Numbers = npt.NDArray[np.int64]


class Membership(NamedTuple):
    """The classes of many samples, one behind the other: those of sample i are ``members[ends[i - 1] : ends[i]]``.

    A class stands at most once with a sample; a sample may have none.
    """

    members: Numbers
    ends: Numbers
    classes: int

    def starts(self) -> Numbers:
        """Where the classes of each sample begin."""
        return np.concatenate([np.zeros(1, dtype=np.int64), self.ends[:-1]])

    def only(self, kept: npt.NDArray[np.bool_]) -> Membership:
        """The same samples without the classes that are not ``kept``; those that stay are numbered anew, in their order."""
        stays = kept[self.members]
        ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(stays)])[self.ends]
        return Membership((np.cumsum(kept) - 1)[self.members[stays]], ends, int(kept.sum()))

    def counts(self) -> Numbers:
        """Samples of every class."""
        return np.bincount(self.members, minlength=self.classes).astype(np.int64)


class Arrangement(NamedTuple):
    """The samples in the order in which they are written, and each split's range of it, end exclusive."""

    order: Numbers
    ranges: dict[str, tuple[int, int]]


def order_of(count: int, seed: int | None) -> Numbers:
    """A permutation of ``count`` samples; without a seed the order of the list.

    Sample i is placed by ``splitmix64(seed * 2**32 + i)`` (Steele, Lea, Flood 2014), ties by i: the same on every machine
    and with every version of every library.
    """
    if seed is None:
        return np.arange(count, dtype=np.int64)
    keys = _splitmix64(np.arange(count, dtype=np.uint64) + np.uint64(seed % 2**32 << 32))
    return np.argsort(keys, kind="stable").astype(np.int64)


def families(own: Numbers, made: Numbers, origin: Numbers) -> Numbers | None:
    """A number for each sample, the same for those that come of one picture, over any number of steps; None: each is alone.

    ``own`` are keys of the pictures; those of the samples ``made`` were made of the pictures with the keys ``origin``.
    Connected components by hooking and jumping (Shiloach and Vishkin 1982); a chain of any length takes few rounds.
    """
    if not len(made) and not (np.diff(np.sort(own)) == 0).any():
        return None
    keys, nodes = np.unique(np.concatenate([own, origin]), return_inverse=True)
    here, there = nodes[made], nodes[len(own) :]
    found = np.arange(len(keys), dtype=np.int64)
    while True:
        before, least = found.copy(), np.minimum(found[here], found[there])
        for hooked in (here, there, before[here], before[there]):
            np.minimum.at(found, hooked, least)
        found = found[found]
        if np.array_equal(found, before):
            return np.asarray(found[nodes[: len(own)]], dtype=np.int64)


def dealt(order: Numbers, ratios: Mapping[str, float], families: Numbers | None, strata: Numbers | None = None) -> Arrangement:
    """``order`` rearranged so that every family is in one split, and every stratum is split by ``ratios`` (which sum to 1).

    ``families`` (None: each sample is alone) and ``strata`` (None: there is one) have one number a sample; a family counts for
    the stratum of its first sample. In each split a stratum of c samples, each alone, has its ratio times c, rounded up or
    down. A family goes where one point of it lies: its middle in the first stratum, elsewhere in each other one, by a sequence
    that is spread evenly; so many small strata together are split by the ratios too. Within a split the order stays.
    """
    if families is None and strata is None:
        bounds = np.floor(_limits(len(order), ratios) + 0.5 + _HAIR).astype(np.int64)
        return Arrangement(order, _ranges_of(dict(zip(SPLITS, np.diff(bounds, prepend=0).tolist(), strict=True))))
    first, belongs = _in_order(order if families is None else families[order])
    sizes = np.bincount(belongs, minlength=len(first))
    along = np.zeros(len(first), dtype=np.int64) if strata is None else strata[order[first]]
    split_of = np.zeros(len(first), dtype=np.int64)
    borders = np.flatnonzero(np.diff(np.sort(along))) + 1
    for turn, those in enumerate(np.split(np.argsort(along, kind="stable"), borders)):
        ends = np.cumsum(sizes[those])
        points = ends - (0.5 + turn * _GOLDEN) % 1 * sizes[those]
        split_of[those] = np.searchsorted(_limits(int(sizes[those].sum()), ratios), points - _HAIR)
    split_of = split_of[belongs]
    counts = np.bincount(split_of, minlength=len(SPLITS))
    arranged = order[np.argsort(split_of, kind="stable")]
    return Arrangement(arranged, _ranges_of(dict(zip(SPLITS, counts.tolist(), strict=True))))


def _in_order(families: Numbers) -> tuple[Numbers, Numbers]:
    """Where each family comes first, ascending, and for every sample the place of its family among them."""
    _, first, belongs = np.unique(families, return_index=True, return_inverse=True)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    return np.sort(first), place[belongs]


def rarest_class(of: Membership) -> Numbers:
    """For every sample the one of its classes that the fewest samples have: the stratum it counts for.

    Samples without a class are a stratum of their own.
    """
    by_rarity = np.argsort(of.counts(), kind="stable")
    rank = np.empty(of.classes + 1, dtype=np.int64)
    rank[by_rarity] = np.arange(of.classes)
    rank[of.classes] = of.classes
    # a stand-in behind each sample's classes keeps samples without a class apart from their neighbours
    padded = np.insert(of.members, of.ends, of.classes)
    starts = of.starts() + np.arange(len(of.ends))
    return np.asarray(np.minimum.reduceat(rank[padded], starts), dtype=np.int64) if len(starts) else starts


def frequent_enough(of: Membership, least: int) -> npt.NDArray[np.bool_]:
    """Which classes have at least ``least`` samples."""
    return of.counts() >= least


def not_too_many(order: Numbers, of: Membership, most: int) -> Numbers:
    """``order`` without the samples that would make a class exceed ``most``: the first ones in the order stay.

    A sample with several classes is left out when any of them is full, so that the limit holds for every class.
    """
    room = [most] * of.classes
    starts, ends, members = of.starts().tolist(), of.ends.tolist(), of.members.tolist()
    kept = []
    for number in order.tolist():
        classes = members[starts[number] : ends[number]]
        if all(room[one] for one in classes):
            kept.append(number)
            for one in classes:
                room[one] -= 1
    return np.asarray(kept, dtype=np.int64)


def label_table(classes: Iterable[str]) -> dict[str, int]:
    """Class to index: the classes sorted by code point, whole numbers by value, so that ``"10"`` comes behind ``"9"``."""
    names = list(classes)
    whole = all(name.isascii() and name.isdigit() and str(int(name)) == name for name in names)
    return {name: index for index, name in enumerate(sorted(names, key=int if whole else None))}


def _limits(count: int, ratios: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """Where every split ends when ``count`` samples are dealt out, as parts of samples."""
    running = np.cumsum([ratios.get(name, 0.0) for name in SPLITS])
    return np.where(running > 1 - _HAIR, 1.0, running) * count


def _ranges_of(counts: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    found, start = {}, 0
    for name, count in counts.items():
        if count:
            found[name] = (start, start + count)
        start += count
    return found


def _splitmix64(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        mixed = (numbers + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
