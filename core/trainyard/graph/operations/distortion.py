"""Distortions: the picture seen at an angle, and the picture on cloth.

Elastic distortion is a sum of a few waves: its value at any point follows from a formula, so that labels move exactly with the
pixels, and all rows of a picture are one product of two thin matrices. It never folds: the waves' slopes add up to less than 1.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from trainyard.graph.operations.operation import Geometry, Operation, Pixels, Points, Size
from trainyard.graph.operations.parameters import Parameter
from trainyard.graph.operations.warp import FILL, by_four, by_warp, size_of
from trainyard.words import N_

WAVES = 8
STEEPEST = 0.6
TILE = 2048
_ROUNDS = 50


class Tilted(NamedTuple):
    """How far corners lie inside the frame at most, in per cent; ``key`` says where."""

    strength: float
    key: int


class Stretched(NamedTuple):
    """How far points move at most, in per cent of the shorter edge; waves per shorter edge; ``key`` gives them."""

    strength: float
    waves: float
    key: int
    fill: str = "edge"


class _Field(NamedTuple):
    """Waves in x and y, (2, waves) each: the displacement is a sum of reach * sin(x * across + y * down + phase), in pixels."""

    reach: npt.NDArray[np.float64]
    across: npt.NDArray[np.float64]
    down: npt.NDArray[np.float64]
    phase: npt.NDArray[np.float64]

    def at(self, points: Points) -> Points:
        """The displacement (n, 2) at ``points`` (n, 2)."""
        turn = points[:, 0, None, None] * self.across + points[:, 1, None, None] * self.down + self.phase
        return np.asarray((self.reach * np.sin(turn)).sum(axis=2))

    def over(self, axis: int, columns: range, rows: range) -> npt.NDArray[np.float32]:
        """The displacement along ``axis`` at the middles of pixels, as sin(a + b) = sin a cos b + cos a sin b."""
        x, y = np.array(columns)[None, :] + 0.5, np.array(rows)[:, None] + 0.5
        right, below = self.across[axis][:, None] * x, y * self.down[axis] + self.phase[axis]
        by_row = np.hstack([np.cos(below), np.sin(below)]) * np.tile(self.reach[axis], 2)
        by_column = np.vstack([np.sin(right), np.cos(right)])
        return np.asarray(by_row.astype(np.float32) @ by_column.astype(np.float32), dtype=np.float32)


def _tilt(drawn: Tilted, size: Size) -> Geometry:
    inward = np.random.Generator(np.random.SFC64(drawn.key)).uniform(0, drawn.strength / 100, (4, 2))
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=np.float64)
    inner = corners + inward * (1 - 2 * corners)
    unit = cv2.getPerspectiveTransform(inner.astype(np.float32), corners.astype(np.float32))
    scale = np.diag([size.width, size.height, 1.0])
    return Geometry(np.asarray(scale @ unit @ np.linalg.inv(scale), dtype=np.float64), size)


def _field(drawn: Stretched, size: Size) -> _Field:
    rng = np.random.Generator(np.random.SFC64(drawn.key))
    shorter = min(size)
    pitch = 2 * np.pi * drawn.waves / shorter * rng.uniform(0.5, 1, (2, WAVES))
    heading = rng.uniform(0, 2 * np.pi, (2, WAVES))
    weight = rng.uniform(0.5, 1, (2, WAVES))
    reach = weight / weight.sum(axis=1, keepdims=True) * drawn.strength / 100 * shorter
    slope = float(np.sqrt(((reach * pitch).sum(axis=1) ** 2).sum()))
    reach = reach * min(1.0, STEEPEST / slope) if slope else reach
    return _Field(reach, pitch * np.cos(heading), pitch * np.sin(heading), rng.uniform(0, 2 * np.pi, (2, WAVES)))


def _stretch(picture: Pixels, drawn: Stretched) -> Pixels:
    """In tiles, as OpenCV remaps no picture of more than 32,766 pixels in an edge, and for the memory of the maps."""
    size = size_of(picture)
    field = _field(drawn, size)
    made = np.empty_like(picture)
    for top in range(0, size.height, TILE):
        for left in range(0, size.width, TILE):
            rows, columns = range(top, min(top + TILE, size.height)), range(left, min(left + TILE, size.width))
            made[rows.start : rows.stop, columns.start : columns.stop] = _tile(picture, field, (columns, rows), drawn.fill)
    return made


def _tile(picture: Pixels, field: _Field, place: tuple[range, range], fill: str) -> Pixels:
    columns, rows = place
    margin = int(field.reach.sum(axis=1).max()) + 2
    left, top = max(0, columns.start - margin), max(0, rows.start - margin)
    source = picture[top : rows.stop + margin, left : columns.stop + margin]
    across = field.over(0, columns, rows) + (np.array(columns, dtype=np.float32) - left)[None, :]
    down = field.over(1, columns, rows) + (np.array(rows, dtype=np.float32) - top)[:, None]
    border = cv2.BORDER_REPLICATE if fill == "edge" else cv2.BORDER_CONSTANT
    return by_four(source, lambda four: cv2.remap(four, across, down, cv2.INTER_LINEAR, borderMode=border))


def _bend(points: Points, drawn: Stretched, size: Size) -> Points:
    """The new picture shows at q what was at q + field(q): q is found by repetition, which converges as slopes are below 1."""
    field = _field(drawn, size)
    moved = points
    for _ in range(_ROUNDS):
        moved = points - field.at(moved)
    return moved


PERSPECTIVE = Operation(
    name="perspective",
    title=N_("Perspective"),
    group="geometry",
    text=N_("Shows the picture as if seen at an angle; four points near its corners become its corners."),
    drawn=Tilted,
    apply=by_warp(_tilt),
    geometry=_tilt,
    parameters=(
        Parameter(
            name="strength",
            title=N_("Strength"),
            kind="range",
            default=(5.0, 15.0),
            minimum=0,
            maximum=25,
            step=0.1,
            unit="%",
            text=N_("How far inside the new corners may lie, as a share of the width and height."),
        ),
    ),
)
ELASTIC = Operation(
    name="elastic",
    title=N_("Elastic distortion"),
    group="geometry",
    text=N_("Pulls the picture in waves, as if printed on cloth."),
    drawn=Stretched,
    apply=_stretch,
    bend=_bend,
    parameters=(
        Parameter(
            name="strength",
            title=N_("Strength"),
            kind="range",
            default=(1.0, 4.0),
            minimum=0,
            maximum=20,
            step=0.1,
            unit="%",
            text=N_("How far points move at most, as a share of the shorter edge; less where the picture would fold."),
        ),
        Parameter(
            name="waves",
            title=N_("Waves"),
            kind="range",
            default=(1.0, 3.0),
            minimum=0.5,
            maximum=20,
            step=0.1,
            text=N_("How many lie along the shorter edge."),
        ),
        Parameter(
            name="fill",
            title=N_("Outside"),
            kind="choice",
            default="edge",
            choices=FILL.choices,
            text=FILL.text,
        ),
    ),
)
