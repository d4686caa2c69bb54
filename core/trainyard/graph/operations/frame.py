"""Changing the frame: cutting edges off, adding them, and bringing a picture to a size."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from trainyard.graph.operations.operation import Geometry, Matrix, Operation, Pixels, Size, between
from trainyard.graph.operations.parameters import Choice, Parameter, Values
from trainyard.graph.operations.warp import FILL, about_middle, resized, size_of, warp
from trainyard.words import N_

SHARE = Parameter(
    name="share",
    title=N_("Cut off"),
    kind="range",
    default=(0.0, 20.0),
    minimum=0,
    maximum=49,
    step=0.1,
    unit="%",
    text=N_("Of the width or height, drawn for each of the four edges."),
)


class Cropped(NamedTuple):
    """Per cent of the width or height that each edge loses."""

    top: float
    right: float
    bottom: float
    left: float


class Padded(NamedTuple):
    """Pixels that each edge gains."""

    top: int
    right: int
    bottom: int
    left: int
    fill: str = "black"


class Resized(NamedTuple):
    """The size in pixels, and how the picture fits into it."""

    width: int
    height: int
    fit: str = "stretch"


def _draw_crop(rng: np.random.Generator, values: Values) -> Cropped:
    top, right, bottom, left = (between(rng, SHARE, values["share"]) for _ in range(4))
    return Cropped(top, right, bottom, left)


def _kept(drawn: Cropped, size: Size) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is kept: at least one pixel each way, as no edge loses half."""
    left, top = int(size.width * drawn.left / 100), int(size.height * drawn.top / 100)
    return left, top, size.width - int(size.width * drawn.right / 100), size.height - int(size.height * drawn.bottom / 100)


def _crop(picture: Pixels, drawn: Cropped) -> Pixels:
    left, top, right, bottom = _kept(drawn, size_of(picture))
    return np.ascontiguousarray(picture[top:bottom, left:right])


def _crop_geometry(drawn: Cropped, size: Size) -> Geometry:
    left, top, right, bottom = _kept(drawn, size)
    return Geometry(_shifted(-left, -top), Size(right - left, bottom - top))


def _pad(picture: Pixels, drawn: Padded) -> Pixels:
    border = cv2.BORDER_REPLICATE if drawn.fill == "edge" else cv2.BORDER_CONSTANT
    made = cv2.copyMakeBorder(picture, drawn.top, drawn.bottom, drawn.left, drawn.right, border)
    return np.asarray(made, dtype=np.uint8)


def _pad_geometry(drawn: Padded, size: Size) -> Geometry:
    after = Size(size.width + drawn.left + drawn.right, size.height + drawn.top + drawn.bottom)
    return Geometry(_shifted(drawn.left, drawn.top), after, drawn.fill)


def _resize(picture: Pixels, drawn: Resized) -> Pixels:
    if drawn.fit == "stretch":
        return resized(picture, Size(drawn.width, drawn.height))
    return warp(picture, _resize_geometry(drawn, size_of(picture)))


def _resize_geometry(drawn: Resized, size: Size) -> Geometry:
    after = Size(drawn.width, drawn.height)
    across, down = after.width / size.width, after.height / size.height
    if drawn.fit != "stretch":
        across = down = min(across, down) if drawn.fit == "inside" else max(across, down)
    return Geometry(about_middle(np.diag([across, down, 1.0]), size, after), after)


def _shifted(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=np.float64)


def _edge(name: str, title: str) -> Parameter:
    return Parameter(name=name, title=title, kind="number", default=1, minimum=0, maximum=2000, step=1, whole=True, unit="px")


def _length(name: str, title: str) -> Parameter:
    return Parameter(name=name, title=title, kind="number", default=224, minimum=1, maximum=9999, step=1, whole=True, unit="px")


CROP = Operation(
    name="crop",
    title=N_("Crop"),
    group="frame",
    text=N_("Cuts a part off each edge; the picture becomes smaller."),
    drawn=Cropped,
    choose=_draw_crop,
    apply=_crop,
    geometry=_crop_geometry,
    parameters=(SHARE,),
)
PAD = Operation(
    name="pad",
    title=N_("Pad"),
    group="frame",
    text=N_("Adds pixels to the edges; the picture becomes larger."),
    drawn=Padded,
    apply=_pad,
    geometry=_pad_geometry,
    parameters=(
        _edge("top", N_("Top")),
        _edge("right", N_("Right")),
        _edge("bottom", N_("Bottom")),
        _edge("left", N_("Left")),
        FILL,
    ),
)
RESIZE = Operation(
    name="resize",
    title=N_("Resize"),
    group="frame",
    text=N_("Brings the picture to a size."),
    drawn=Resized,
    apply=_resize,
    geometry=_resize_geometry,
    parameters=(
        _length("width", N_("Width")),
        _length("height", N_("Height")),
        Parameter(
            name="fit",
            title=N_("Fit"),
            kind="choice",
            default="stretch",
            choices=(
                Choice("stretch", N_("Stretch to the size")),
                Choice("inside", N_("Whole picture, black bars")),
                Choice("cover", N_("Fill the size, cut off the rest")),
            ),
        ),
    ),
)
