"""What a picture of curves shows: a chart for every scalar, in it a line for every run, each run in one colour throughout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from trainyard.errors import Invalid
from trainyard.metrics.epochs import epochs_of
from trainyard.metrics.tags import BATCHES_PER_EPOCH, EPOCH
from trainyard.records.trainings import SeriesPoints
from trainyard.words import N_

Axis = Literal["step", "epoch", "time"]
AXES: dict[Axis, str] = {"step": "step", "epoch": "epoch", "time": "minutes since the first point"}
OF_EPOCHS = (EPOCH, BATCHES_PER_EPOCH)
"""What tells the epochs of a run; read too where only some scalars are asked for."""
_MOST_CHARTS = 24
_PROGRESS = "progress/"


def labels(runs: Sequence[tuple[str, str]]) -> list[str]:
    """What each run, a name and an instance, is called; runs of one name are told apart by the instance's first digits."""
    names = Counter(name for name, _ in runs)
    return [name if names[name] == 1 else f"{name} {instance[:6]}" for name, instance in runs]


def charts_of(names: Sequence[str], found: Sequence[Sequence[SeriesPoints]], x: Axis) -> list[dict[str, Any]]:
    """A chart for every tag, a line for every run that has it; ``place`` says which colour is the run's.

    Raises:
        Invalid: too many charts, or epochs are asked for and no run tells them.
    """
    tags = list(dict.fromkeys(one.tag for series in found for one in series if not one.tag.startswith(_PROGRESS)))
    if len(tags) > _MOST_CHARTS:
        raise Invalid(
            "too-many-charts",
            N_("{count} scalars are too many for one picture; it may have {limit}."),
            hint=N_("Name the ones you want in tags."),
            field="tags",
            count=len(tags),
            limit=_MOST_CHARTS,
        )
    lines = [line for place, name in enumerate(names) for line in _lines(place, name, found[place], x)]
    if tags and not lines:
        raise Invalid("no-epochs", N_("None of these runs tells its epochs."), hint=N_("Draw them by step or time."), field="x")
    return [{"title": tag, "lines": [line for line in lines if line["tag"] == tag]} for tag in tags]


def _lines(place: int, name: str, series: Sequence[SeriesPoints], x: Axis) -> list[dict[str, Any]]:
    epochs = epochs_of({one.tag: one for one in series})
    origin = min((one.times[0] for one in series if one.times), default=0.0)

    def across(one: SeriesPoints) -> list[Any]:
        if x == "time":
            return [(moment - origin) / 60 for moment in one.times]
        return [epochs(step) for step in one.steps] if x == "epoch" else list(one.steps)

    drawn: Iterator[dict[str, Any]] = (
        {"tag": one.tag, "label": name, "place": place, "x": across(one), "values": one.values} for one in series
    )
    return [line for line in drawn if not line["tag"].startswith(_PROGRESS) and None not in line["x"]]
