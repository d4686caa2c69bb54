"""Saturation, hue and greyscale, each a product of a matrix and a pixel.

The brightness (0.114 B + 0.587 G + 0.299 R) stays as it is. Grey pictures have no colour, and stay as they are.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from trainyard.graph.operations.operation import Operation, Pixels
from trainyard.graph.operations.parameters import Parameter
from trainyard.words import N_

Mixing = npt.NDArray[np.float64]
"""(3, 3): makes blue, green and red of blue, green and red."""
_LUMA = np.array([0.114, 0.587, 0.299])
_GREY: Mixing = np.tile(_LUMA, (3, 1))
_TO_YIQ = np.array([_LUMA, [-0.3213, -0.2744, 0.5957], [0.3112, -0.5226, 0.2114]])
_FROM_YIQ = np.linalg.inv(_TO_YIQ)


class Saturated(NamedTuple):
    """0 is grey, 1 is as it was."""

    factor: float


class Hued(NamedTuple):
    """Degrees on the circle of colours."""

    angle: float


class Greyed(NamedTuple):
    """1 is grey, 0 is as it was."""

    strength: float


def _saturation(picture: Pixels, drawn: Saturated) -> Pixels:
    return _mixed(picture, drawn.factor * np.eye(3) + (1 - drawn.factor) * _GREY)


def _hue(picture: Pixels, drawn: Hued) -> Pixels:
    turn = np.radians(drawn.angle)
    cosine, sine = np.cos(turn), np.sin(turn)
    return _mixed(picture, _FROM_YIQ @ np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]]) @ _TO_YIQ)


def _greyscale(picture: Pixels, drawn: Greyed) -> Pixels:
    if picture.ndim == 3 and drawn.strength == 1:
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    return _mixed(picture, (1 - drawn.strength) * np.eye(3) + drawn.strength * _GREY)


def _mixed(picture: Pixels, mixing: Mixing) -> Pixels:
    return picture if picture.ndim == 2 else np.asarray(cv2.transform(picture, mixing), dtype=np.uint8)


SATURATION = Operation(
    name="saturation",
    title=N_("Saturation"),
    group="colour",
    text=N_("Makes colours paler or stronger; brightness stays."),
    drawn=Saturated,
    apply=_saturation,
    parameters=(
        Parameter(
            name="factor",
            title=N_("Factor"),
            kind="range",
            default=(0.5, 1.5),
            minimum=0,
            maximum=5,
            unit="×",
            text=N_("0 is grey, 1 leaves the colours as they are."),
        ),
    ),
)
HUE = Operation(
    name="hue",
    title=N_("Hue"),
    group="colour",
    text=N_("Turns all colours on the circle of colours; brightness stays."),
    drawn=Hued,
    apply=_hue,
    parameters=(
        Parameter(
            name="angle",
            title=N_("Angle"),
            kind="range",
            default=(-20.0, 20.0),
            minimum=-180,
            maximum=180,
            step=1,
            unit="°",
            text=N_("120 makes green of red, blue of green and red of blue, about."),
        ),
    ),
)
GREYSCALE = Operation(
    name="greyscale",
    title=N_("Greyscale"),
    group="colour",
    text=N_("Takes the colour away; the picture keeps its three channels."),
    drawn=Greyed,
    apply=_greyscale,
    parameters=(
        Parameter(
            name="strength",
            title=N_("Strength"),
            kind="range",
            default=(1.0, 1.0),
            minimum=0,
            maximum=1,
            text=N_("1 is grey, 0 leaves the picture as it is."),
        ),
    ),
)
