"""``trainyard train metrics``: the numbers behind the curves."""

from __future__ import annotations

import csv
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from trainyard.cli.call import Json, find, signed_in
from trainyard.cli.show import as_json, as_table
from trainyard.cli.training import Which, train
from trainyard.metrics.export import harmless
from trainyard.words import N_

if TYPE_CHECKING:
    from trainyard.records.trainings import SeriesPoints


@train.command()
def metrics(
    training: Which,
    instance: Annotated[str, typer.Option(help="A run of the script; the newest by default.")] = "",
    tags: Annotated[str, typer.Option(help="Only these, with commas, such as loss/train.")] = "",
    points: Annotated[int, typer.Option(min=10, max=20_000, help="About so many of each.")] = 500,
    as_csv: Annotated[bool, typer.Option("--csv", help="Every point: tag, step, time, value.")] = False,
    json: Json = False,
) -> None:
    """Accuracy, loss and every other scalar: first, last, lowest and highest value."""
    from trainyard.errors import NotFound

    with signed_in() as client:
        found = client.training(find(client, "trainings", training))
        chosen = instance or (found.instances[-1].id if found.instances else "")
        if not chosen:
            raise NotFound("no-instance", N_("The training {name} has reported nothing yet."), name=found.name)
        curves = client.curves(chosen, points, tags)
    if json:
        return as_json(curves)
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(("tag", "step", "time", "value"))
        for one in curves.series:
            writer.writerows((harmless(one.tag), *row) for row in zip(one.steps, one.times, one.values, strict=True))
        return None
    return as_table(("tag", "points", "first", "last", "lowest", "highest"), [_row(one) for one in curves.series])


def _row(one: SeriesPoints) -> tuple[object, ...]:
    values = [value for value in one.values if value is not None]
    if not values:
        return (one.tag, one.total, "", "", "", "")
    return (one.tag, one.total, *map(_measure, (values[0], values[-1], min(values), max(values))))


def _measure(value: float) -> str:
    """Four digits, or three and an exponent, so that a line fits 80 columns; whole numbers are not rounded."""
    size = abs(value)
    if size and not 1e-3 <= size < 1e6:
        return f"{value:.2e}"
    return f"{value:.0f}" if size >= 1000 else f"{value:.4g}"
