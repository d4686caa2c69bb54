"""What a JPEG's header says, without decoding it (ITU-T T.81 annex B; Exif 2.3 for the orientation)."""

from __future__ import annotations

import struct
from typing import NamedTuple

_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_SCAN, _APP1, _END = 0xDA, 0xE1, b"\xff\xd9"
_ORIENTATION = 0x0112
_EXIF = b"Exif\0\0"


class JpegHeader(NamedTuple):
    """Size in pixels, 1, 3 or 4 components, Exif orientation (1 is upright), and where the compressed data begins."""

    width: int
    height: int
    components: int
    orientation: int
    scan: int


def read_header(data: bytes) -> JpegHeader | None:
    """The header of the JPEG ``data``; None where it is broken before the picture begins."""
    width = height = components = 0
    orientation: int | None = None
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _SCAN:
            return JpegHeader(width, height, components, orientation or 1, position) if width and height else None
        if marker in _FRAMES and position + 10 <= len(data):
            height, width, components = struct.unpack_from(">HHB", data, position + 5)
        elif marker == _APP1 and orientation is None and data.startswith(_EXIF, position + 4):
            # the same marker begins XMP, which editors and telephones write behind Exif
            orientation = orientation_of(data[position + 4 : position + 2 + length])
        position += 2 + length
    return None


def frame_of(data: bytes) -> tuple[int, int, int] | None:
    """``(components, height, width)`` of the JPEG that ``data`` begins; None where its frame header is not inside."""
    position = 2
    while position + 10 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker in _FRAMES:
            height, width, components = struct.unpack_from(">HHB", data, position + 5)
            return components, height, width
        if marker == _SCAN:
            return None
        position += 1 if marker == 0xFF else 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None


def is_whole(data: bytes, header: JpegHeader) -> bool:
    """Whether the end marker follows the compressed data; inside the data it cannot occur."""
    return data.endswith(_END) or data.rfind(_END, header.scan) >= 0


def orientation_of(segment: bytes) -> int:
    """Orientation 1 to 8 from an Exif segment; 1 where it says nothing sensible."""
    if not segment.startswith(_EXIF) or segment[6:8] not in (b"II", b"MM"):
        return 1
    order = "<" if segment[6:8] == b"II" else ">"
    try:
        (first,) = struct.unpack_from(f"{order}I", segment, 10)
        (count,) = struct.unpack_from(f"{order}H", segment, 6 + first)
        for number in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", segment, 8 + first + 12 * number)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
