"""Bring one picture into the shape a set asks for, decoding it only when something changes.

What changes nothing passes through byte for byte: an upright grey or colour JPEG that has its end marker, and an 8-bit grey
or colour PNG without palette, transparency or missing end, in the size asked for. Everything else is decoded: Exif
orientation is applied, CMYK becomes RGB, 16 bits become 8 (the upper ones), transparency lies on white, an animation
is its first picture. A decoded PNG whose size stays is written as PNG, all else as JPEG (4:2:0) in the quality asked for.
"""

from __future__ import annotations

import io
from typing import Any, Literal, NamedTuple

import cv2
import msgspec
import numpy as np
import numpy.typing as npt
import simplejpeg

from trainyard.datasets.sources import PictureProblem
from trainyard.errors import Invalid
from trainyard.formats.jpeg import JpegHeader, is_whole, read_header
from trainyard.words import N_

MAX_PIXELS = 180_000_000
MAX_EDGE = 65_500
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
Pixels = npt.NDArray[np.uint8]


class Encoded(NamedTuple):
    """A picture as it goes into a set; ``data`` is JPEG or PNG."""

    data: bytes
    channels: int
    height: int
    width: int


class Recipe(msgspec.Struct, frozen=True):
    """What a set asks of its pictures.

    ``resize`` is empty (keep), a shorter edge in pixels (``256``) or exact (``224x224``, width × height); ``quality`` is
    JPEG's 1 to 100; ``colour`` keeps what comes or makes all pictures ``colour`` or ``grey``.
    """

    resize: str = ""
    quality: int = 95
    colour: Literal["keep", "colour", "grey"] = "keep"

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


class _Known(NamedTuple):
    kind: Literal["jpeg", "png", "other"]
    width: int
    height: int
    channels: int
    plain: bool
    jpeg: JpegHeader | None = None


def format_picture(data: bytes, recipe: Recipe) -> Encoded:
    """The picture ``data`` (any common file format) as ``recipe`` asks.

    Raises:
        PictureProblem: it is no picture, cut off, or above 180 million pixels before or after.
    """
    known = _look(data)
    _refuse_huge(known.width, known.height)
    upright = _upright(known)
    size = recipe.size(*upright)
    _refuse_huge(*size, after=True)
    channels = {"keep": 1 if known.channels == 1 else 3, "colour": 3, "grey": 1}[recipe.colour]
    if known.plain and size == (known.width, known.height) and channels == known.channels:
        return Encoded(data, channels, known.height, known.width)
    pixels = _decode(data, known, channels, size)
    if pixels.shape[1::-1] != size:
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    lossless = known.kind == "png" and size == upright
    return Encoded(_encode(pixels, recipe.quality, lossless), channels, size[1], size[0])


def _look(data: bytes) -> _Known:
    if data.startswith(b"\xff\xd8"):
        return _look_at_jpeg(data)
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) >= 33:
        return _look_at_png(data)
    try:
        with _pillow().open(io.BytesIO(data)) as picture:
            grey = picture.mode in {"1", "L", "I;16", "I", "F"}
            return _Known("other", picture.width, picture.height, 1 if grey else 3, False)
    except Exception:
        raise PictureProblem("picture-unknown", N_("The file is not a picture in a format that is known.")) from None


def _look_at_jpeg(data: bytes) -> _Known:
    header = read_header(data)
    if header is None:
        raise PictureProblem("picture-broken", N_("The JPEG ends or breaks off before its pixels."))
    if not is_whole(data, header):
        raise PictureProblem("picture-truncated", N_("The JPEG is cut off: its end marker is missing."))
    plain = header.components in (1, 3) and header.orientation == 1
    return _Known("jpeg", header.width, header.height, 1 if header.components == 1 else 3, plain, header)


def _look_at_png(data: bytes) -> _Known:
    if _PNG_END not in data[-4096:]:
        raise PictureProblem("picture-truncated", N_("The PNG is cut off: its end is missing."))
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    depth, colour = data[24], data[25]
    plain = depth == 8 and colour in (0, 2) and b"tRNS" not in data[33:1024]
    if not width or not height:
        raise PictureProblem("picture-broken", N_("The picture has no pixels."))
    return _Known("png", width, height, 1 if colour in (0, 4) else 3, plain)


def _upright(known: _Known) -> tuple[int, int]:
    turned = known.jpeg is not None and known.jpeg.orientation >= 5
    return (known.height, known.width) if turned else (known.width, known.height)


def _refuse_huge(width: int, height: int, *, after: bool = False) -> None:
    if width * height > MAX_PIXELS or (after and max(width, height) > MAX_EDGE):
        raise PictureProblem(
            "picture-huge",
            N_("The picture would have {width} × {height} pixels; at most {limit} pixels are allowed.")
            if after
            else N_("The picture has {width} × {height} pixels; at most {limit} pixels are allowed."),
            width=width,
            height=height,
            limit=MAX_PIXELS,
        )


def _decode(data: bytes, known: _Known, channels: int, size: tuple[int, int]) -> Pixels:
    """Pixels of shape (height, width) or (height, width, 3) in BGR order, not smaller than ``size`` asks for."""
    if known.kind == "jpeg" and known.jpeg is not None and known.plain:
        try:
            return _decode_jpeg(data, known, channels, size)
        except ValueError as error:
            if "extraneous bytes" not in str(error):  # stray bytes between markers are harmless, and Pillow passes over them
                raise PictureProblem("picture-broken", N_("The picture cannot be decoded.")) from error
    try:
        if known.kind == "png":
            return _decode_png(data, channels)
        return _decode_by_pillow(data, channels)
    except (cv2.error, OSError, ValueError, SyntaxError, EOFError) as error:
        raise PictureProblem("picture-broken", N_("The picture cannot be decoded.")) from error


def _decode_jpeg(data: bytes, known: _Known, channels: int, size: tuple[int, int]) -> Pixels:
    """Decode at 1/2, 1/4 or 1/8 where the result is still as large as asked: the DCT does the first part of the resize."""
    pixels: Pixels = simplejpeg.decode_jpeg(
        data,
        "GRAY" if channels == 1 else "BGR",
        min_height=min(size[1], known.height),
        min_width=min(size[0], known.width),
        fastupsample=True,  # nearer to the original after the resize than the default, which softens colours; and 5 % faster
        min_factor=2,  # 7/8 to 5/8 have no fast path in libjpeg-turbo: slower than decoding in full, and softer
    )
    return pixels


def _decode_png(data: bytes, channels: int) -> Pixels:
    pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("not decodable")
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = _on_white(pixels)
    return _with_channels(pixels, channels)


def _on_white(pixels: Pixels) -> Pixels:
    alpha = pixels[:, :, 3:].astype(np.uint16)
    blended = (pixels[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return np.ascontiguousarray(blended.astype(np.uint8))


def _decode_by_pillow(data: bytes, channels: int) -> Pixels:
    from PIL import ImageOps

    Image = _pillow()
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        picture = ImageOps.exif_transpose(opened)
        if picture.mode in {"I;16", "I;16B", "I"}:
            return _with_channels((np.asarray(picture).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8), channels)
        if picture.mode in {"LA", "PA", "RGBA"} or "transparency" in picture.info:
            clear = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
        pixels = np.asarray(picture.convert("RGB"))[:, :, ::-1]
        return _with_channels(np.ascontiguousarray(pixels), channels)


def _pillow() -> Any:
    """Pillow, which few pictures need; it need not warn of sizes, they are checked here before anything is decoded."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    return Image


def _with_channels(pixels: Pixels, channels: int) -> Pixels:
    have = 1 if pixels.ndim == 2 else pixels.shape[2]
    if have == channels:
        return pixels
    converted: Any = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY if channels == 1 else cv2.COLOR_GRAY2BGR)
    return np.asarray(converted, dtype=np.uint8)


def _encode(pixels: Pixels, quality: int, lossless: bool) -> bytes:
    """PNG, or JPEG by OpenCV: simplejpeg's TurboJPEG takes the rough DCT below quality 96, 0.1 to 0.3 dB worse."""
    if lossless:
        return bytes(cv2.imencode(".png", pixels)[1])
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].data)


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
