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
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from sqlalchemy.orm import Session
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.sources import FolderSource, PictureProblem, Sources
from trainyard.errors import Invalid, NotFound
from trainyard.words import N_

from trainyard_service.context import Context
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.datasets.sources import places_of
from trainyard_service.datasets.stores import objects_of

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
    """A JPEG or PNG, and the size in pixels of the picture it was made of."""

    data: bytes
    media_type: str
    width: int
    height: int
    tag: str


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
        NotFound: no such line.
    """
    sample = DatasetFolder(context.home.dataset(dataset.id)).index().at_line(line)
    if sample is None:
        raise NotFound("no-such-line", N_("Line {line} of the list has no sample."), line=line)
    tag = hashlib.sha256(f"{dataset.id} {line} {size} {sample.url}".encode()).hexdigest()[:32]
    sources = Sources(
        FolderSource(places_of(session, context.home, dataset).roots), objects_of(session, context, dataset.owner_id)
    )
    return Asked(sample.url, size, tag, context.home.root / "cache" / "pictures" / dataset.id / tag, sources)


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
        raise NotFound(problem.code, problem.message, **problem.values) from None
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
            sideways = opened.getexif().get(ExifTags.Base.Orientation) in _SIDEWAYS
            with _large if opened.width * opened.height > _LARGE_PIXELS else nullcontext():
                opened.thumbnail((size, size))
            # turned when it is small: a copy of a large picture would take its memory twice
            return _encode(ImageOps.exif_transpose(opened), (height, width) if sideways else (width, height), tag)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise _undecodable(type(error).__name__) from None


def _encode(image: Image.Image, original: tuple[int, int], tag: str) -> Thumbnail:
    clear = image.mode in ("RGBA", "LA", "PA", "P")
    small = image.convert("RGBA" if clear else "L" if image.mode in ("L", "1", "I;16", "I", "F") else "RGB")
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
    kind, width, height = head.decode().split(" ")
    return Thumbnail(data, kind, int(width), int(height), tag)


def _write_cache(path: Path, made: Thumbnail) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    part.write_bytes(f"{made.media_type} {made.width} {made.height}\n".encode() + made.data)
    part.replace(path)
