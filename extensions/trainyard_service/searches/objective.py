"""What a trial has reached: the objective's curve, as the service follows it, over all starts of the trial's training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from trainyard.records.searches import Direction, Objective
from trainyard.records.trainings import SeriesPoints

from trainyard_service.trainings.curves import CurveReader, Window

_FEW = 10
_DRAWN = 400
Instances = Sequence[tuple[str, str]]
"""Training and instance, in the order they were started."""


@dataclass(frozen=True)
class Told:
    """How often the objective was reported, and its value; None: never, or never as a finite number."""

    reports: int
    value: float | None


def reports(curves: CurveReader, instances: Instances, objective: Objective) -> int:
    """How often the objective was reported; reads no points."""
    return sum(one.total for one in _series(curves, instances, objective, _FEW))


def so_far(curves: CurveReader, instances: Instances, objective: Objective) -> Told:
    """What a running trial has reached; minima and maxima of a long curve are in its few points."""
    series = _series(curves, instances, objective, _DRAWN)
    values = [np.array([np.nan if one is None else one for one in part.values], dtype=float) for part in series]
    return Told(sum(part.total for part in series), judged(values, objective))


def exact(curves: CurveReader, instances: Instances, objective: Objective, first: int | None = None) -> Told:
    """What a trial has reached, of every point, or of the ``first`` so many."""
    seen, values = 0, []
    for part in _pieces(curves, instances, objective.tag):
        taken = part if first is None else part[: first - seen]
        seen += len(taken)
        values.append(_summary(taken, objective))
        if first is not None and seen >= first:
            break
    return Told(seen, judged(values, objective))


def judged(parts: Sequence[NDArray[np.float64]], objective: Objective) -> float | None:
    """The objective's value of a curve in pieces: its best finite point, or its last one if that is finite."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return None
    if objective.value == "last":
        last = float(parts[-1][-1])
        return last if np.isfinite(last) else None
    finite = [part[np.isfinite(part)] for part in parts]
    best = [float(_best(part, objective)) for part in finite if len(part)]
    if not best:
        return None
    return max(best) if objective.direction is Direction.MAXIMIZE else min(best)


def reported(curves: CurveReader, instances: Instances) -> list[str]:
    """The names of all scalars that were reported, but for how far a run is."""
    found = {tag for training, instance in instances for tag in curves.newest(training, instance)}
    return sorted(tag for tag in found if not tag.startswith("progress/"))


def _summary(values: NDArray[np.float64], objective: Objective) -> NDArray[np.float64]:
    """As much of a piece as ``judged`` needs."""
    if objective.value == "last":
        return values[-1:]
    finite = values[np.isfinite(values)]
    return np.array([_best(finite, objective)]) if len(finite) else values[:0]


def _best(values: NDArray[np.float64], objective: Objective) -> np.float64:
    best: np.float64 = values.max() if objective.direction is Direction.MAXIMIZE else values.min()
    return best


def _series(curves: CurveReader, instances: Instances, objective: Objective, points: int) -> list[SeriesPoints]:
    window = Window((objective.tag,), points)
    return [one for training, instance in instances for one in curves.series(training, instance, window)]


def _pieces(curves: CurveReader, instances: Instances, tag: str) -> Iterator[NDArray[np.float64]]:
    for training, instance in instances:
        for _, points in curves.pieces(training, instance, [tag]):
            yield points.values.astype(float)
