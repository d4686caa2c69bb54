"""Which files are pictures or videos, by their names; how large a picture is, and how it is turned, by its header."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from trainyard.datasets.frame import Frame
from trainyard.datasets.jpeg import read_header
from trainyard.datasets.sample import MediaType
from trainyard.datasets.sources import PictureProblem

PICTURES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
VIDEOS = frozenset({".mp4", ".m4v", ".avi", ".mov", ".mkv", ".webm", ".flv", ".wmv", ".mpg", ".mpeg", ".ts", ".3gp"})
_HEAD, _JPEG = 1 << 16, b"\xff\xd8"
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF")


def suffix_of(name: str) -> str:
    """``.jpg`` of ``a/B.JPG``; empty without one."""
    stem, dot, suffix = name[name.rfind("/") + 1 :].rpartition(".")
    return f".{suffix.lower()}" if dot and stem else ""


def media_type(name: str) -> MediaType | None:
    """Whether a file of this name is a picture or a video; None for everything else."""
    suffix = suffix_of(name)
    if suffix in PICTURES:
        return "image"
    return "video" if suffix in VIDEOS else None


def frame_of(path: Path) -> Frame | None:
    """The size of a picture as its file stores it, and how Exif turns it; None where it is no picture."""
    with path.open("rb") as file:
        return frame_in(file)


def frame_in(file: BinaryIO) -> Frame | None:
    """The same of a file at its beginning; of a JPEG only the first bytes are needed."""
    from trainyard.datasets.codec import look  # only two layouts need it, and it takes a tenth of a second

    head = file.read(_HEAD)
    if head.startswith(_JPEG) and (found := read_header(head)):
        return Frame(found.width, found.height, found.orientation)
    try:
        return look(head + file.read()).frame
    except PictureProblem:
        return _cut_off(file)


def _cut_off(file: BinaryIO) -> Frame | None:
    """What Pillow says of a picture that is not whole: it may have a size all the same."""
    from PIL import Image, UnidentifiedImageError

    file.seek(0)
    try:
        with Image.open(file, formats=FORMATS) as picture:
            return Frame(*picture.size)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError):
        return None
