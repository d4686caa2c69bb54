"""Turn a few samples at a time into lines of the new list and files of new pictures, on all cores, handed out in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import msgspec
import numpy as np

from trainyard.datasets.codec import encode_picture
from trainyard.datasets.index import ListIndex
from trainyard.datasets.jsonlist import to_wire
from trainyard.datasets.outage import stop_at_outage
from trainyard.datasets.sample import Sample
from trainyard.datasets.sources import PictureProblem
from trainyard.errors import Invalid
from trainyard.graph.mask import Mask
from trainyard.graph.plan import Plan, Way
from trainyard.graph.studio import Made, Studio
from trainyard.words import N_

_WINDOW = 4096
_NEW, _SAMPLES = 4, 512
"""A piece has at most so many new pictures (but all of one sample), or so many samples."""
_PER_FOLDER = 1000
_RESUME = N_("Resume the dataset when it answers again; what is done stays.")


class LeftOut(msgspec.Struct):
    """``pictures`` new ones that were not made: from which line, and why (``message`` is a key of translations)."""

    line: int
    url: str
    code: str
    message: str
    pictures: int
    values: dict[str, Any] = {}


class Piece(NamedTuple):
    """What came of some samples: lines of the list, counts, and what was left out.

    ``end`` is the sample (from 0) to go on with; ``tried`` counts the samples whose pictures had to be read; ``objects`` those
    that left their pictures.
    """

    end: int
    lines: bytes
    kept: int
    new: int
    tried: int
    bytes: int
    objects: int
    left: list[LeftOut]


@dataclass(frozen=True)
class Workshop:
    """Everything a worker needs. New pictures go below ``pictures`` / ``folder``; ``base`` is set before relative urls."""

    plan: Plan
    output: str
    listing: ListIndex
    studio: Studio
    pictures: Path
    folder: str
    quality: int = 95
    base: str = ""

    @cached_property
    def ways(self) -> list[Way]:
        """The ways on which pictures leave the graph; the first is that of the originals, even where none of them does."""
        return [(), *(way for way in self.plan.ways(self.output) if way)]

    @cached_property
    def masks(self) -> list[Mask]:
        """For each of ``ways`` the samples."""
        known, none = self.plan.masks(self.output), Mask.of(np.zeros(len(self.listing), dtype=np.bool_))
        return [known.get(way, none) for way in self.ways]


def produce(shop: Workshop, start: int, workers: int = 0) -> Generator[Piece, None, None]:
    """The pieces from the ``start``-th sample on, in the order of the list, by so many threads (0: one per usable core).

    At most ``workers`` + 2 pieces are under way, so memory does not depend on how many samples there are.
    """
    cv2.setNumThreads(1)
    workers = workers or len(os.sched_getaffinity(0))
    waiting: deque[Future[Piece]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="graph") as pool:
        try:
            for end, chosen in _pieces(shop, start):
                waiting.append(pool.submit(_make, shop, end, chosen))
                if len(waiting) >= workers + 2:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


Chosen = list[tuple[int, list[int]]]
"""Samples by number, and the places of their ways among all ways of the output."""


def _pieces(shop: Workshop, start: int) -> Iterator[tuple[int, Chosen]]:
    chosen: Chosen = []
    new = 0
    for number, places in _samples(shop, start):
        chosen.append((number, places))
        new += sum(place > 0 for place in places)
        if new >= _NEW or len(chosen) >= _SAMPLES:
            yield number + 1, chosen
            chosen, new = [], 0
    yield len(shop.listing), chosen


def _samples(shop: Workshop, start: int) -> Iterator[tuple[int, list[int]]]:
    """The samples of which something leaves the graph, and on which ways."""
    for first in range(start, len(shop.listing), _WINDOW):
        window = np.stack([mask.flags(first, first + _WINDOW) for mask in shop.masks])
        for column in np.flatnonzero(window.any(axis=0)).tolist():
            yield first + column, np.flatnonzero(window[:, column]).tolist()


def _make(shop: Workshop, end: int, chosen: Chosen) -> Piece:
    work = _Work(shop)
    samples = shop.listing.samples(number for number, _ in chosen)
    if len(samples) != len(chosen):
        raise Invalid("list-changed", N_("The list changed while it was read."), hint=N_("Run the graph again."))
    for sample, (_, places) in zip(samples, chosen, strict=True):
        work.add(sample, places)
    return work.piece(end)


class _Work:
    """One piece in the making."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._encode = msgspec.json.Encoder().encode
        self._lines: list[bytes] = []
        self._left: list[LeftOut] = []
        self._kept = self._new = self._tried = self._bytes = self._objects = 0

    def add(self, sample: Sample, places: list[int]) -> None:
        base, origin = self._shop.base, sample.source_url
        origin = None if origin is None else carried_url(origin, base)
        sample = msgspec.structs.replace(sample, url=carried_url(sample.url, base), source_url=origin)
        if places[0] == 0:
            self._lines.append(self._encode(to_wire(sample)))
            self._kept += 1
        if fresh := [place for place in places if place]:
            self._make_new(sample, fresh)

    def piece(self, end: int) -> Piece:
        lines = b"".join(line + b"\n" for line in self._lines)
        return Piece(end, lines, self._kept, self._new, self._tried, self._bytes, self._objects, self._left)

    def _make_new(self, sample: Sample, places: list[int]) -> None:
        if sample.type == "video":
            self._leave_out(sample, "video", N_("It is a video; only pictures are processed."), len(places))
            return
        self._tried += 1
        made = 0
        try:
            for place, picture in zip(
                places, self._shop.studio.make(sample, [self._shop.ways[p] for p in places]), strict=True
            ):
                self._take(sample, place, picture)
                made += 1
        except PictureProblem as problem:
            stop_at_outage(sample, problem, _RESUME)
            self._leave_out(sample, problem.code, problem.message, len(places) - made, problem.values)

    def _take(self, sample: Sample, place: int, made: Made) -> None:
        self._objects += made.moved.dropped
        if made.moved.emptied:
            self._leave_out(sample, "objects-gone", N_("All its objects have left the picture."), 1)
            return
        data = encode_picture(made.pixels, self._shop.quality, lossless=made.lossless)
        name = f"{sample.line // _PER_FOLDER:06d}/{sample.line}-{place}.{'png' if made.lossless else 'jpg'}"
        path = self._shop.pictures / self._shop.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        new = Sample(sample.line, f"{self._shop.folder}/{name}", "image", made.moved.labels, sample.url, made.ops)
        self._lines.append(self._encode(to_wire(new)))
        self._new += 1
        self._bytes += len(data)

    def _leave_out(self, sample: Sample, code: str, message: str, pictures: int, values: dict[str, Any] | None = None) -> None:
        self._left.append(LeftOut(sample.line, sample.url, code, message, pictures, values or {}))


def carried_url(url: str, base: str) -> str:
    """``url`` as another dataset can read it: a relative one behind ``base`` (empty where its pictures come along)."""
    if not base or url.startswith("/"):
        return url
    if url.startswith("pack:"):
        return f"pack:{carried_url(url.removeprefix('pack:'), base)}"
    return url if ":" in url.split("/", 1)[0] else f"{base}/{url}"
