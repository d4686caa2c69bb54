"""One picture of a dataset, made small for the grid; kept in a cache that may be deleted at any time.

Only pictures that the dataset's own list names are read. Untrusted bytes are decoded within a limit of pixels, from the formats
browsers and cameras write.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import threading
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from sqlalchemy.orm import Session
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.sources import PictureProblem, Sources
from trainyard.errors import Invalid, NotFound
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.datasets.problems import refusal_of
from trainyard_service.datasets.stores import sources_of

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")
MAX_PIXELS = 180_000_000
AT_ONCE = 8
"""Pictures made at the same time: decoding takes memory, and a slow store must not take every thread of the service."""
_LARGE_PIXELS = 20_000_000
_large = threading.Lock()  # one at a time: a few hundred bytes may unpack to 720 MB
_SIDEWAYS = (5, 6, 7, 8)
_QUALITY = 85


@dataclass(frozen=True)
class Thumbnail:
    """A JPEG or PNG, and the size in pixels of the picture it was made of, as it is shown.

    ``turned`` is the EXIF orientation (1 to 8) that was applied: a list's boxes are in the pixels before it.
    """

    data: bytes
    media_type: str
    width: int
    height: int
    tag: str
    turned: int = 1


@dataclass(frozen=True)
class Asked:
    """A picture that was asked for, and all that is needed to make it small: no database while a store is waited for."""

    url: str
    size: int
    tag: str
    cached: Path
    sources: Sources


def ask(session: Session, context: Context, dataset: DatasetRow, line: int, size: int) -> Asked:
    """The picture on ``line``, at most ``size`` pixels wide and high.

    Raises:
        NotFound: no such line. Invalid: it is a video, which is opened in a sandbox only.
    """
    sample = DatasetFolder(context.home.dataset(dataset.id)).index().at_line(line)
    if sample is None:
        raise NotFound("no-such-line", N_("Line {line} of the list has no sample."), line=line)
    if sample.type == "video":
        hint = N_("Format the dataset with some frames a second, and they become pictures.")
        raise Invalid("picture-video", N_("Line {line} is a video; it is not shown here."), hint=hint, line=line)
    tag = hashlib.sha256(f"{dataset.id} {line} {size} {sample.url}".encode()).hexdigest()[:32]
    cached = context.home.root / "cache" / "pictures" / dataset.id / tag
    return Asked(sample.url, size, tag, cached, sources_of(session, context, dataset))


def make(asked: Asked) -> Thumbnail:
    """The small picture, from the cache or made now. Blocking: a store may be slow.

    Raises:
        NotFound: no such picture. Invalid: it cannot be decoded.
    """
    if (kept := _read_cache(asked.cached, asked.tag)) is not None:
        return kept
    try:
        data = asked.sources.read(asked.url)
    except PictureProblem as problem:
        raise refusal_of(problem) from None
    made = shrink(data, asked.size, asked.tag)
    _write_cache(asked.cached, made)
    return made


def shrink(data: bytes, size: int, tag: str = "") -> Thumbnail:
    """Decode and scale down one picture; never scales up.

    Raises:
        Invalid: no picture we know, broken, or too large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            width, height = opened.size
            if width * height > MAX_PIXELS:
                raise _undecodable(f"{width} × {height}")
            opened.draft("RGB", (size, size))
            turned = _orientation(opened)
            with _large if opened.width * opened.height > _LARGE_PIXELS else nullcontext():
                # Pillow shrinks by whole factors first, which it cannot with sixteen bits
                opened.thumbnail((size, size), reducing_gap=None if opened.mode.startswith("I;16") else 2.0)
            # turned when it is small: a copy of a large picture would take its memory twice
            shown = (height, width) if turned in _SIDEWAYS else (width, height)
            return replace(_encode(_eight_bits(ImageOps.exif_transpose(opened)), shown, tag), turned=turned)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise _undecodable(type(error).__name__) from None


def _orientation(opened: Image.Image) -> int:
    told = opened.getexif().get(ExifTags.Base.Orientation)
    return told if isinstance(told, int) and 1 <= told <= 8 else 1


def _eight_bits(image: Image.Image) -> Image.Image:
    """The upper eight of sixteen bits, as formatting takes them; Pillow would cut off all that is above 255."""
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))


def _encode(image: Image.Image, original: tuple[int, int], tag: str) -> Thumbnail:
    clear = image.mode in ("RGBA", "LA", "PA", "P")
    small = image.convert("RGBA" if clear else "L" if image.mode in ("L", "1", "I", "F") else "RGB")
    buffer = io.BytesIO()
    if clear or max(original) <= 64:
        small.save(buffer, "PNG")
        return Thumbnail(buffer.getvalue(), "image/png", *original, tag)
    small.save(buffer, "JPEG", quality=_QUALITY)
    return Thumbnail(buffer.getvalue(), "image/jpeg", *original, tag)


def _undecodable(reason: str) -> Invalid:
    return Invalid("picture-broken", N_("The picture cannot be shown: {reason}."), reason=reason)


def _read_cache(path: Path, tag: str) -> Thumbnail | None:
    try:
        head, _, data = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    kind, *numbers = head.decode().split(" ")
    width, height, turned = (int(number) for number in (*numbers, "1")[:3])
    return Thumbnail(data, kind, width, height, tag, turned)


def _write_cache(path: Path, made: Thumbnail) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    part.write_bytes(f"{made.media_type} {made.width} {made.height} {made.turned}\n".encode() + made.data)
    part.replace(path)
