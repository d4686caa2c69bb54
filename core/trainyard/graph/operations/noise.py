"""Noise of five kinds.

Added noise is drawn through a table: 16 random bits choose one of 65,536 values that lie as the distribution wants them.
That is three times as fast as drawing from the distribution, and reaches 4.2 standard deviations. Pictures are done in
strips, as the random numbers of a large one would take more memory than the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from statistics import NormalDist
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from trainyard.graph.operations.operation import Operation, Pixels, between, key_of
from trainyard.graph.operations.parameters import Choice, Parameter, Values
from trainyard.words import N_

STRIP = 1 << 20
_LEVELS = 1 << 16
_ADDED = ("gauss", "laplace", "poisson")
_REPLACED = ("impulse", "salt-and-pepper")
SCALE = Parameter(
    name="scale",
    title=N_("Strength"),
    kind="range",
    default=(1.0, 10.0),
    minimum=0,
    maximum=128,
    step=0.1,
    text=N_("Gauss: the standard deviation; Laplace: the mean distance; in grey levels of 0 to 255."),
    when=("kind", ("gauss", "laplace")),
)
RATE = Parameter(
    name="rate",
    title=N_("Mean"),
    kind="range",
    default=(2.0, 2.0),
    minimum=0,
    maximum=200,
    step=0.1,
    text=N_("How many grey levels are added on average."),
    when=("kind", ("poisson",)),
)
SHARE = Parameter(
    name="share",
    title=N_("Portion"),
    kind="range",
    default=(1.0, 1.0),
    minimum=0,
    maximum=100,
    unit="%",
    text=N_("How many pixels are replaced: by any value (impulse), or by black or white (salt and pepper)."),
    when=("kind", _REPLACED),
)


class Noisy(NamedTuple):
    """``amount`` is the scale, the rate or the share, as ``kind`` needs it; ``key`` gives the noise."""

    kind: str
    amount: float
    key: int
    offset: float = 0.0
    coloured: bool = False


def _draw(rng: np.random.Generator, values: Values) -> Noisy:
    kind = values["kind"]
    parameter = SHARE if kind in _REPLACED else RATE if kind == "poisson" else SCALE
    offset = values["offset"] if kind in ("gauss", "laplace") else 0.0
    return Noisy(kind, between(rng, parameter, values[parameter.name]), key_of(rng), offset, values["coloured"])


def _noise(picture: Pixels, drawn: Noisy) -> Pixels:
    rng = np.random.Generator(np.random.SFC64(drawn.key))
    made = np.empty_like(picture)
    for rows in _strips(picture):
        made[rows] = (_added if drawn.kind in _ADDED else _replaced)(picture[rows], drawn, rng)
    return made


def _strips(picture: Pixels) -> Iterator[slice]:
    height = max(1, STRIP // max(1, picture[0].size))
    return (slice(top, top + height) for top in range(0, picture.shape[0], height))


def _added(strip: Pixels, drawn: Noisy, rng: np.random.Generator) -> Pixels:
    table = _table(drawn.kind, drawn.amount, drawn.offset)
    shape = strip.shape if drawn.coloured else strip.shape[:2]
    noise = table[rng.integers(0, _LEVELS, shape, np.uint16)]
    if noise.ndim < strip.ndim:
        noise = cv2.merge([noise] * strip.shape[2])
    return np.asarray(cv2.add(strip, noise, dtype=cv2.CV_8U), dtype=np.uint8)


def _replaced(strip: Pixels, drawn: Noisy, rng: np.random.Generator) -> Pixels:
    shape = strip.shape if drawn.coloured else strip.shape[:2]
    hit = rng.integers(0, _LEVELS, shape, np.uint16) < round(drawn.amount / 100 * _LEVELS)
    value = rng.integers(0, 256, shape, np.uint8)
    if drawn.kind == "salt-and-pepper":
        value = (value >> 7) * np.uint8(255)
    made = strip.copy()
    made[hit] = value[hit][:, None] if hit.ndim < strip.ndim else value[hit]
    return made


def _table(kind: str, amount: float, offset: float) -> npt.NDArray[np.int16]:
    """Whole grey levels to add, each as often as its distribution wants it."""
    if kind == "poisson":
        return _poisson(amount)
    return np.rint(_spread(kind) * amount + offset).astype(np.int16)


@cache
def _spread(kind: str) -> npt.NDArray[np.float64]:
    """65,536 numbers that lie like a Gauss or Laplace distribution of scale 1: its quantiles."""
    share = (np.arange(_LEVELS) + 0.5) / _LEVELS
    if kind == "laplace":
        return np.asarray(np.sign(share - 0.5) * -np.log1p(-2 * np.abs(share - 0.5)), dtype=np.float64)
    normal = NormalDist()
    return np.array([normal.inv_cdf(part) for part in share.tolist()])


def _poisson(rate: float) -> npt.NDArray[np.int16]:
    counts = np.arange(int(rate + 12 * np.sqrt(rate) + 12))
    logarithm = counts * np.log(max(rate, 1e-9)) - rate - np.concatenate([[0.0], np.cumsum(np.log(counts[1:]))])
    share = (np.arange(_LEVELS) + 0.5) / _LEVELS
    return np.searchsorted(np.cumsum(np.exp(logarithm)), share).astype(np.int16)


NOISE = Operation(
    name="noise",
    title=N_("Noise"),
    group="noise",
    text=N_("Adds random grain, or replaces single pixels."),
    drawn=Noisy,
    choose=_draw,
    apply=_noise,
    parameters=(
        Parameter(
            name="kind",
            title=N_("Kind"),
            kind="choice",
            default="gauss",
            choices=(
                Choice("gauss", N_("Gauss")),
                Choice("laplace", N_("Laplace")),
                Choice("poisson", N_("Poisson")),
                Choice("impulse", N_("Impulse")),
                Choice("salt-and-pepper", N_("Salt and pepper")),
            ),
        ),
        Parameter(
            name="offset",
            title=N_("Offset"),
            kind="number",
            default=0.0,
            minimum=-128,
            maximum=128,
            step=1,
            text=N_("Grey levels that are added everywhere."),
            when=("kind", ("gauss", "laplace")),
        ),
        SCALE,
        RATE,
        SHARE,
        Parameter(
            name="coloured",
            title=N_("Coloured"),
            kind="flag",
            default=False,
            text=N_("Blue, green and red are drawn each on their own; otherwise the noise is grey."),
        ),
    ),
)
