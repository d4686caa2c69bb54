"""Where in its epochs a run was at a step: the second of the three horizontal axes a curve may have."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping

from trainyard.metrics.tags import BATCHES_PER_EPOCH, EPOCH
from trainyard.records.trainings import SeriesPoints

EpochAt = Callable[[int], float | None]


def epochs_of(by_tag: Mapping[str, SeriesPoints]) -> EpochAt:
    """A function from cumulative batch to epochs done (a real number), by batches per epoch or by the epoch's own series."""
    counts = by_tag.get(BATCHES_PER_EPOCH)
    per_epoch = next((value for value in reversed(counts.values if counts else []) if value), None)
    if per_epoch:
        return lambda step: round(step / per_epoch, 3)
    progress = by_tag.get(EPOCH)
    if progress is None or not progress.steps:
        return lambda _step: None
    return lambda step: progress.values[max(0, bisect_right(progress.steps, step) - 1)]
