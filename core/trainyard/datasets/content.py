"""What a file is by its first bytes; what its name or its server says of it is not believed."""

from __future__ import annotations

from typing import NamedTuple

HEAD = 32
"""So many first bytes tell."""


class Content(NamedTuple):
    """A kind of file: the ending its name should have, its media type, whether it is a picture."""

    suffix: str
    media_type: str
    picture: bool = True


_BEGINNINGS = (
    (b"\xff\xd8\xff", Content(".jpg", "image/jpeg")),
    (b"\x89PNG\r\n\x1a\n", Content(".png", "image/png")),
    (b"GIF87a", Content(".gif", "image/gif")),
    (b"GIF89a", Content(".gif", "image/gif")),
    (b"BM", Content(".bmp", "image/bmp")),
    (b"II*\0", Content(".tif", "image/tiff")),
    (b"MM\0*", Content(".tif", "image/tiff")),
    (b"\x1aE\xdf\xa3", Content(".mkv", "video/x-matroska", picture=False)),
    (b"\0\0\1\xba", Content(".mpg", "video/mpeg", picture=False)),
    (b"\0\0\1\xb3", Content(".mpg", "video/mpeg", picture=False)),
)
_RIFF = {b"WEBP": Content(".webp", "image/webp"), b"AVI ": Content(".avi", "video/x-msvideo", picture=False)}
_STILL = (b"avif", b"avis", b"heic", b"heix", b"mif1")


def content_of(head: bytes) -> Content | None:
    """What a file with these first bytes (at least ``HEAD``, or all) is; None: neither a picture nor a video we know."""
    for beginning, content in _BEGINNINGS:
        if head.startswith(beginning):
            return content
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp" and head[8:12] not in _STILL:
        return Content(".mp4", "video/mp4", picture=False)
    return None
