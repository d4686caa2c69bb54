"""Look at every picture of a list without decoding it: which are missing or broken, how large they are, which are the same.

Header, size and end marker are checked, as in formatting; equal means the same bytes. Boxes are compared with the size of their
picture. The result is one small file; every problem is also a line of ``problems.jsonl`` beside it.
"""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from trainyard.datasets.codec import look_at
from trainyard.datasets.folder import Stopped, write_json
from trainyard.datasets.frame import Frame
from trainyard.datasets.index import ListIndex
from trainyard.datasets.outage import stop_at_outage
from trainyard.datasets.repeats import Repeats
from trainyard.datasets.sample import Sample
from trainyard.datasets.sources import PictureProblem, PictureSource
from trainyard.decoding import prepared
from trainyard.words import N_

RESULT, PROBLEMS = "examination.json", "problems.jsonl"
EDGES = (1, 16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 8192)
"""Where the bins of widths and heights begin, in pixels."""
PARTS = tuple(round(0.05 * step, 2) for step in range(20))
"""Where the bins of relative box sizes begin: the root of the part of the picture that a box covers."""
MISSING = frozenset({"picture-missing", "picture-outside", "picture-forbidden"})
KEPT_PROBLEMS, KEPT_GROUPS, KEPT_LINES = 200, 50, 20
_PIECE = 32
_AGAIN = N_("Examine the pictures again when it answers.")


class Blemish(msgspec.Struct):
    """A picture with something wrong; ``message`` and ``values`` as in ``Problem``."""

    line: int
    url: str
    code: str
    message: str
    values: dict[str, Any] = {}


@prepared
class Examination(msgspec.Struct):
    """What the pictures of a list are. ``bytes`` sums those found; ``duplicates`` counts those that equal an earlier one.

    ``sizes[i][j]`` counts pictures whose width lies in bin i of ``EDGES`` and whose height in bin j. ``kinds`` counts file
    formats. By label set: ``box_parts`` counts boxes in the bins of ``PARTS``, ``boxes_outside`` those that reach out of their
    picture. ``duplicate_groups`` are the lines of some pictures that are the same.
    """

    list_sha256: str
    pictures: int = 0
    missing: int = 0
    broken: int = 0
    duplicates: int = 0
    bytes: int = 0
    smallest: tuple[int, int] = (0, 0)
    largest: tuple[int, int] = (0, 0)
    sizes: list[list[int]] = []
    kinds: dict[str, int] = {}
    box_parts: dict[str, list[int]] = {}
    boxes_outside: dict[str, int] = {}
    problems: list[Blemish] = []
    duplicate_groups: list[list[int]] = []


class Seen(NamedTuple):
    """One picture: its size in its file and how it lies there, its format, bytes, and the start of its SHA-256."""

    sample: Sample
    frame: Frame
    kind: str
    size: int
    hash: int


class Watch(NamedTuple):
    """How the caller follows and ends the work."""

    progress: Callable[[int, int], None] = lambda done, total: None
    should_stop: Callable[[], bool] = lambda: False


def examine(index: ListIndex, source: PictureSource, folder: Path, list_sha256: str, watch: Watch | None = None) -> Examination:
    """Look at the pictures of ``index`` and leave the result in ``folder``; videos are passed over.

    Raises:
        Stopped: ``watch.should_stop`` said so; an earlier result stays. Unavailable: ``store-away``, a bucket does not answer.
    """
    watch = watch or Watch()
    one = _Examining(Examination(list_sha256, sizes=[[0] * len(EDGES) for _ in EDGES]))
    part = folder / f".{PROBLEMS}.part"
    with Repeats(folder, "pictures") as repeats, part.open("wb") as problems:
        for number, found in enumerate(_look_at_all(index, source)):
            if isinstance(found, Blemish):
                one.add_problem(found)
                problems.write(msgspec.json.encode(found) + b"\n")
            elif found is not None:
                one.add(found)
            repeats.add(np.array([found.hash if isinstance(found, Seen) else _hash(b"%d" % number)]))
            if number % _PIECE == 0:
                if watch.should_stop():
                    raise Stopped
                watch.progress(number, len(index))
        one.result.duplicates, places = repeats.found()
        one.result.duplicate_groups = _groups(places, index)
    part.replace(folder / PROBLEMS)
    write_json(folder / RESULT, one.result)
    watch.progress(len(index), len(index))
    return one.result


def read_examination(data: bytes) -> Examination:
    """What ``examine`` left in ``RESULT``.

    Raises:
        msgspec.MsgspecError: it is something else.
    """
    return msgspec.json.decode(data, type=Examination)


class _Examining:
    """Adds up what is seen."""

    def __init__(self, result: Examination) -> None:
        self.result = result

    def add_problem(self, blemish: Blemish) -> None:
        """A picture that cannot be used; the first ones are kept."""
        result = self.result
        result.pictures += 1
        if blemish.code in MISSING:
            result.missing += 1
        else:
            result.broken += 1
        if len(result.problems) < KEPT_PROBLEMS:
            result.problems.append(blemish)

    def add(self, seen: Seen) -> None:
        """A picture that can be used."""
        result, size = self.result, seen.frame.upright
        result.pictures += 1
        result.bytes += seen.size
        result.kinds[seen.kind] = result.kinds.get(seen.kind, 0) + 1
        result.sizes[_bin(EDGES, size[0])][_bin(EDGES, size[1])] += 1
        result.largest = max(result.largest, size, key=_pixels)
        result.smallest = min(result.smallest, size, key=_pixels) if result.smallest != (0, 0) else size
        for labels in seen.sample.labels:
            for extent in [extent for entry in labels.truth() if (extent := entry.extent())]:
                self._add_box(labels.key, extent, seen.frame)

    def _add_box(self, key: str, extent: tuple[float, float, float, float], frame: Frame) -> None:
        """A box, which like all of a list is in pixels of the picture as its file has it."""
        left, top, right, bottom = extent
        part = (max(0.0, right - left) * max(0.0, bottom - top) / (frame.width * frame.height)) ** 0.5
        self.result.box_parts.setdefault(key, [0] * len(PARTS))[_bin(PARTS, part)] += 1
        if left < 0 or top < 0 or right > frame.width or bottom > frame.height:
            self.result.boxes_outside[key] = self.result.boxes_outside.get(key, 0) + 1


def _look_at_all(index: ListIndex, source: PictureSource) -> Iterator[Seen | Blemish | None]:
    """Every sample in order, None for a video; a bounded number is under way on all cores."""
    workers = len(os.sched_getaffinity(0))
    waiting: deque[Future[list[Seen | Blemish | None]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="examine") as pool:
        try:
            for first in range(0, len(index), _PIECE):
                samples = index.page(first, _PIECE)
                waiting.append(pool.submit(lambda those: [_look_at(sample, source) for sample in those], samples))
                if len(waiting) > 2 * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _look_at(sample: Sample, source: PictureSource) -> Seen | Blemish | None:
    if sample.type == "video":
        return None
    try:
        data = source.read(sample.url)
        look = look_at(data)
    except PictureProblem as problem:
        stop_at_outage(sample, problem, _AGAIN)
        return Blemish(sample.line, sample.url, problem.code, problem.message, problem.values)
    return Seen(sample, look.frame, look.kind, len(data), _hash(data))


def _groups(places: Iterator[tuple[int, int]], index: ListIndex) -> list[list[int]]:
    """The lines of samples whose pictures are the same, the first groups and of each the first lines."""
    groups: dict[int, list[int]] = {}
    for value, place in places:
        if value in groups or len(groups) < KEPT_GROUPS:
            lines = groups.setdefault(value, [])
            if len(lines) < KEPT_LINES:
                lines.append(index.line_of(place))
    return list(groups.values())


def _hash(data: bytes) -> int:
    """The first 64 bits of the SHA-256, signed."""
    return int.from_bytes(hashlib.sha256(data).digest()[:8], "big", signed=True)


def _bin(edges: tuple[float, ...], value: float) -> int:
    return max(0, bisect_right(edges, value) - 1)


def _pixels(size: tuple[int, int]) -> int:
    return size[0] * size[1]
