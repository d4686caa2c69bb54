"""The monitor page: tiles with the newest numbers, charts ready to draw, hyper-parameters as a flat table."""

from __future__ import annotations

import json
from bisect import bisect_right
from typing import Any

from trainyard.metrics.epochs import epochs_of
from trainyard.metrics.tags import BATCHES_PER_EPOCH, CURVES, PROGRESS, SAMPLES_PER_SECOND, is_loss
from trainyard.records.trainings import Curves, Instance, SeriesPoints, Training

from trainyard_widgets.views.trainings import instance_view, row


def monitor_view(training: Training, chosen: str | None, language: str) -> dict[str, Any]:
    """The training, the instance looked at (the newest unless ``chosen``) and its tiles."""
    instance = pick(training.instances, chosen)
    shown = row(training, language)
    unsaved = training.checkpoint is None
    return {
        # the list does not look for checkpoints, this page does: what cannot go on is not offered to
        "training": shown
        | {
            "unsaved": unsaved,
            "actions": [one for one in shown["actions"] if not (unsaved and one == "resume")],
        },
        "instance": instance_view(instance) if instance else None,
        "tiles": tiles(instance) | times(training, instance),
        "parameters": flat(instance.parameters if instance and instance.parameters else training.parameters),
        "quiet_after": training.quiet_after,
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
        return dict.fromkeys(("epoch", "epochs", "batch", "samples_per_second", "remaining"))
    return {
        "epoch": instance.epoch_under_way,
        "epochs": instance.epochs,
        "batch": instance.batch,
        "samples_per_second": instance.samples_per_second,
        "remaining": instance.remaining,
    }


def times(training: Training, instance: Instance | None) -> dict[str, Any]:
    """Since when the run shown goes on (None: it has ended), how long it took, and when the training last said something.

    A program that only prints has no instance: what it took is then what its job took.
    """
    job = training.job
    spoken = [one for one in (training.last_output, instance.last_output if instance else None) if one]
    elapsed = (job.ended - job.started).total_seconds() if job.ended and job.started else None
    since = None if job.ended else job.started
    if instance:
        since, elapsed = (instance.started if instance.state == "running" else None), instance.elapsed
    return {
        "since": since.isoformat() if since else None,
        "elapsed": elapsed,
        "last_output": max(spoken).isoformat() if spoken else None,
    }


def flat(parameters: dict[str, Any], prefix: str = "") -> list[dict[str, str]]:
    """Nested parameters as rows ``{name: "optimizer.lr", value: "0.1"}``, in the order they were written."""
    rows: list[dict[str, str]] = []
    for name, value in parameters.items():
        if isinstance(value, dict) and value:
            rows += flat(value, f"{prefix}{name}.")
        else:
            rows.append({"name": prefix + name, "value": value_text(value)})
    return rows


def curves_view(curves: Curves) -> dict[str, Any]:
    """Charts with their series; each point has a step, seconds since the first point, and an epoch where that is known."""
    by_tag = {series.tag: series for series in curves.series}
    origin = min((series.times[0] for series in curves.series if series.times), default=0.0)
    epochs = epochs_of(by_tag)
    groups = [(name, [tag for tag in tags if tag in by_tag]) for name, tags in CURVES.items()]
    known = {tag for tags in CURVES.values() for tag in tags} | set(PROGRESS)
    groups.append(("throughput", [tag for tag in (SAMPLES_PER_SECOND,) if tag in by_tag]))
    groups += [(tag, [tag]) for tag in by_tag if tag not in known and tag != BATCHES_PER_EPOCH]
    return {
        "instance": curves.instance,
        "charts": [
            {"name": name, "series": [chart_series(by_tag[tag], origin, epochs) for tag in tags]} for name, tags in groups
        ],
        "snapshots": [
            mark.model_dump() | {"epochs": epochs(mark.step), "seconds": _seconds_at(mark.step, by_tag, origin)}
            for mark in curves.snapshots
        ],
        "problems": curves.problems,
        "lost": [series.tag for series in curves.series if _lost(series)],
    }


def _lost(series: SeriesPoints) -> bool:
    """Whether a loss is no number any more: what is learnt from there on is nothing."""
    return is_loss(series.tag) and bool(series.values) and series.values[-1] is None


def chart_series(series: SeriesPoints, origin: float, epochs: Any) -> dict[str, Any]:
    """One line of a chart; ``origin`` is when the run wrote its first point, ``epochs`` tells them by step."""
    return {
        "tag": series.tag,
        "steps": series.steps,
        "seconds": [round(time - origin, 2) for time in series.times],
        "epochs": [epochs(step) for step in series.steps],
        "values": [None if value is None else float(f"{value:.6g}") for value in series.values],
        "total": series.total,
    }


def _seconds_at(step: int, by_tag: dict[str, SeriesPoints], origin: float) -> float | None:
    """When ``step`` was reached, by the series with the most points."""
    longest = max(by_tag.values(), key=lambda series: len(series.steps), default=None)
    if longest is None or not longest.steps:
        return None
    return round(longest.times[max(0, bisect_right(longest.steps, step) - 1)] - origin, 2)


def value_text(value: Any) -> str:
    """A parameter's value with every digit it has, so that two that differ look different; 1.0 is not 1."""
    if value is None:
        return "null"
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
