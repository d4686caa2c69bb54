"""Trainings side by side: what they were given, and where each scalar ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from trainyard.records.monitoring import ComparedRun, Comparison
from trainyard.records.trainings import InstanceState, SeriesPoints

from trainyard_service.database.base import now
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.trainings.curves import CurveReader, Window

MOST = 20
_ALL = Window(points=200)
_MISSING = object()

_LESS = ("loss", "error", "mse", "mae", "perplexity", "损失", "误差", "错误")
_MORE = (
    "acc", "precision", "recall", "f1", "auc", "map", "iou", "dice", "bleu", "rouge", "score", "reward",
    "准确", "精度", "精确", "召回", "得分", "奖励",
)  # fmt: skip


def newest(row: TrainingRow) -> InstanceRow | None:
    """The instance a training is compared by."""
    return max(row.instances, key=lambda one: one.started, default=None)


def flat(parameters: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested parameters with dotted names."""
    found: dict[str, Any] = {}
    for name, value in parameters.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def compare(curves: CurveReader, rows: Sequence[TrainingRow]) -> Comparison:
    """The trainings in the order asked for."""
    chosen = [newest(row) for row in rows]
    found = iter(curves.of_many([(one.training_id, one.id) for one in chosen if one], _ALL))
    runs = [_run(row, one, next(found) if one else []) for row, one in zip(rows, chosen, strict=True)]
    return Comparison(runs=runs, differing=differing([run.parameters for run in runs]))


def differing(tables: Sequence[dict[str, Any]]) -> list[str]:
    """Names whose values are not the same in all."""
    names = dict.fromkeys(name for table in tables for name in table)
    return [name for name in names if any(table.get(name, _MISSING) != tables[0].get(name, _MISSING) for table in tables)]


def _run(row: TrainingRow, instance: InstanceRow | None, series: list[SeriesPoints]) -> ComparedRun:
    return ComparedRun(
        training=row.id,
        name=row.name,
        instance=instance.id if instance else None,
        state=row.job.state,
        owner=row.owner.name,
        elapsed=_elapsed(row, instance),
        parameters=flat((instance.parameters if instance else {}) or row.parameters),
        metrics={one.tag: one.values[-1] for one in series if one.values},
        best={one.tag: _best(one) for one in series if one.values and _judged(one.tag)},
    )


def _elapsed(row: TrainingRow, instance: InstanceRow | None) -> float | None:
    """Seconds; a program that only prints has no instance, and took what its job took."""
    if instance is not None:
        end = instance.stopped or (now() if instance.state == InstanceState.RUNNING else instance.started)
        return (end - instance.started).total_seconds()
    job = row.job
    return ((job.ended or now()) - job.started).total_seconds() if job.started else None


def _judged(tag: str) -> bool:
    """Whether a run is better for more, or for less, of it: a learning rate or a norm is only what it is."""
    return any(word in tag.lower() for word in (*_LESS, *_MORE))


def _best(series: SeriesPoints) -> float | None:
    """The lowest of what is lost, the highest of everything else."""
    values = [value for value in series.values if value is not None and math.isfinite(value)]
    if not values:
        return None
    less_is_better = any(word in series.tag.lower() for word in _LESS)
    return min(values) if less_is_better else max(values)
