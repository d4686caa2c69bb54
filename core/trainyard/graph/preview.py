"""Show what a node does to eight real samples, and tell from a few what a run will take.

The eight are the same at every node of a graph: some of which new pictures come, wherever the graph makes any, and some
from all over the list.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from trainyard.datasets.codec import Pixels, encode_picture
from trainyard.datasets.index import ListIndex
from trainyard.datasets.sample import Sample
from trainyard.datasets.sources import PictureProblem
from trainyard.graph.mask import united
from trainyard.graph.plan import Plan, Way
from trainyard.graph.rules import output_of
from trainyard.graph.studio import Made, Studio
from trainyard.records.graphs import PREVIEW_EDGE, PREVIEW_SAMPLES, GraphEstimate, GraphPreview, PreviewPicture, PreviewSample
from trainyard.words import translate

SHOWN = 4
"""At most so many of the pictures that come of one sample are shown."""
_QUALITY = 85
_TRIED = 6
_SECONDS_PER_LINE = 60e-6
"""Reading, planning, writing and indexing one line of the list, measured."""
_SECONDS_AT_LEAST = 1.0


@dataclass(frozen=True)
class Show:
    """What is needed to show a graph's nodes."""

    plan: Plan
    index: ListIndex
    studio: Studio
    language: str = "en"


def preview(show: Show, node: str, numbers: list[int]) -> GraphPreview:
    """The samples ``numbers`` at ``node``, made by as many threads as there are cores."""
    samples = show.index.samples(numbers)
    ways = [_ways(show.plan, node, number) for number in numbers]
    with ThreadPoolExecutor(min(len(os.sched_getaffinity(0)), PREVIEW_SAMPLES)) as pool:
        shown = pool.map(lambda one: _sample(show, *one), zip(samples, ways, strict=True))
        return GraphPreview(node=node, samples=list(shown))


def eight(plan: Plan, samples: int) -> list[int]:
    """The samples to show, by number: at most eight, in the order of the list."""
    spread = [np.linspace(0, samples - 1, min(samples, PREVIEW_SAMPLES)).astype(np.int64)]
    for node in plan.graph.nodes:
        if node.type == "augment":
            spread.append(_evenly(_new_at(plan, node.id, samples)))
        elif node.type == "filter":
            spread.append(_evenly(united(plan.masks(node.id).values(), samples).numbers()))
    turns = (number for turn in zip_longest(*reversed(spread)) for number in turn if number is not None)
    return sorted(int(number) for number in list(dict.fromkeys(turns))[:PREVIEW_SAMPLES])


def estimate(show: Show, quality: int, workers: int) -> GraphEstimate | None:
    """What running the plan will take with so many cores, from a few of its pictures; None if none of them can be read."""
    output = output_of(show.plan.graph).id
    count = show.plan.count(output)
    sizes, begun = [], time.monotonic()
    for sample, way in _a_few(show, output):
        try:
            made = next(show.studio.make(sample, [way]))
            sizes.append(len(encode_picture(made.pixels, quality, lossless=made.lossless)))
        except PictureProblem:
            continue
    if count.new and not sizes:
        return None
    each = (time.monotonic() - begun) / len(sizes) if sizes else 0.0
    seconds = _SECONDS_AT_LEAST + _SECONDS_PER_LINE * (len(show.index) + count.pictures) + each * count.new / max(1, workers)
    size = sum(sizes) * count.new // len(sizes) if sizes else 0
    return GraphEstimate(pictures=count.pictures, new=count.new, bytes=size, seconds=round(seconds, 1))


def _a_few(show: Show, output: str) -> Iterator[tuple[Sample, Way]]:
    """Some samples of which new pictures leave the graph, with the way to the first of them."""
    masks = {way: mask for way, mask in show.plan.masks(output).items() if way}
    if not masks:
        return
    numbers = _evenly(united(masks.values(), len(show.index)).numbers())[:: PREVIEW_SAMPLES // _TRIED].tolist()
    for number, sample in zip(numbers, show.index.samples(numbers), strict=True):
        if sample.type == "image":
            yield sample, next(way for way, mask in masks.items() if mask[number])


def _evenly(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    places = np.linspace(0, len(numbers) - 1, min(len(numbers), PREVIEW_SAMPLES)).astype(np.int64)
    return np.asarray(numbers[places], dtype=np.int64)


def _new_at(plan: Plan, node: str, samples: int) -> npt.NDArray[np.int64]:
    """The samples of which the node makes new pictures."""
    made = (mask for way, mask in plan.masks(node).items() if way and way[-1][0] == node)
    return united(made, samples).numbers()


def _ways(plan: Plan, node: str, number: int) -> list[Way]:
    masks = plan.masks(node)
    return [way for way in plan.ways(node) if masks[way][number]]


def _sample(show: Show, sample: Sample, ways: list[Way]) -> PreviewSample:
    told: dict[str, Any] = {"line": sample.line, "url": sample.url, "before": None, "after": [], "outputs": len(ways)}
    try:
        wanted = [(), *(way for way in ways if way)][: SHOWN + 1]
        made = {one.way: _picture(one) for one in show.studio.make(sample, wanted) if not one.moved.emptied}
    except PictureProblem as problem:
        return PreviewSample(**told, error=translate(problem.message, show.language, **problem.values))
    told["before"], told["after"] = made.get(()), [made[way] for way in ways[:SHOWN] if way in made]
    return PreviewSample(**told)


def _picture(made: Made) -> PreviewPicture:
    height, width = made.pixels.shape[:2]
    data = base64.b64encode(encode_picture(_small(made.pixels), _QUALITY, lossless=False)).decode()
    labels = msgspec.json.decode(msgspec.json.encode(made.moved.labels))
    return PreviewPicture(data=f"data:image/jpeg;base64,{data}", width=width, height=height, labels=labels, ops=made.ops)


def _small(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    scale = PREVIEW_EDGE / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
