"""Runs side by side, what a job uses, and where on an axis a step is: plain data for the monitor's charts."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any

from trainyard.metrics.epochs import epochs_of
from trainyard.metrics.tags import BATCHES_PER_EPOCH, CURVES, PROGRESS
from trainyard.records.monitoring import ComparedRun, Comparison, JobUsage
from trainyard.records.trainings import Curves

from trainyard_widgets.views.monitor import chart_series, value_text

_HIDDEN = frozenset({*PROGRESS, BATCHES_PER_EPOCH})
_USAGE = {
    "cpu": ("cpu",),
    "memory": ("memory",),
    "gpu": ("gpu",),
    "gpu_memory": ("gpu_memory",),
    "disk": ("disk_read", "disk_write"),
    "network": ("network_in", "network_out"),
}
_AXES = {"epoch": ("epochs", 1.0), "time": ("seconds", 60.0)}


def comparison_view(found: Comparison) -> dict[str, Any]:
    """A table: a column for every run; rows of parameters (those that differ first) and of last and best values."""
    names = dict.fromkeys([*found.differing, *(name for run in found.runs for name in run.parameters)])
    tags = sorted({tag for run in found.runs for tag in run.metrics} - _HIDDEN)
    return {
        "runs": [run.model_dump(include={"training", "name", "instance", "state", "owner", "elapsed"}) for run in found.runs],
        "parameters": [
            {"name": name, "differs": name in found.differing, "values": [_shown(run.parameters, name) for run in found.runs]}
            for name in names
        ],
        "metrics": [_metric_row(found, tag) for tag in tags],
    }


def compared_curves(found: Comparison, curves: list[Curves]) -> dict[str, Any]:
    """A chart for every scalar with a line for every run."""
    runs = {run.instance: _named(place, run) for place, run in enumerate(found.runs)}
    charts: dict[str, dict[str, Any]] = {}
    for tag in [tag for tags in CURVES.values() for tag in tags] + [one.tag for each in curves for one in each.series]:
        if tag not in _HIDDEN:
            charts.setdefault(tag, {"name": tag, "series": []})
    for each in curves:
        by_tag = {one.tag: one for one in each.series}
        origin = min((one.times[0] for one in each.series if one.times), default=0.0)
        for tag, one in by_tag.items():
            if tag in charts:
                line = chart_series(one, origin, epochs_of(by_tag))
                charts[tag]["series"].append(line | runs[each.instance])
    return {"instance": "runs", "charts": [chart for chart in charts.values() if chart["series"]], "snapshots": []}


def usage_view(usage: JobUsage) -> dict[str, Any]:
    """Charts of what the machine told; what it never told has none. ``limit`` is what the job may use of it, where known."""
    limits = {"cpu": usage.cpu_limit, "memory": usage.memory_limit, "gpu": 1.0, "gpu_memory": usage.gpu_memory_limit}
    origin = usage.times[0] if usage.times else 0.0
    begins = set(usage.attempts[1:])
    seconds = _apart([round(moment - origin, 1) for moment in usage.times], begins, between=True)
    charts = []
    for name, fields in _USAGE.items():
        columns = {field: _apart(getattr(usage, field), begins) for field in fields}
        series = [
            {"tag": field, "steps": seconds, "seconds": seconds, "epochs": [], "values": values, "total": len(values)}
            for field, values in columns.items()
            if any(value is not None for value in values)
        ]
        if series:
            charts.append({"name": name, "series": series, "limit": limits.get(name)})
    return {"job": usage.job, "charts": charts}


def _apart(values: list[Any], begins: set[int], *, between: bool = False) -> list[Any]:
    """``values`` with nothing, or the middle of both sides, where another attempt begins: no line joins two attempts."""
    told: list[Any] = []
    for place, value in enumerate(values):
        if place in begins and place:
            told.append((values[place - 1] + value) / 2 if between else None)
        told.append(value)
    return told


def steps_between(curves: dict[str, Any], axis: str, bounds: tuple[float, float]) -> tuple[int, int]:
    """The steps that stand between two places on an axis, so many that every series has all of its points there."""
    first, last = bounds
    if axis not in _AXES:
        return math.floor(first), math.ceil(last)
    field, scale = _AXES[axis]
    series = [one for chart in curves.get("charts", ()) for one in chart["series"] if all(x is not None for x in one[field])]
    ends = [_steps_of(one, one[field], first * scale, last * scale) for one in series if one["steps"]]
    return (min(begin for begin, _ in ends), max(end for _, end in ends)) if ends else (0, 2**62)


def _steps_of(series: dict[str, Any], places: list[float], first: float, last: float) -> tuple[int, int]:
    begin = max(0, bisect_left(places, first) - 1)
    end = min(len(places) - 1, bisect_left(places, last))
    return series["steps"][begin], series["steps"][end]


def _metric_row(found: Comparison, tag: str) -> dict[str, Any]:
    runs = found.runs
    return {"tag": tag, "last": [run.metrics.get(tag) for run in runs], "best": [run.best.get(tag) for run in runs]}


def _named(place: int, run: ComparedRun) -> dict[str, Any]:
    """What stands for a run on every chart; its place gives it the same colour on each."""
    return {"tag": run.training, "label": run.name, "place": place}


def _shown(parameters: dict[str, Any], name: str) -> str | None:
    return value_text(parameters[name]) if name in parameters else None
