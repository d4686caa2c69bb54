"""Make the pictures that come of one sample: decode once, do what is drawn for each way, move the labels along.

What is drawn depends on seed, line, node and copy only, so the same picture comes out whoever makes it, and whenever.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np

from trainyard.datasets.codec import Decoded, Pixels, decode_picture, look_at
from trainyard.datasets.sample import Sample
from trainyard.datasets.sources import PictureSource
from trainyard.graph.document import Graph, Node
from trainyard.graph.marks import Moved, marks_of, moved_labels
from trainyard.graph.operations import Chosen, Size, choose, describe, move, render, size_after, step
from trainyard.graph.plan import Way, digest

_LARGE_PIXELS = 20_000_000
_large = threading.Lock()  # one at a time: a few of 180 million pixels would take all memory there is
Drawn = Mapping[Way, tuple[Chosen, ...]]
"""What is done in the last step of each way."""


class Made(NamedTuple):
    """A new picture. ``lossless`` says that its parent was; ``pixels`` may be shared with others: never change them."""

    way: Way
    pixels: Pixels
    moved: Moved
    ops: str
    lossless: bool


class Studio:
    """Makes pictures by the operations of ``graph``; safe to use from several threads.

    Raises:
        Invalid: an operation, or a parameter of one, that there is not.
    """

    def __init__(self, graph: Graph, seed: int, source: PictureSource) -> None:
        self._seed, self._source = seed, source
        augments = [node for node in graph.nodes if node.type == "augment"]
        self._steps = {node.id: [step(one.op, one.parameters, one.probability) for one in node.ops] for node in augments}
        self._nodes: dict[str, Node] = {node.id: node for node in augments}

    def make(self, sample: Sample, ways: Sequence[Way]) -> Iterator[Made]:
        """The picture of ``sample`` on each of ``ways``, way by way; on the empty way it is the original, upright.

        Ways that begin alike follow each other in a plan, and what they share is done once; at most one picture for
        every step of a way is held, and of large ones the last.

        Raises:
            PictureProblem: it cannot be had or decoded, or one that is made of it would be too large.
        """
        data = self._source.read(sample.url)
        frame = look_at(data).frame
        drawn = {way[:steps]: self._chosen(sample.line, way[:steps]) for way in ways for steps in range(1, len(way) + 1)}
        large = _largest(Size(*frame.upright), ways, drawn) > _LARGE_PIXELS
        with _large if large else nullcontext():
            yield from _made(sample, decode_picture(data), ways, drawn, large=large)

    def _chosen(self, line: int, way: Way) -> tuple[Chosen, ...]:
        node = self._nodes[way[-1][0]]
        key = int.from_bytes(digest(self._seed, line, way), "little")
        return choose(self._steps[node.id], np.random.Generator(np.random.Philox(key=key)), node.mode)


def _largest(size: Size, ways: Sequence[Way], drawn: Drawn) -> int:
    """Pixels of the largest picture on the ways from one of ``size``."""
    most = size.width * size.height
    for way in ways:
        now = size
        for one in _every(way, drawn):
            now = size_after((one,), now)
            most = max(most, now.width * now.height)
    return most


def _made(sample: Sample, decoded: Decoded, ways: Sequence[Way], drawn: Drawn, *, large: bool) -> Iterator[Made]:
    """Way by way; of ``large`` pictures none is held for the next way."""
    held: list[tuple[tuple[str, int], Pixels]] = []
    marks = marks_of(sample.labels, decoded.frame)
    size = Size(decoded.pixels.shape[1], decoded.pixels.shape[0])
    for way in ways:
        shared = _common(way, [one for one, _ in held])
        del held[shared:]
        pixels = held[-1][1] if held else decoded.pixels
        for number in range(shared, len(way)):
            pixels = render(pixels, drawn[way[: number + 1]])
            if not large:
                held.append((way[number], pixels))
        every = _every(way, drawn)
        now = move(marks, every, size) if way else marks
        ops = describe(every) if way else ""
        yield Made(way, pixels, moved_labels(sample.labels, now), ops, decoded.lossless)


def _every(way: Way, drawn: Drawn) -> tuple[Chosen, ...]:
    """All that is done on a way."""
    return tuple(one for steps in range(1, len(way) + 1) for one in drawn[way[:steps]])


def _common(way: Way, done: Sequence[tuple[str, int]]) -> int:
    """How many steps of ``way`` are done already."""
    count = 0
    for one, other in zip(way, done, strict=False):
        if one != other:
            break
        count += 1
    return count
