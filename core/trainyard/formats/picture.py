"""Bring one picture into the shape a set asks for, decoding it only when something changes.

What changes nothing passes through byte for byte: an upright grey or colour JPEG that has its end marker, and an 8-bit grey
or colour PNG without palette, transparency or missing end, in the size asked for. Everything else is decoded (see
``datasets.codec``). A decoded PNG whose size stays is written as PNG, all else as JPEG (4:2:0) in the quality asked for.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import msgspec
import numpy as np

from trainyard.datasets.codec import Pixels, decode, encode, look, refuse_huge, with_channels
from trainyard.datasets.frame import Frame
from trainyard.errors import Invalid
from trainyard.words import N_


class Encoded(NamedTuple):
    """A picture as it goes into a set; ``data`` is JPEG or PNG, ``frame`` what it was in its file."""

    data: bytes
    channels: int
    height: int
    width: int
    frame: Frame


class Recipe(msgspec.Struct, frozen=True):
    """What a set asks of its pictures.

    ``resize`` is empty (keep), a shorter edge in pixels (``256``) or exact (``224x224``, width × height); ``quality`` is
    JPEG's 1 to 100; ``colour`` keeps what comes or makes all pictures ``colour`` or ``grey``. ``full_decode`` decodes also
    what passes through unchanged, to find broken data between a good header and a good end.
    """

    resize: str = ""
    quality: int = 95
    colour: Literal["keep", "colour", "grey"] = "keep"
    full_decode: bool = False

    @property
    def copies(self) -> bool:
        """Whether pictures pass through as they are, but for odd ones."""
        return not self.resize and self.colour == "keep" and not self.full_decode

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size that a picture of ``width`` × ``height`` is brought to."""
        if not self.resize:
            return width, height
        if "x" in self.resize:
            across, down = self.resize.split("x")
            return int(across), int(down)
        edge = int(self.resize)
        if width < height:
            return edge, max(1, height * edge // width)
        return max(1, width * edge // height), edge


def format_picture(data: bytes, recipe: Recipe) -> Encoded:
    """The picture ``data`` (any common file format) as ``recipe`` asks.

    Raises:
        PictureProblem: it is no picture, cut off, or above 180 million pixels before or after.
    """
    known = look(data)
    frame = known.frame
    refuse_huge(frame.width, frame.height)
    size = recipe.size(*frame.upright)
    refuse_huge(*size, after=True)
    channels = {"keep": 1 if known.channels == 1 else 3, "colour": 3, "grey": 1}[recipe.colour]
    if known.plain and size == (frame.width, frame.height) and channels == known.channels:
        if recipe.full_decode:
            decode(data, known, channels, size)
        return Encoded(data, channels, frame.height, frame.width, frame)
    pixels = decode(data, known, channels, size)
    if pixels.shape[1::-1] != size:
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    lossless = known.kind == "png" and size == frame.upright
    return Encoded(encode(pixels, recipe.quality, lossless), channels, size[1], size[0], frame)


def format_pixels(pixels: Pixels, recipe: Recipe) -> Encoded:
    """Decoded ``pixels`` (height, width, BGR), such as a frame of a video, as ``recipe`` asks: a JPEG.

    Raises:
        PictureProblem: it would have more than 180 million pixels.
    """
    frame = Frame(pixels.shape[1], pixels.shape[0])
    size = recipe.size(*frame.upright)
    refuse_huge(*size, after=True)
    channels = 1 if recipe.colour == "grey" else 3
    pixels = with_channels(pixels, channels)
    if pixels.shape[1::-1] != size:
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    return Encoded(encode(pixels, recipe.quality, lossless=False), channels, size[1], size[0], frame)


def raw_pixels(data: bytes, channels: int) -> bytes:
    """The pixels of an encoded picture as Caffe keeps them: channel, height, width; BGR."""
    known = look(data)
    pixels = decode(data, known, channels, known.frame.upright)
    return pixels.tobytes() if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1)).tobytes()


def check_recipe(recipe: Recipe) -> None:
    """Refuse sizes and qualities that no set can have.

    Raises:
        Invalid: ``resize`` or ``quality``.
    """
    edges = recipe.resize.split("x") if recipe.resize else []
    if len(edges) > 2 or not all(edge.isascii() and edge.isdigit() and 1 <= int(edge) <= 9999 for edge in edges):
        raise Invalid(
            "resize",
            N_("{value} is not a size."),
            hint=N_("Leave it empty, or give a shorter edge such as 256, or an exact size such as 224x224 (1 to 9999 pixels)."),
            field="resize",
            value=recipe.resize,
        )
    if not 1 <= recipe.quality <= 100:
        raise Invalid("quality", N_("The quality {value} is not between 1 and 100."), field="quality", value=recipe.quality)
