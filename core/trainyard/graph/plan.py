"""Which pictures leave every node, decided for all samples of a list at once from its index, without reading the list.

A picture at a node is a sample and a *way*: the random processing it went through, as (node, copy) pairs; the empty way is the
picture as it stands in the list. What reaches a node by two branches on the same way is one picture. For every way
there is one mask over the samples, a bit each, so that a million lines take a few milliseconds a node and 125 kB a way.

A multiple of 2.5 gives every picture of the class one more and half of them another: the first half by a hash of seed, node,
way and line. So the counts are exact and do not depend on how many work at it. A picture with several classes takes
the largest multiple; which pictures share a fraction is told by the class that decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trainyard.datasets.index import ListIndex
from trainyard.datasets.statistics import Counting
from trainyard.graph.document import Graph, Node
from trainyard.graph.mask import Flags, Mask
from trainyard.graph.rules import in_order

Way = tuple[tuple[str, int], ...]
Masks = dict[Way, Mask]
_WORD = np.uint64
_BLOCK = 10_000


class Count(NamedTuple):
    """What leaves a node; ``classes`` and ``objects`` by (label set, class)."""

    pictures: int
    new: int
    classes: dict[tuple[str, str], int]
    objects: dict[tuple[str, str], int]


class Portions(NamedTuple):
    """Of every sample at a node: how many pictures come of it for certain, and with which part of its kind one more.

    ``deciding`` is the place of the class that decided it (0: none that is listed); those of one class share the part.
    """

    counts: npt.NDArray[np.int16]
    parts: npt.NDArray[np.float64]
    deciding: npt.NDArray[np.unsignedinteger[Any]]


class Plan:
    """The decisions of ``graph`` for the list behind ``index``.

    The graph keeps the rules as far as its edges go; where it has no output, or ends openly, it is planned as far as it goes.
    """

    def __init__(self, graph: Graph, index: ListIndex, seed: int) -> None:
        self.graph, self.seed = graph, seed
        self._index, self._lines = index, index.lines
        self._places = {node.id: number for number, node in enumerate(in_order(graph))}
        self._masks: dict[str, Masks] = {}
        for node in in_order(graph):
            self._masks[node.id] = self._outputs(node)

    @property
    def bytes(self) -> int:
        """How much memory the masks take; many of them are one."""
        return sum({id(mask): mask.nbytes for masks in self._masks.values() for mask in masks.values()}.values())

    def of(self, graph: Graph) -> Plan:
        """The same plan for a graph that differs in nothing a plan asks for, such as its operations."""
        plan = copy(self)
        plan.graph = graph
        return plan

    def masks(self, node: str) -> Masks:
        """For every way on which pictures leave the node: which samples do."""
        return self._masks[node]

    def ways(self, node: str) -> list[Way]:
        """The ways on which pictures leave the node, in the order in which they are written: the originals first."""
        return sorted(self._masks[node], key=lambda way: [(self._places[name], copy) for name, copy in way])

    def count(self, node: str) -> Count:
        """How many pictures leave the node, by class too."""
        masks = self._masks[node]
        weights = np.zeros(len(self._index), dtype=np.int32)
        for mask in masks.values():
            weights += mask.flags()
        pictures = int(weights.sum(dtype=np.int64))
        kept = int(masks[()].flags().sum()) if () in masks else 0
        classes = self._by_class(weights)
        return Count(pictures, pictures - kept, classes, self._objects(weights, classes))

    def _outputs(self, node: Node) -> Masks:
        if node.type == "input":
            return {(): Mask.of(np.ones(len(self._index), dtype=np.bool_))}
        merged = self._merged(node)
        if node.type == "filter":
            passing = Mask.of(self._passing(node))
            return {way: mask & passing for way, mask in merged.items()}
        return self._multiplied(node, merged) if node.type == "augment" else merged

    def _merged(self, node: Node) -> Masks:
        merged: Masks = {}
        for before in self.graph.before(node.id):
            for way, mask in self._masks[before].items():
                merged[way] = merged[way] | mask if way in merged else mask
        return merged

    def _members(self, label_set: str, classes: Iterable[str]) -> npt.NDArray[np.uint32]:
        """The samples that have one of the classes, some of them maybe twice."""
        places = self._index.classes
        found = [self._index.members[places[label_set, name]] for name in classes if (label_set, name) in places]
        return np.concatenate(found) if found else np.empty(0, dtype=np.uint32)

    def _passing(self, node: Node) -> Flags:
        passing = np.zeros(len(self._index), dtype=np.bool_)
        if node.unlabelled and node.label_set:
            passing[:] = True
            passing[self._members(node.label_set, self._classes(node.label_set))] = False
        elif node.unlabelled:
            passing[self._members("", [""])] = True
        passing[self._members(node.label_set, node.classes)] = True
        return passing

    def _classes(self, label_set: str) -> list[str]:
        return [name for key, name in self._index.classes if key == label_set]

    def _multiplied(self, node: Node, merged: Masks) -> Masks:
        portions = self._portions(node)
        outputs: Masks = {}
        shared: dict[int, list[Mask]] = {}
        whole = not portions.parts.any()
        for way, mask in merged.items():
            levels = shared.get(id(mask)) if whole else None
            if levels is None:
                samples = mask.numbers()
                counts = self._counts(node, way, samples, portions)
                levels = shared[id(mask)] = _levels(counts, samples, len(self._index))
            for number, level in enumerate(levels):
                copy = number if node.keep_originals else number + 1
                outputs[(*way, (node.id, copy)) if copy else way] = level
        return outputs

    def _portions(self, node: Node) -> Portions:
        """What every sample gets of the node."""
        multiples = np.full(len(self._index), node.multiple)
        # numbers as small as they can be are sorted in one go
        deciding = np.zeros(len(self._index), dtype=np.min_scalar_type(len(node.multiples)))
        for number, (name, multiple) in enumerate(sorted(node.multiples.items(), key=lambda one: (one[1], one[0])), 1):
            members = self._members(node.label_set, [name])
            multiples[members], deciding[members] = multiple, number
        if node.multiples:
            others = self._members(node.label_set, [c for c in self._classes(node.label_set) if c not in node.multiples])
            higher = others[multiples[others] < node.multiple]
            multiples[higher], deciding[higher] = node.multiple, 0
        counts = multiples.astype(np.int16)
        return Portions(counts, np.round(multiples - counts, 9), deciding)

    def _counts(self, node: Node, way: Way, samples: npt.NDArray[np.int64], portions: Portions) -> npt.NDArray[np.int16]:
        """How many pictures come of each of ``samples``; fractions are those with the smallest hashes."""
        counts = portions.counts[samples]
        parted = np.flatnonzero(portions.parts[samples])
        groups = portions.deciding[samples[parted]]
        parted, ends = parted[np.argsort(groups, kind="stable")], np.cumsum(np.bincount(groups))
        hashes = self._hashes(node, way, samples[parted])
        for places, drawn in zip(np.split(parted, ends), np.split(hashes, ends), strict=True):
            chosen = int(portions.parts[samples[places[0]]] * len(places) + 0.5) if len(places) else 0
            if chosen:
                # no two lines have the same hash
                counts[places[drawn <= np.partition(drawn, chosen - 1)[chosen - 1]]] += 1
        return counts

    def _hashes(self, node: Node, way: Way, samples: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        key = np.frombuffer(digest(self.seed, node.id, way, size=8), dtype="<u8")[0]
        return mixed(self._lines[samples].astype(_WORD) ^ key)

    def _by_class(self, weights: npt.NDArray[np.int32]) -> dict[tuple[str, str], int]:
        places = self._index.classes
        if not places:
            return {}
        members = weights[self._index.members]
        sums = np.add.reduceat(members, [place.start for place in places.values()], dtype=np.int64)
        return dict(zip(places, sums.tolist(), strict=True))

    def _objects(self, weights: npt.NDArray[np.int32], classes: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        repeats = self._index.repeats()
        if repeats is None:
            repeats = repeats_by_reading(self._index)
        more = np.bincount(repeats["class"], weights[repeats["sample"]] * repeats["more"], minlength=len(classes))
        return {pair: count + int(extra) for (pair, count), extra in zip(classes.items(), more.tolist(), strict=True)}


def digest(seed: int, *parts: object, size: int = 16) -> bytes:
    """A hash from which whatever is drawn for ``parts`` comes."""
    return hashlib.blake2b(repr((seed, *parts)).encode(), digest_size=size).digest()


def mixed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Splitmix64's finisher: each word another one, no two the same."""
    with np.errstate(over="ignore"):
        words = (words ^ (words >> _WORD(30))) * _WORD(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> _WORD(27))) * _WORD(0x94D049BB133111EB)
    return words ^ (words >> _WORD(31))


def repeats_by_reading(index: ListIndex) -> npt.NDArray[np.void]:
    """What ``ListIndex.repeats`` tells, for a list that was indexed before there was a file for it."""
    from trainyard.datasets.index import REPEAT

    numbers = {pair: number for number, pair in enumerate(index.classes)}
    counting, found = Counting(), []
    for first in range(0, len(index), _BLOCK):
        for place, sample in enumerate(index.page(first, _BLOCK)):
            counting.add(sample)
            found += [(numbers[key, name], first + place, more) for key, name, more in counting.repeated]
    return np.array(found, dtype=REPEAT)


def _levels(counts: npt.NDArray[np.int16], samples: npt.NDArray[np.int64], total: int) -> list[Mask]:
    """Masks over ``total`` samples of those with at least 1, 2, 3 … pictures; masks that are alike are one."""
    levels: list[Mask] = []
    there = np.bincount(counts)
    for least in range(len(there) - 1):
        alike = levels and not there[least]
        levels.append(levels[-1] if alike else Mask.at(samples[counts > least], total))
    return levels
