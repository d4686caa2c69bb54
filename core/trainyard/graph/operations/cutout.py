"""Covering parts of a picture, so that a model does not rely on one part alone; labels stay as they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trainyard.graph.operations.operation import Operation, Pixels
from trainyard.graph.operations.parameters import Choice, Parameter
from trainyard.words import N_

_GREYS = {"black": 0, "grey": 127, "white": 255}


class Cut(NamedTuple):
    """How many rectangles, their edges in per cent of the picture's, what is in them; ``key`` says where."""

    holes: int
    size: float
    fill: str
    key: int


def _cut(picture: Pixels, drawn: Cut) -> Pixels:
    """Every rectangle lies in the picture as a whole, and has at least one pixel."""
    rng = np.random.Generator(np.random.SFC64(drawn.key))
    made = picture.copy()
    height, width = picture.shape[:2]
    down, across = (max(1, round(edge * drawn.size / 100)) for edge in (height, width))
    for _ in range(drawn.holes):
        top, left = int(rng.integers(0, height - down + 1)), int(rng.integers(0, width - across + 1))
        hole = made[top : top + down, left : left + across]
        hole[...] = rng.integers(0, 256, hole.shape, np.uint8) if drawn.fill == "noise" else _GREYS[drawn.fill]
    return made


CUTOUT = Operation(
    name="cutout",
    title=N_("Cutout"),
    group="covering",
    text=N_("Covers rectangles at random places; boxes stay as they are."),
    drawn=Cut,
    apply=_cut,
    parameters=(
        Parameter(
            name="holes",
            title=N_("Rectangles"),
            kind="range",
            default=(1, 1),
            minimum=1,
            maximum=100,
            step=1,
            whole=True,
        ),
        Parameter(
            name="size",
            title=N_("Size"),
            kind="range",
            default=(10.0, 30.0),
            minimum=1,
            maximum=100,
            step=0.1,
            unit="%",
            text=N_("Of the picture's width and height."),
        ),
        Parameter(
            name="fill",
            title=N_("Filled with"),
            kind="choice",
            default="black",
            choices=(
                Choice("black", N_("Black")),
                Choice("grey", N_("Grey")),
                Choice("white", N_("White")),
                Choice("noise", N_("Noise")),
            ),
        ),
    ),
)
