"""Make the pictures that come of one sample: decode once, do what is drawn for each way, move the labels along.

What is drawn depends on seed, line, node and copy only, so the same picture comes out whoever makes it, and whenever.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np

from trainyard.datasets.codec import Decoded, Pixels, decode_picture, look_at
from trainyard.datasets.sample import Sample
from trainyard.datasets.sources import PictureSource
from trainyard.graph.document import Graph, Node
from trainyard.graph.marks import Moved, marks_of, moved_labels
from trainyard.graph.operations import Chosen, Size, choose, describe, move, render, step
from trainyard.graph.plan import Way, digest

_LARGE_PIXELS = 20_000_000
_large = threading.Lock()  # one at a time: a few of 180 million pixels would take all memory there is


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
        every step of a way is held.

        Raises:
            PictureProblem: it cannot be had or decoded, or one that is made of it would be too large.
        """
        data = self._source.read(sample.url)
        frame = look_at(data).frame
        with self._in_turn(frame.width * frame.height):
            yield from self._made(sample, decode_picture(data), ways)

    def _in_turn(self, pixels: int) -> AbstractContextManager[object]:
        return _large if pixels > _LARGE_PIXELS else nullcontext()

    def _made(self, sample: Sample, decoded: Decoded, ways: Sequence[Way]) -> Iterator[Made]:
        line = sample.line
        done: list[tuple[tuple[str, int], Pixels, tuple[Chosen, ...]]] = []
        marks = marks_of(sample.labels, decoded.frame)
        size = Size(decoded.pixels.shape[1], decoded.pixels.shape[0])
        for way in ways:
            shared = _common(way, [one for one, _, _ in done])
            del done[shared:]
            for number in range(shared, len(way)):
                before = done[-1][1] if done else decoded.pixels
                chosen = self._chosen(line, way[: number + 1])
                done.append((way[number], render(before, chosen), chosen))
            every = tuple(one for _, _, chosen in done for one in chosen)
            pixels, now = (done[-1][1], move(marks, every, size)) if done else (decoded.pixels, marks)
            ops = describe(every) if done else ""
            yield Made(way, pixels, moved_labels(sample.labels, now), ops, decoded.lossless)

    def _chosen(self, line: int, way: Way) -> tuple[Chosen, ...]:
        node = self._nodes[way[-1][0]]
        key = int.from_bytes(digest(self._seed, line, way), "little")
        return choose(self._steps[node.id], np.random.Generator(np.random.Philox(key=key)), node.mode)


def _common(way: Way, done: Sequence[tuple[str, int]]) -> int:
    """How many steps of ``way`` are done already."""
    count = 0
    for one, other in zip(way, done, strict=False):
        if one != other:
            break
        count += 1
    return count
