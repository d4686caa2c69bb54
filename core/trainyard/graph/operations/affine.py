"""Scaling, moving and slanting what a picture shows, in a frame that stays as it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trainyard.graph.operations.operation import Geometry, Matrix, Operation, Size, between
from trainyard.graph.operations.parameters import Choice, Parameter, Values
from trainyard.graph.operations.warp import FILL, about_middle, by_warp
from trainyard.words import N_

AXIS = Parameter(
    name="axis",
    title=N_("Direction"),
    kind="choice",
    default="x",
    choices=(Choice("x", N_("Across")), Choice("y", N_("Down")), Choice("both", N_("Both"))),
)
FACTOR = Parameter(
    name="factor",
    title=N_("Factor"),
    kind="range",
    default=(0.5, 1.5),
    minimum=0.1,
    maximum=10,
    unit="×",
    text=N_("Below 1 the content shrinks, above 1 it grows. In both directions the factor is the same."),
)
DISTANCE = Parameter(
    name="distance",
    title=N_("Distance"),
    kind="range",
    default=(-20.0, 20.0),
    minimum=-100,
    maximum=100,
    step=0.1,
    unit="%",
    text=N_("Of the picture's width or height; to the right and down, negative to the left and up."),
)
SLANT = Parameter(
    name="angle",
    title=N_("Angle"),
    kind="range",
    default=(-30.0, 30.0),
    minimum=-75,
    maximum=75,
    step=0.1,
    unit="°",
    text=N_("By how much upright lines (across) or level lines (down) lean."),
)


class Scaled(NamedTuple):
    """Factors across and down."""

    across: float
    down: float
    fill: str = "black"


class Moved(NamedTuple):
    """Per cent of the width and of the height."""

    across: float
    down: float
    fill: str = "black"


class Slanted(NamedTuple):
    """Degrees across and down."""

    across: float
    down: float
    fill: str = "black"


def _draw_scale(rng: np.random.Generator, values: Values) -> Scaled:
    factor = between(rng, FACTOR, values["factor"])
    axis = values["axis"]
    return Scaled(factor if axis != "y" else 1.0, factor if axis != "x" else 1.0, values["fill"])


def _scale(drawn: Scaled, size: Size) -> Geometry:
    matrix: Matrix = np.diag([drawn.across, drawn.down, 1.0])
    return Geometry(about_middle(matrix, size, size), size, drawn.fill)


def _pair(rng: np.random.Generator, parameter: Parameter, values: Values) -> tuple[float, float]:
    """One number across and one down, 0 for the direction that is not meant."""
    pair = between(rng, parameter, values[parameter.name]), between(rng, parameter, values[parameter.name])
    return (pair[0] if values["axis"] != "y" else 0.0), (pair[1] if values["axis"] != "x" else 0.0)


def _draw_translate(rng: np.random.Generator, values: Values) -> Moved:
    return Moved(*_pair(rng, DISTANCE, values), values["fill"])


def _translate(drawn: Moved, size: Size) -> Geometry:
    """By whole pixels, so that nothing is interpolated."""
    x, y = round(drawn.across / 100 * size.width), round(drawn.down / 100 * size.height)
    return Geometry(np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=np.float64), size, drawn.fill)


def _draw_shear(rng: np.random.Generator, values: Values) -> Slanted:
    return Slanted(*_pair(rng, SLANT, values), values["fill"])


def _shear(drawn: Slanted, size: Size) -> Geometry:
    """Across first, then down: the product never folds the picture to a line."""
    across, down = (float(np.tan(np.radians(angle))) for angle in (drawn.across, drawn.down))
    matrix: Matrix = np.array([[1, 0, 0], [down, 1, 0], [0, 0, 1]]) @ np.array([[1, across, 0], [0, 1, 0], [0, 0, 1]])
    return Geometry(about_middle(matrix, size, size), size, drawn.fill)


SCALE = Operation(
    name="scale",
    title=N_("Scale"),
    group="geometry",
    text=N_("Enlarges or shrinks the content about the middle; the picture keeps its size."),
    drawn=Scaled,
    choose=_draw_scale,
    apply=by_warp(_scale),
    geometry=_scale,
    parameters=(AXIS, FACTOR, FILL),
)
TRANSLATE = Operation(
    name="translate",
    title=N_("Translate"),
    group="geometry",
    text=N_("Moves the content; the picture keeps its size."),
    drawn=Moved,
    choose=_draw_translate,
    apply=by_warp(_translate),
    geometry=_translate,
    parameters=(AXIS, DISTANCE, FILL),
)
SHEAR = Operation(
    name="shear",
    title=N_("Shear"),
    group="geometry",
    text=N_("Slants the content about the middle; the picture keeps its size."),
    drawn=Slanted,
    choose=_draw_shear,
    apply=by_warp(_shear),
    geometry=_shear,
    parameters=(AXIS, SLANT, FILL),
)
