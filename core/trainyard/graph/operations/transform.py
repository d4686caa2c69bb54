"""A chain of operations on one picture and its marks: draw what is done, do it to the pixels, do it to the marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from trainyard.errors import Invalid
from trainyard.graph.operations.annotations import MIN_VISIBLE, Mark, tracks
from trainyard.graph.operations.fuse import rendered
from trainyard.graph.operations.operation import Operation, Pixels, Size, mapped
from trainyard.graph.operations.parameters import Values, checked
from trainyard.graph.operations.registry import OPERATIONS
from trainyard.graph.operations.script import Chosen
from trainyard.words import N_


class Step(NamedTuple):
    """One operation as a graph asks for it: checked values, and how probable it is that a picture undergoes it."""

    operation: Operation[Any]
    values: Values
    probability: float = 1.0


class Transformed(NamedTuple):
    """A new picture. ``marks`` are as many as went in, in the same order; None for one of which too little is left."""

    picture: Pixels
    marks: tuple[Mark | None, ...]
    chosen: tuple[Chosen, ...]


def step(name: str, parameters: Mapping[str, Any] | None = None, probability: Any = 1.0) -> Step:
    """One operation of a graph, checked.

    Raises:
        Invalid: no such operation (field ``op``), a parameter that it does not take (field: its name), or no probability.
    """
    operation = OPERATIONS.get(name)
    if operation is None:
        sentence, hint = N_("There is no operation {name}."), N_("There are: {known}.")
        raise Invalid("operation-unknown", sentence, hint=hint, field="op", name=name, known=", ".join(OPERATIONS))
    if isinstance(probability, bool) or not isinstance(probability, int | float) or not 0 <= probability <= 1:
        sentence = N_("The probability is {value}; it must be a number between 0 and 1.")
        raise Invalid("probability", sentence, field="probability", value=str(probability)[:80])
    return Step(operation, checked(name, operation.parameters, parameters or {}), float(probability))


def choose(
    steps: Sequence[Step], rng: np.random.Generator, mode: Literal["sequence", "choice"] = "sequence"
) -> tuple[Chosen, ...]:
    """What is done to one picture: every step with its probability, or one step, weighted by the probabilities."""
    if mode == "choice":
        weights = np.array([one.probability for one in steps], dtype=np.float64)
        if not weights.sum():
            return ()
        steps = [steps[int(rng.choice(len(steps), p=weights / weights.sum()))]._replace(probability=1.0)]
    return tuple(Chosen(one.operation, one.operation.draw(rng, one.values)) for one in steps if rng.random() < one.probability)


def render(picture: Pixels, chosen: Sequence[Chosen]) -> Pixels:
    """The picture that is made of ``picture``; the result may share memory with it when nothing was changed."""
    return rendered(picture, chosen)


def move(
    marks: Iterable[Mark], chosen: Sequence[Chosen], size: Size, min_visible: float = MIN_VISIBLE
) -> tuple[Mark | None, ...]:
    """Where ``marks`` of a picture of ``size`` lie in the picture that is made of it; None for those that have left it."""
    there = tracks(marks, size)
    for operation, drawn in chosen:
        if not there.marks:
            break
        if operation.geometry is not None:
            geometry = operation.geometry(drawn, size)
            there, size = there.moved(partial(mapped, geometry.matrix), geometry.size), geometry.size
        elif operation.bend is not None:
            there = there.moved(partial(operation.move, drawn=drawn, size=size), size, bends=True)
    return there.settled(min_visible)


def size_after(chosen: Iterable[Chosen], size: Size) -> Size:
    """The size of the picture that is made of one of ``size``."""
    for operation, drawn in chosen:
        size = operation.size_after(drawn, size)
    return size


def transform(picture: Pixels, marks: Sequence[Mark], steps: Sequence[Step], rng: np.random.Generator) -> Transformed:
    """Draw, render and move in one."""
    chosen = choose(steps, rng)
    size = Size(picture.shape[1], picture.shape[0])
    return Transformed(render(picture, chosen), move(marks, chosen, size), chosen)
