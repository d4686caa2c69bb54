"""Pixels by way of a matrix: one interpolation, without the stair-steps that shrinking too much at once makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from trainyard.graph.operations.operation import D, Geometry, Matrix, Pixels, Size
from trainyard.graph.operations.parameters import Choice, Parameter
from trainyard.words import N_

FILL = Parameter(
    name="fill",
    title=N_("Outside"),
    kind="choice",
    default="black",
    choices=(Choice("black", N_("Black")), Choice("edge", N_("Nearest pixel of the edge"))),
    text=N_("What is put where the picture had nothing."),
)
SHRINKS_WELL = 0.5
FOUR_FITS = 60_000_000
_HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], dtype=np.float64)
_HALF_BACK = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]], dtype=np.float64)


def warp(picture: Pixels, geometry: Geometry) -> Pixels:
    """``picture`` as ``geometry`` has it, by linear interpolation.

    What shrinks to less than half is averaged over areas first, as linear interpolation would skip pixels.
    """
    matrix, size, fill = geometry
    across, down = (float(np.hypot(*matrix[:2, axis])) for axis in (0, 1))
    if min(across, down) < SHRINKS_WELL and not matrix[2, :2].any():
        picture, matrix = _shrunk(picture, matrix, (min(across, 1.0), min(down, 1.0)))
    centred = _HALF_BACK @ matrix @ _HALF
    border = cv2.BORDER_REPLICATE if fill == "edge" else cv2.BORDER_CONSTANT
    if centred[2, :2].any():
        return by_four(
            picture, lambda four: cv2.warpPerspective(four, centred, size, flags=cv2.INTER_LINEAR, borderMode=border)
        )
    return by_four(picture, lambda four: cv2.warpAffine(four, centred[:2], size, flags=cv2.INTER_LINEAR, borderMode=border))


def by_four(picture: Pixels, interpolate: Callable[[Pixels], Any]) -> Pixels:
    """``interpolate(picture)``, for a colour picture with a fourth channel beside: the same bytes in half the time.

    OpenCV 5 interpolates four channels at once, and three one after the other. Large pictures do without, for the memory.
    """
    if picture.ndim == 2 or picture.size > FOUR_FITS:
        return _as_pixels(interpolate(picture))
    four = interpolate(_as_pixels(cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA)))
    return _as_pixels(cv2.cvtColor(four, cv2.COLOR_BGRA2BGR))


def by_warp(geometry: Callable[[D, Size], Geometry]) -> Callable[[Pixels, D], Pixels]:
    """What an operation does to pixels that is nothing but its geometry."""

    def apply(picture: Pixels, drawn: D) -> Pixels:
        return warp(picture, geometry(drawn, size_of(picture)))

    return apply


def size_of(picture: Pixels) -> Size:
    """Its width and height."""
    return Size(picture.shape[1], picture.shape[0])


def resized(picture: Pixels, size: Size) -> Pixels:
    """``picture`` stretched to ``size``: by areas along an edge that shrinks to less than half, else linearly."""
    width, height = size_of(picture)
    between = Size(
        size.width if size.width < width * SHRINKS_WELL else width,
        size.height if size.height < height * SHRINKS_WELL else height,
    )
    if between != (width, height):
        picture = _as_pixels(cv2.resize(picture, between, interpolation=cv2.INTER_AREA))
    return picture if between == size else _as_pixels(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))


def about_middle(matrix: Matrix, size: Size, after: Size) -> Matrix:
    """``matrix``, which leaves the origin where it is, taking the middle of ``size`` to the middle of ``after`` instead."""
    moved = matrix.copy()
    moved[:2, 2] = np.array(after) / 2 - matrix[:2, :2] @ np.array(size) / 2
    return moved


def _shrunk(picture: Pixels, matrix: Matrix, shares: tuple[float, float]) -> tuple[Pixels, Matrix]:
    """``picture`` shrunk as far as ``matrix`` would, and what is left of the matrix."""
    height, width = picture.shape[:2]
    size = Size(max(1, round(width * shares[0])), max(1, round(height * shares[1])))
    small = _as_pixels(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    return small, matrix @ np.diag([width / size.width, height / size.height, 1.0])


def _as_pixels(made: Any) -> Pixels:
    return np.asarray(made, dtype=np.uint8)
