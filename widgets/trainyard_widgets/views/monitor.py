"""The monitor page: tiles with the newest numbers, charts ready to draw, hyper-parameters as a flat table."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from trainyard.metrics.tags import BATCHES_PER_EPOCH, CURVES, EPOCH, PROGRESS, SAMPLES_PER_SECOND
from trainyard.records.trainings import Curves, Instance, SeriesPoints, Training

from trainyard_widgets.views.trainings import epoch_shown, instance_view, row

QUIET_AFTER = 300
"""Seconds without a line of output after which the page warns that a training may be stuck."""


def monitor_view(training: Training, chosen: str | None, language: str) -> dict[str, Any]:
    """The training, the instance looked at (the newest unless ``chosen``) and its tiles."""
    instance = pick(training.instances, chosen)
    return {
        "training": row(training, language),
        "instance": instance_view(instance) if instance else None,
        "tiles": tiles(instance),
        "parameters": flat(instance.parameters if instance and instance.parameters else training.parameters),
        "quiet_after": QUIET_AFTER,
    }


def pick(instances: list[Instance], chosen: str | None) -> Instance | None:
    """The instance whose id is ``chosen``, else the one started last."""
    for instance in instances:
        if instance.id == chosen:
            return instance
    return max(instances, key=lambda one: one.started, default=None)


def tiles(instance: Instance | None) -> dict[str, Any]:
    """What the tiles show; a value that is not known yet is None, so that a tile keeps its place."""
    if instance is None:
        return dict.fromkeys(("epoch", "epochs", "batch", "samples_per_second", "elapsed", "remaining", "last_output"))
    return {
        "epoch": epoch_shown(instance),
        "epochs": instance.epochs,
        "batch": instance.batch,
        "samples_per_second": instance.samples_per_second,
        "elapsed": instance.elapsed,
        "remaining": instance.remaining,
        "last_output": instance.last_output.isoformat() if instance.last_output else None,
    }


def flat(parameters: dict[str, Any], prefix: str = "") -> list[dict[str, str]]:
    """Nested parameters as rows ``{name: "optimizer.lr", value: "0.1"}``, in the order they were written."""
    rows: list[dict[str, str]] = []
    for name, value in parameters.items():
        if isinstance(value, dict) and value:
            rows += flat(value, f"{prefix}{name}.")
        else:
            rows.append({"name": prefix + name, "value": _text(value)})
    return rows


def curves_view(curves: Curves) -> dict[str, Any]:
    """Charts with their series; each point has a step, seconds since the first point, and an epoch where that is known."""
    by_tag = {series.tag: series for series in curves.series}
    origin = min((series.times[0] for series in curves.series if series.times), default=0.0)
    epochs = _epoch_of_step(by_tag)
    groups = [(name, [tag for tag in tags if tag in by_tag]) for name, tags in CURVES.items()]
    known = {tag for tags in CURVES.values() for tag in tags} | set(PROGRESS)
    groups.append(("throughput", [tag for tag in (SAMPLES_PER_SECOND,) if tag in by_tag]))
    groups += [(tag, [tag]) for tag in by_tag if tag not in known and tag != BATCHES_PER_EPOCH]
    return {
        "instance": curves.instance,
        "charts": [{"name": name, "series": [_series(by_tag[tag], origin, epochs) for tag in tags]} for name, tags in groups],
        "snapshots": [
            mark.model_dump() | {"epochs": epochs(mark.step), "seconds": _seconds_at(mark.step, by_tag, origin)}
            for mark in curves.snapshots
        ],
    }


def _series(series: SeriesPoints, origin: float, epochs: Any) -> dict[str, Any]:
    return {
        "tag": series.tag,
        "steps": series.steps,
        "seconds": [round(time - origin, 2) for time in series.times],
        "epochs": [epochs(step) for step in series.steps],
        "values": [None if value is None else float(f"{value:.6g}") for value in series.values],
        "total": series.total,
    }


def _epoch_of_step(by_tag: dict[str, SeriesPoints]) -> Any:
    """A function from cumulative batch to epochs done (a real number), by batches per epoch or by the epoch's own series."""
    per_epoch = next((value for value in reversed(_values(by_tag.get(BATCHES_PER_EPOCH))) if value), None)
    if per_epoch:
        return lambda step: round(step / per_epoch, 3)
    progress = by_tag.get(EPOCH)
    if progress is None or not progress.steps:
        return lambda _step: None
    return lambda step: progress.values[max(0, bisect_right(progress.steps, step) - 1)]


def _seconds_at(step: int, by_tag: dict[str, SeriesPoints], origin: float) -> float | None:
    """When ``step`` was reached, by the series with the most points."""
    longest = max(by_tag.values(), key=lambda series: len(series.steps), default=None)
    if longest is None or not longest.steps:
        return None
    return round(longest.times[max(0, bisect_right(longest.steps, step) - 1)] - origin, 2)


def _values(series: SeriesPoints | None) -> list[float | None]:
    return series.values if series else []


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
