"""How large an encoded picture is, from its first bytes: for containers that do not say it."""

from __future__ import annotations

from typing import NamedTuple

from trainyard.datasets.jpeg import frame_of

_JPEG = b"\xff\xd8"
_PNG = b"\x89PNG\r\n\x1a\n"
_GREY = (0, 4)


class Size(NamedTuple):
    """Channels (1 or 3) and edges in pixels as they are stored; all 0 where the bytes do not say them."""

    channels: int = 0
    height: int = 0
    width: int = 0


def size_of(data: bytes) -> Size:
    """The size of the JPEG or PNG that ``data`` begins."""
    if data.startswith(_JPEG):
        components, height, width = frame_of(data) or (0, 0, 0)
        return Size(1 if components == 1 else 3, height, width) if height and width else Size()
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and len(data) >= 26:
        width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
        return Size(1 if data[25] in _GREY else 3, height, width)
    return Size()


def extension_of(data: bytes) -> str:
    """``jpg`` or ``png``, by what the picture is, not by what it is called; ``bin`` for anything else."""
    if data.startswith(_JPEG):
        return "jpg"
    return "png" if data.startswith(_PNG) else "bin"
