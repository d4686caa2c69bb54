"""Blurring and sharpening."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from trainyard.graph.operations.operation import Operation, Pixels, between
from trainyard.graph.operations.parameters import Choice, Parameter, Values
from trainyard.words import N_

RADIUS = Parameter(
    name="radius",
    title=N_("Radius"),
    kind="range",
    default=(0.5, 2.0),
    minimum=0.1,
    maximum=30,
    step=0.1,
    unit="px",
    text=N_("Gauss: the standard deviation; average: half the edge of the square; motion: half the way."),
)
HEADING = Parameter(
    name="angle",
    title=N_("Angle"),
    kind="range",
    default=(0.0, 180.0),
    minimum=0,
    maximum=180,
    step=1,
    unit="°",
    text=N_("Of the way, clockwise from level."),
    when=("kind", ("motion",)),
)


Kernel = npt.NDArray[np.float32]


class Blurred(NamedTuple):
    """``radius`` in pixels; ``angle`` in degrees clockwise from level."""

    kind: str
    radius: float
    angle: float = 0.0


class Sharpened(NamedTuple):
    """By how much the difference to the blurred picture is added."""

    amount: float
    radius: float


def _draw_blur(rng: np.random.Generator, values: Values) -> Blurred:
    radius = between(rng, RADIUS, values["radius"])
    angle = between(rng, HEADING, values["angle"]) if values["kind"] == "motion" else 0.0
    return Blurred(values["kind"], radius, angle)


def _blur(picture: Pixels, drawn: Blurred) -> Pixels:
    if drawn.kind == "gauss":
        return _gauss(picture, drawn.radius)
    kernel = _way(drawn) if drawn.kind == "motion" else _square(drawn.radius)
    return np.asarray(cv2.filter2D(picture, -1, kernel), dtype=np.uint8)


def _gauss(picture: Pixels, deviation: float) -> Pixels:
    """Three deviations each way: what lies beyond adds less than a grey level.

    ``sepFilter2D`` takes half the time of ``GaussianBlur``, which is exact to the last bit; both differ by one level at most.
    """
    row = cv2.getGaussianKernel(2 * int(np.ceil(3 * deviation)) + 1, deviation)
    return np.asarray(cv2.sepFilter2D(picture, -1, row, row), dtype=np.uint8)


def _square(radius: float) -> Kernel:
    """A square whose outermost rows and columns count as far as ``radius`` reaches into them."""
    whole = int(np.ceil(radius))
    row = np.ones(2 * whole + 1)
    row[0] = row[-1] = radius - whole + 1
    square = np.outer(row, row)
    return np.asarray(square / square.sum(), dtype=np.float32)


def _way(drawn: Blurred) -> Kernel:
    """A line through the middle of a square: every pixel weighs by its distance to the line, up to one pixel."""
    whole = int(np.ceil(drawn.radius))
    down, across = np.mgrid[-whole : whole + 1, -whole : whole + 1]
    turn = np.radians(drawn.angle)
    along = across * np.cos(turn) + down * np.sin(turn)
    beside = down * np.cos(turn) - across * np.sin(turn)
    weight = np.clip(1 - np.abs(beside), 0, 1) * np.clip(drawn.radius + 1 - np.abs(along), 0, 1)
    return np.asarray(weight / weight.sum(), dtype=np.float32)


def _sharpen(picture: Pixels, drawn: Sharpened) -> Pixels:
    soft = _gauss(picture, drawn.radius)
    return np.asarray(cv2.addWeighted(picture, 1 + drawn.amount, soft, -drawn.amount, 0), dtype=np.uint8)


BLUR = Operation(
    name="blur",
    title=N_("Blur"),
    group="blur",
    text=N_("Makes the picture less sharp."),
    drawn=Blurred,
    choose=_draw_blur,
    apply=_blur,
    parameters=(
        Parameter(
            name="kind",
            title=N_("Kind"),
            kind="choice",
            default="gauss",
            choices=(Choice("gauss", N_("Gauss")), Choice("average", N_("Average")), Choice("motion", N_("Motion"))),
        ),
        RADIUS,
        HEADING,
    ),
)
SHARPEN = Operation(
    name="sharpen",
    title=N_("Sharpen"),
    group="blur",
    text=N_("Strengthens edges (unsharp masking)."),
    drawn=Sharpened,
    apply=_sharpen,
    parameters=(
        Parameter(
            name="amount",
            title=N_("Amount"),
            kind="range",
            default=(0.5, 1.5),
            minimum=0,
            maximum=10,
            unit="×",
            text=N_("How often the difference to the blurred picture is added."),
        ),
        Parameter(
            name="radius",
            title=N_("Radius"),
            kind="range",
            default=(1.0, 1.0),
            minimum=0.1,
            maximum=30,
            step=0.1,
            unit="px",
            text=N_("The standard deviation of the blur."),
        ),
    ),
)
