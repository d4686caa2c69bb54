"""Mirroring and turning."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from trainyard.graph.operations.operation import Geometry, Matrix, Operation, Pixels, Size
from trainyard.graph.operations.parameters import Parameter
from trainyard.graph.operations.warp import FILL, about_middle, by_warp
from trainyard.words import N_


class Nothing(NamedTuple):
    """An operation in which nothing is left to chance."""


class Rotated(NamedTuple):
    """``angle`` in degrees clockwise."""

    angle: float
    expand: bool = False
    fill: str = "black"


def _flip(picture: Pixels, drawn: Nothing) -> Pixels:
    return np.asarray(cv2.flip(picture, 0), dtype=np.uint8)


def _flip_geometry(drawn: Nothing, size: Size) -> Geometry:
    return Geometry(np.array([[1, 0, 0], [0, -1, size.height], [0, 0, 1]], dtype=np.float64), size)


def _flop(picture: Pixels, drawn: Nothing) -> Pixels:
    return np.asarray(cv2.flip(picture, 1), dtype=np.uint8)


def _flop_geometry(drawn: Nothing, size: Size) -> Geometry:
    return Geometry(np.array([[-1, 0, size.width], [0, 1, 0], [0, 0, 1]], dtype=np.float64), size)


def _rotate_geometry(drawn: Rotated, size: Size) -> Geometry:
    turn = np.radians(drawn.angle)
    cosine, sine = float(np.cos(turn)), float(np.sin(turn))
    matrix: Matrix = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], dtype=np.float64)
    after = _around(size, abs(cosine), abs(sine)) if drawn.expand else size
    return Geometry(about_middle(matrix, size, after), after, drawn.fill)


def _around(size: Size, cosine: float, sine: float) -> Size:
    """The size that holds the whole turned picture; what is less than a thousandth of a pixel too much is cut off."""
    width = size.width * cosine + size.height * sine
    height = size.width * sine + size.height * cosine
    return Size(max(1, int(np.ceil(width - 1e-3))), max(1, int(np.ceil(height - 1e-3))))


FLIP = Operation(
    name="flip",
    title=N_("Flip"),
    group="geometry",
    text=N_("Turns the picture upside down."),
    drawn=Nothing,
    apply=_flip,
    geometry=_flip_geometry,
)
FLOP = Operation(
    name="flop",
    title=N_("Flop"),
    group="geometry",
    text=N_("Mirrors the picture left to right."),
    drawn=Nothing,
    apply=_flop,
    geometry=_flop_geometry,
)
ROTATE = Operation(
    name="rotate",
    title=N_("Rotate"),
    group="geometry",
    text=N_("Turns the picture about its middle."),
    drawn=Rotated,
    apply=by_warp(_rotate_geometry),
    geometry=_rotate_geometry,
    parameters=(
        Parameter(
            name="angle",
            title=N_("Angle"),
            kind="range",
            default=(-90.0, 90.0),
            minimum=-180,
            maximum=180,
            step=0.1,
            unit="°",
            text=N_("Clockwise; negative angles turn anticlockwise."),
        ),
        Parameter(
            name="expand",
            title=N_("Grow to hold everything"),
            kind="flag",
            default=False,
            text=N_("Otherwise the picture keeps its size and loses its corners."),
        ),
        FILL,
    ),
)
