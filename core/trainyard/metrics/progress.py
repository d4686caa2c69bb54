"""How far a run is, from the newest points of its event files: what fills the tiles of the monitor page."""

from __future__ import annotations

from dataclasses import dataclass

from trainyard.metrics import tags
from trainyard.metrics.series import SeriesTable

_RECENT = 32
"""So many of the last points of ``progress/batch`` tell the present speed."""


@dataclass(frozen=True)
class RunProgress:
    """Epoch and batch count from 1; ``remaining`` is seconds, None while the number of epochs or batches is unknown."""

    epoch: int | None = None
    epochs: int | None = None
    batch: int | None = None
    samples_per_second: float | None = None
    step: int | None = None
    remaining: float | None = None


def progress_of(table: SeriesTable) -> RunProgress:
    """The progress that the standard tags in ``table`` tell; foreign runs without them have none."""
    position = table.by_tag.get(tags.BATCH)
    newest = position.last if position else None
    return RunProgress(
        epoch=_whole(table.last(tags.EPOCH)),
        epochs=_whole(table.last(tags.EPOCHS)),
        batch=_whole(table.last(tags.BATCH)),
        samples_per_second=_finite(table.last(tags.SAMPLES_PER_SECOND)),
        step=newest[0] if newest else None,
        remaining=_remaining(table),
    )


def _remaining(table: SeriesTable) -> float | None:
    epochs, batches = _finite(table.last(tags.EPOCHS)), _finite(table.last(tags.BATCHES_PER_EPOCH))
    position = table.by_tag.get(tags.BATCH)
    if not epochs or not batches or position is None or len(position) < 2:
        return None
    recent = position.points[-_RECENT:]
    steps, seconds = float(recent.steps[-1] - recent.steps[0]), float(recent.times[-1] - recent.times[0])
    if steps <= 0 or seconds <= 0:
        return None
    return max(0.0, epochs * batches - float(recent.steps[-1])) * seconds / steps


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None


def _whole(value: float | None) -> int | None:
    number = _finite(value)
    return None if number is None else int(number)
