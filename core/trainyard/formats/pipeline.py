"""Read and format pictures on all cores while handing them out in order, with a bounded number under way."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import cv2

from trainyard.datasets.sources import PictureProblem, PictureSource
from trainyard.formats.picture import Encoded, Recipe, format_picture
from trainyard.formats.plan import Skipped
from trainyard.formats.selection import Selection

PIECE = 8


class Formatted(NamedTuple):
    """One picture that is ready to be written."""

    name: str
    labels: tuple[float, ...]
    picture: Encoded


class Work(NamedTuple):
    """What every worker needs."""

    selection: Selection
    source: PictureSource
    recipe: Recipe


def produce(work: Work, order: Sequence[int], start: int, workers: int = 0) -> Generator[Formatted | Skipped, None, None]:
    """The samples ``order[start:]`` in this order, formatted by ``workers`` threads (0: one per core that may be used).

    Decoding, resizing and encoding happen outside of Python's lock. ``PIECE`` pictures go to a thread at a time, and at
    most ``workers`` + 2 pieces are under way or waiting, so memory does not depend on how many there are.
    """
    cv2.setNumThreads(1)
    workers = workers or len(os.sched_getaffinity(0))
    waiting: deque[Future[list[Formatted | Skipped]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="format") as pool:
        try:
            for first in range(start, len(order), PIECE):
                waiting.append(pool.submit(_piece, work, list(order[first : first + PIECE])))
                if len(waiting) >= workers + 2:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _piece(work: Work, numbers: list[int]) -> list[Formatted | Skipped]:
    return [_one(work, number) for number in numbers]


def _one(work: Work, number: int) -> Formatted | Skipped:
    sample = work.selection.sample(number)
    try:
        picture = format_picture(work.source.read(sample.url), work.recipe)
    except PictureProblem as problem:
        return Skipped(sample.line, sample.url, problem.code, problem.message, problem.values)
    return Formatted(name_of(sample.url), work.selection.numbers_of(sample), picture)


def name_of(url: str) -> str:
    """A relative path for lists and keys: the url without scheme, leading slashes and place, and without control characters."""
    path = url.split("://", 1)[-1].lstrip("/")
    if url.startswith("pack:"):
        path = url.removeprefix("pack:").rpartition("#")[0].partition("/")[2]
    return "".join(letter if letter.isprintable() or letter > "\x9f" else f"%{ord(letter):02X}" for letter in path)
