"""Decode and encode pictures: any common file format to pixels that stand upright, and pixels to JPEG or PNG.

Header, size and end marker are checked before anything is decoded. Exif orientation is applied, CMYK becomes RGB, 16 bits
become 8 (the upper ones), transparency lies on white, an animation is its first picture.
"""

from __future__ import annotations

import io
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from trainyard.datasets.frame import Frame
from trainyard.datasets.jpeg import is_whole, orientation_of, read_header
from trainyard.datasets.sources import PictureProblem
from trainyard.words import N_

MAX_PIXELS = 180_000_000
MAX_EDGE = 65_500
_PNG = b"\x89PNG\r\n\x1a\n"
_ORIENTATION, _TIFF_WIDTH, _TIFF_HEIGHT = 0x0112, 0x0100, 0x0101
Pixels = npt.NDArray[np.uint8]


class Known(NamedTuple):
    """What a header says. ``plain``: decoding it changes nothing, and it may pass as it is."""

    kind: Literal["jpeg", "png", "other"]
    frame: Frame
    channels: int
    plain: bool


class Decoded(NamedTuple):
    """A whole picture, upright: ``pixels`` (height, width) or (height, width, 3) in BGR order; ``lossless``: it was a PNG."""

    pixels: Pixels
    frame: Frame
    lossless: bool


def decode_picture(data: bytes) -> Decoded:
    """The picture ``data`` (any common file format) in full, grey or colour as it comes.

    Raises:
        PictureProblem: it is no picture, cut off, or above 180 million pixels.
    """
    known = look(data)
    refuse_huge(known.frame.width, known.frame.height)
    return Decoded(decode(data, known, known.channels, known.frame.upright), known.frame, known.kind == "png")


class Look(NamedTuple):
    """What a picture is by its header: ``kind`` is jpeg, png or other; ``frame`` its size and how it lies in its file."""

    kind: str
    frame: Frame


def look_at(data: bytes) -> Look:
    """Header, size and end of the picture ``data``, without decoding it.

    Raises:
        PictureProblem: it is no picture, cut off, or above 180 million pixels.
    """
    known = look(data)
    refuse_huge(known.frame.width, known.frame.height)
    return Look(known.kind, known.frame)


def encode_picture(pixels: Pixels, quality: int, *, lossless: bool) -> bytes:
    """``pixels`` as PNG (``lossless``) or as JPEG of this quality.

    Raises:
        PictureProblem: it has more than 180 million pixels, or an edge that JPEG cannot have.
    """
    refuse_huge(pixels.shape[1], pixels.shape[0], after=True)
    return encode(pixels, quality, lossless)


def look(data: bytes) -> Known:
    """What the header of the picture ``data`` says.

    Raises:
        PictureProblem: it is no picture, or cut off.
    """
    if data.startswith(b"\xff\xd8"):
        return _look_at_jpeg(data)
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) >= 33:
        return _look_at_png(data)
    try:
        with _pillow().open(io.BytesIO(data)) as picture:
            grey = picture.mode in {"1", "L", "I;16", "I", "F"}
            return Known("other", _frame_of(picture), 1 if grey else 3, False)
    except Exception:
        raise PictureProblem("picture-unknown", N_("The file is not a picture in a format that is known.")) from None


def _frame_of(picture: Any) -> Frame:
    """Size and orientation as the file stores them; of a TIFF, Pillow tells the size it will be shown in."""
    tags = getattr(picture, "tag_v2", {})
    turned = int(picture.getexif().get(_ORIENTATION, 1))
    size = int(tags.get(_TIFF_WIDTH, picture.width)), int(tags.get(_TIFF_HEIGHT, picture.height))
    return Frame(*size, turned if 1 <= turned <= 8 else 1)


def _look_at_jpeg(data: bytes) -> Known:
    header = read_header(data)
    if header is None:
        raise PictureProblem("picture-broken", N_("The JPEG ends or breaks off before its pixels."))
    if not is_whole(data, header):
        raise PictureProblem("picture-truncated", N_("The JPEG is cut off: its end marker is missing."))
    plain = header.components in (1, 3) and header.orientation == 1
    frame = Frame(header.width, header.height, header.orientation)
    return Known("jpeg", frame, 1 if header.components == 1 else 3, plain)


def _look_at_png(data: bytes) -> Known:
    if not _is_whole_png(data):
        raise PictureProblem("picture-truncated", N_("The PNG is cut off: its end is missing."))
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    depth, colour = data[24], data[25]
    turned = _orientation_of_png(data)
    plain = depth == 8 and colour in (0, 2) and not _has_clear_colour(data) and turned == 1
    if not width or not height:
        raise PictureProblem("picture-broken", N_("The picture has no pixels."))
    return Known("png", Frame(width, height, turned), 1 if colour in (0, 4) else 3, plain)


def _is_whole_png(data: bytes) -> bool:
    """Whether every chunk up to the last lies in the file, and one holds pixels.

    Where a length is broken, or nothing ends the search for pixels, OpenCV takes gigabytes.
    """
    position, pixels = len(_PNG), False
    while position + 12 <= len(data):
        name = data[position + 4 : position + 8]
        if name == b"IEND":
            return pixels
        pixels = pixels or name == b"IDAT"
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return False


def _orientation_of_png(data: bytes) -> int:
    """What the chunk eXIf says, which may stand behind the pixels; OpenCV's readers turn such a PNG, others do not."""
    place = data.find(b"eXIf", 33)
    if place < 0:
        return 1
    length = int.from_bytes(data[place - 4 : place], "big")
    return orientation_of(b"Exif\0\0" + data[place + 4 : place + 4 + length])


def _has_clear_colour(data: bytes) -> bool:
    """Whether a PNG says that one of its colours is transparent: behind any colour profile, before the pixels."""
    pixels = data.find(b"IDAT", 33)
    return data.find(b"tRNS", 33, pixels if pixels >= 0 else len(data)) >= 0


def refuse_huge(width: int, height: int, *, after: bool = False) -> None:
    """Raises:
    PictureProblem: so many pixels are too many; ``after``: it would be a picture that is still to be made.
    """
    if width * height > MAX_PIXELS:
        raise PictureProblem("picture-huge", _WOULD_BE_HUGE if after else _HUGE, width=width, height=height, limit=MAX_PIXELS)
    if after and max(width, height) > MAX_EDGE:
        raise PictureProblem("picture-huge", _WOULD_BE_LONG, width=width, height=height, limit=MAX_EDGE)


_HUGE = N_("The picture has {width} × {height} pixels; at most {limit} pixels are allowed.")
_WOULD_BE_HUGE = N_("The picture would have {width} × {height} pixels; at most {limit} pixels are allowed.")
_WOULD_BE_LONG = N_("The picture would have {width} × {height} pixels; no edge of a JPEG has more than {limit}.")


def decode(data: bytes, known: Known, channels: int, size: tuple[int, int]) -> Pixels:
    """Pixels of shape (height, width) or (height, width, 3) in BGR order, not smaller than ``size`` asks for."""
    if known.kind == "jpeg" and known.plain:
        try:
            return _decode_jpeg(data, known, channels, size)
        except ValueError as error:
            if "extraneous bytes" not in str(error):  # stray bytes between markers are harmless, and Pillow passes over them
                raise PictureProblem("picture-broken", N_("The picture cannot be decoded.")) from error
    try:
        # OpenCV turns no PNG here, and loses what is transparent in a grey one
        if known.kind == "png" and known.frame.orientation == 1 and not (known.channels == 1 and _has_clear_colour(data)):
            return _decode_png(data, channels)
        return _decode_by_pillow(data, channels)
    except (cv2.error, OSError, ValueError, SyntaxError, EOFError) as error:
        raise PictureProblem("picture-broken", N_("The picture cannot be decoded.")) from error


def _decode_jpeg(data: bytes, known: Known, channels: int, size: tuple[int, int]) -> Pixels:
    """Decode at 1/2, 1/4 or 1/8 where the result is still as large as asked: the DCT does the first part of the resize."""
    pixels: Pixels = simplejpeg.decode_jpeg(
        data,
        "GRAY" if channels == 1 else "BGR",
        min_height=min(size[1], known.frame.height),
        min_width=min(size[0], known.frame.width),
        fastupsample=True,  # nearer to the original after the resize than the default, which softens colours; and 5 % faster
        min_factor=2,  # 7/8 to 5/8 have no fast path in libjpeg-turbo: slower than decoding in full, and softer
    )
    return pixels[:, :, 0] if channels == 1 else pixels


def _decode_png(data: bytes, channels: int) -> Pixels:
    pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("not decodable")
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = _on_white(pixels)
    return with_channels(pixels, channels)


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
            return with_channels((np.asarray(picture).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8), channels)
        if picture.mode in {"LA", "PA", "RGBA"} or "transparency" in picture.info:
            clear = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear)
        pixels = np.asarray(picture.convert("RGB"))[:, :, ::-1]
        return with_channels(np.ascontiguousarray(pixels), channels)


def _pillow() -> Any:
    """Pillow, which few pictures need; it need not warn of sizes, they are checked here before anything is decoded."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    return Image


def with_channels(pixels: Pixels, channels: int) -> Pixels:
    """``pixels`` as grey (1) or colour (3)."""
    have = 1 if pixels.ndim == 2 else pixels.shape[2]
    if have == channels:
        return pixels
    converted: Any = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY if channels == 1 else cv2.COLOR_GRAY2BGR)
    return np.asarray(converted, dtype=np.uint8)


def encode(pixels: Pixels, quality: int, lossless: bool) -> bytes:
    """PNG, or JPEG by OpenCV: simplejpeg's TurboJPEG takes the rough DCT below quality 96, 0.1 to 0.3 dB worse."""
    if lossless:
        return bytes(cv2.imencode(".png", pixels)[1])
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].data)
