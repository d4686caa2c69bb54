"""Read and format pictures on all cores while handing them out in order, with a bounded number under way."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from typing import NamedTuple, TypeVar

import cv2

from trainyard.datasets.outage import stop_at_outage
from trainyard.datasets.sample import Sample
from trainyard.datasets.sources import PictureProblem, Sources
from trainyard.formats.frame import framed
from trainyard.formats.lmdb.labels import pixels_of
from trainyard.formats.manifest import Skipped
from trainyard.formats.picture import Encoded, Recipe, format_picture, format_pixels
from trainyard.formats.record import Labels, some_boxes
from trainyard.formats.selection import Selection
from trainyard.formats.video import VideoFrame, frames
from trainyard.words import N_

PIECE = 8
_RESUME = N_("Resume the batch when it answers again; what is done stays.")
One = TypeVar("One")
Other = TypeVar("Other")


class Formatted(NamedTuple):
    """One picture that is ready to be written.

    A sample that is a video becomes several; ``last`` says that its sample ends here. ``pixels`` is the picture decoded for
    containers that want it so: channel, height, width, BGR.
    """

    name: str
    labels: Labels
    picture: Encoded
    last: bool = True
    pixels: bytes = b""


class Work(NamedTuple):
    """What every worker needs."""

    selection: Selection
    source: Sources
    recipe: Recipe
    frames_per_second: float = 0.0
    workers: int = 0

    @property
    def threads(self) -> int:
        """How many threads work."""
        return threads_of(self.workers)


def threads_of(workers: int) -> int:
    """How many threads work: one per core that may be used, unless a number is given."""
    return workers or len(os.sched_getaffinity(0))


class _Video(NamedTuple):
    """A sample whose frames are still to be taken."""

    sample: Sample


Result = Formatted | Skipped


def ends_sample(result: Result) -> bool:
    """Whether nothing more comes of the sample that ``result`` belongs to."""
    return isinstance(result, Skipped) or result.last


def produce(work: Work, numbers: Iterable[int], pass_over: int = 0) -> Generator[Result, None, None]:
    """The samples ``numbers`` of the selection, in this order; of the first, a video, ``pass_over`` frames are left out.

    Decoding, resizing and encoding happen outside of Python's lock. ``PIECE`` pictures go to a thread at a time, and at
    most ``threads`` + 2 pieces are under way or waiting, so memory does not depend on how many there are. A video is decoded
    where it comes in the order, its frames are formatted by the same threads.
    """
    cv2.setNumThreads(1)
    first = list(islice(rest := iter(numbers), 1))
    threads = 1 if first and _only_copies(work, first[0]) else work.threads
    with ThreadPoolExecutor(threads, thread_name_prefix="format") as pool:
        pieces = _ahead(pool, lambda piece: [_one(work, number) for number in piece], _pieces(chain(first, rest)), threads + 2)
        for piece in pieces:
            for one in piece:
                if isinstance(one, _Video):
                    yield from _frames_of(work, one.sample, pool, pass_over)
                else:
                    yield one
                pass_over = 0


def _only_copies(work: Work, number: int) -> bool:
    """Whether files are only copied into a set, told by the first: several threads would but fight for Python's lock."""
    return work.recipe.copies and not work.frames_per_second and "://" not in work.selection.sample(number).url


def with_pixels(results: Iterable[Result], workers: int = 0) -> Generator[Result, None, None]:
    """``results`` with their pixels, decoded by ``workers`` threads (0: one per core)."""
    threads = threads_of(workers)
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        yield from _ahead(pool, _decoded, results, threads + 2)


def _decoded(result: Result) -> Result:
    if isinstance(result, Skipped):
        return result
    return result._replace(pixels=pixels_of(result.picture.data, result.picture.channels))


def _ahead(
    pool: ThreadPoolExecutor, do: Callable[[One], Other], things: Iterable[One], most: int
) -> Generator[Other, None, None]:
    """``do`` of every thing in order, at most ``most`` under way."""
    waiting: deque[Future[Other]] = deque()
    try:
        for thing in things:
            waiting.append(pool.submit(do, thing))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _pieces(numbers: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(numbers)
    while piece := list(islice(rest, PIECE)):
        yield piece


def _one(work: Work, number: int) -> Result | _Video:
    sample = work.selection.sample(number)
    if sample.type == "video":
        return _Video(sample)
    try:
        picture = format_picture(work.source.read(sample.url), work.recipe)
        return Formatted(name_of(sample.url), _labels(work, sample, picture), picture)
    except PictureProblem as problem:
        stop_at_outage(sample, problem, _RESUME)
        return _skipped(sample, problem)


def _frames_of(work: Work, sample: Sample, pool: ThreadPoolExecutor, pass_over: int) -> Iterator[Result]:
    """The frames of a video as pictures with the labels of the video; what ends it early is said once some were taken."""
    name = name_of(sample.url)

    def formatted(frame: VideoFrame) -> Formatted:
        picture = format_pixels(frame.pixels, work.recipe)
        return Formatted(f"{name}@{frame.milliseconds}.jpg", _labels(work, sample, picture), picture, last=False)

    before: Formatted | None = None
    try:
        with work.source.opened(sample.url) as file:
            for one in _ahead(pool, formatted, frames(file, work.frames_per_second, pass_over), work.threads + 2):
                if before:
                    yield before
                before = one
    except PictureProblem as problem:
        stop_at_outage(sample, problem, _RESUME)
        if before:
            yield before
        yield _skipped(sample, problem)
        return
    if before:
        yield before._replace(last=True)


def _labels(work: Work, sample: Sample, picture: Encoded) -> Labels:
    """The labels of a sample, its boxes in pixels of ``picture``.

    Raises:
        PictureProblem: ``boxes-outside``, no box of it lies in the picture.
    """
    labels = work.selection.labels_of(sample)
    if labels.kind != "boxes":
        return labels
    boxes = framed(labels.boxes, picture.frame, (picture.width, picture.height))
    if not boxes:
        raise PictureProblem("boxes-outside", N_("All its boxes lie outside of the picture or have no area."))
    return some_boxes(boxes)


def _skipped(sample: Sample, problem: PictureProblem) -> Skipped:
    return Skipped(sample.line, sample.url, problem.code, problem.message, problem.values)


def name_of(url: str) -> str:
    """A relative path for lists and keys: the url without scheme, leading slashes and place, and without control characters."""
    path = url.split("://", 1)[-1].lstrip("/")
    if url.startswith("pack:"):
        path = url.removeprefix("pack:").rpartition("#")[0].partition("/")[2]
    return "".join(letter if letter.isprintable() or letter > "\x9f" else f"%{ord(letter):02X}" for letter in path)
