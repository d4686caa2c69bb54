"""Brightness and contrast: one table of 256 values a picture, and equalising by the picture's own histogram."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from trainyard.graph.operations.operation import Operation, Pixels, Table, between
from trainyard.graph.operations.parameters import Choice, Parameter, Values
from trainyard.words import N_

GAMMA = Parameter(
    name="gamma",
    title=N_("Exponent"),
    kind="range",
    default=(0.7, 1.7),
    minimum=0.1,
    maximum=10,
    text=N_("Below 1 brightens dark parts, above 1 darkens them."),
    when=("func", ("gamma",)),
)
GAIN = Parameter(
    name="gain",
    title=N_("Steepness"),
    kind="range",
    default=(5.0, 10.0),
    minimum=0.1,
    maximum=50,
    step=0.1,
    text=N_("How much the middle greys are pulled apart."),
    when=("func", ("sigmoid",)),
)
CUTOFF = Parameter(
    name="cutoff",
    title=N_("Middle"),
    kind="range",
    default=(0.4, 0.6),
    minimum=0,
    maximum=1,
    text=N_("The grey that becomes the middle grey; 0 is black, 1 is white."),
    when=("func", ("sigmoid",)),
)
FACTOR = Parameter(
    name="factor",
    title=N_("Factor"),
    kind="range",
    default=(0.6, 1.4),
    minimum=0,
    maximum=5,
    unit="×",
    text=N_("Below 1 less, above 1 more."),
    when=("func", ("log", "linear")),
)
_AMOUNTS = {"gamma": GAMMA, "sigmoid": GAIN, "log": FACTOR, "linear": FACTOR}


class Brightened(NamedTuple):
    """What is added in grey levels, after multiplying."""

    add: float
    multiply: float = 1.0


class Contrasted(NamedTuple):
    """``amount`` is the exponent, the steepness or the factor, as ``func`` needs it."""

    func: str
    amount: float
    cutoff: float = 0.5


class Equalised(NamedTuple):
    """Over the whole picture, or (adaptive) in 8 × 8 parts whose contrast is limited."""

    adaptive: bool = False
    limit: float = 2.0


def _brightness(drawn: Brightened) -> Table:
    return _rounded(_GREYS * drawn.multiply + drawn.add)


def _draw_contrast(rng: np.random.Generator, values: Values) -> Contrasted:
    func = values["func"]
    amount = between(rng, _AMOUNTS[func], values[_AMOUNTS[func].name])
    return Contrasted(func, amount, between(rng, CUTOFF, values["cutoff"]) if func == "sigmoid" else 0.5)


def _contrast(drawn: Contrasted) -> Table:
    share = _GREYS / 255
    if drawn.func == "gamma":
        return _rounded(255 * share**drawn.amount)
    if drawn.func == "sigmoid":
        return _rounded(255 / (1 + np.exp(drawn.amount * (drawn.cutoff - share))))
    if drawn.func == "log":
        return _rounded(255 * drawn.amount * np.log2(1 + share))
    return _rounded(127.5 + drawn.amount * (_GREYS - 127.5))


def looked_up(picture: Pixels, table: Table) -> Pixels:
    """Every value of ``picture`` replaced by its value in ``table``."""
    return np.asarray(cv2.LUT(picture, table), dtype=np.uint8)


def _brighten(picture: Pixels, drawn: Brightened) -> Pixels:
    return looked_up(picture, _brightness(drawn))


def _set_contrast(picture: Pixels, drawn: Contrasted) -> Pixels:
    return looked_up(picture, _contrast(drawn))


def _equalise(picture: Pixels, drawn: Equalised) -> Pixels:
    """Only the brightness is equalised; colours keep their hue."""
    if picture.ndim == 2:
        return _equalised(picture, drawn)
    apart = cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb)
    luma = _equalised(np.asarray(cv2.extractChannel(apart, 0), dtype=np.uint8), drawn)
    return np.asarray(cv2.cvtColor(cv2.insertChannel(luma, apart, 0), cv2.COLOR_YCrCb2BGR), dtype=np.uint8)


def _equalised(grey: Pixels, drawn: Equalised) -> Pixels:
    if drawn.adaptive:
        return np.asarray(cv2.createCLAHE(drawn.limit, (8, 8)).apply(grey), dtype=np.uint8)
    return np.asarray(cv2.equalizeHist(grey), dtype=np.uint8)


_GREYS: npt.NDArray[np.float64] = np.arange(256, dtype=np.float64)


def _rounded(values: npt.NDArray[np.float64]) -> Table:
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


BRIGHTNESS = Operation(
    name="brightness",
    title=N_("Brightness"),
    group="light",
    text=N_("Makes the picture brighter or darker."),
    drawn=Brightened,
    apply=_brighten,
    table=_brightness,
    parameters=(
        Parameter(
            name="add",
            title=N_("Added"),
            kind="range",
            default=(-40.0, 40.0),
            minimum=-255,
            maximum=255,
            step=1,
            text=N_("Grey levels of 0 to 255; negative ones darken."),
        ),
        Parameter(
            name="multiply",
            title=N_("Multiply"),
            kind="range",
            default=(1.0, 1.0),
            minimum=0,
            maximum=5,
            unit="×",
            text=N_("Done before adding."),
        ),
    ),
)
CONTRAST = Operation(
    name="contrast",
    title=N_("Contrast"),
    group="light",
    text=N_("Pulls greys apart or together along a curve."),
    drawn=Contrasted,
    choose=_draw_contrast,
    apply=_set_contrast,
    table=_contrast,
    parameters=(
        Parameter(
            name="func",
            title=N_("Curve"),
            kind="choice",
            default="gamma",
            choices=(
                Choice("gamma", N_("Gamma")),
                Choice("sigmoid", N_("Sigmoid")),
                Choice("log", N_("Logarithm")),
                Choice("linear", N_("Linear")),
            ),
        ),
        GAMMA,
        GAIN,
        CUTOFF,
        FACTOR,
    ),
)
EQUALISE = Operation(
    name="equalise",
    title=N_("Equalise the histogram"),
    group="light",
    text=N_("Spreads the brightness evenly from black to white."),
    drawn=Equalised,
    apply=_equalise,
    parameters=(
        Parameter(
            name="adaptive",
            title=N_("In parts"),
            kind="flag",
            default=False,
            text=N_("In 8 × 8 parts of the picture, with limited contrast (CLAHE)."),
        ),
        Parameter(
            name="limit",
            title=N_("Contrast limit"),
            kind="number",
            default=2.0,
            minimum=1,
            maximum=40,
            step=0.1,
            text=N_("How steep the curve may become when it is done in parts."),
        ),
    ),
)
