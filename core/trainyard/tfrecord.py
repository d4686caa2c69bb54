"""TFRecord framing, as TensorFlow writes event files and sets of pictures (tensorflow/core/lib/io/record_writer.h).

    uint64 length | uint32 masked crc32c of the length | payload | uint32 masked crc32c of the payload     (little endian)

A checksum is masked, ``rotate right by 15, plus 0xa282ead8``, because checksums of data that holds checksums are weak.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import google_crc32c

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")
OVERHEAD = HEADER.size + FOOTER.size
LONGEST = 1 << 30
"""A record longer than a gibibyte is taken for damage: no scalar, picture or graph is that large."""


def masked_crc(data: bytes) -> int:
    """The masked CRC-32C of ``data``."""
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def frame(payload: bytes) -> bytes:
    """``payload`` as one record."""
    length = len(payload).to_bytes(8, "little")
    return b"".join((length, FOOTER.pack(masked_crc(length)), payload, FOOTER.pack(masked_crc(payload))))


@dataclass
class Walk:
    """The whole records at the beginning of a buffer.

    ``spans`` are (start, end) of sound payloads; ``consumed`` is where the first incomplete record begins; ``needed`` how
    many bytes that record has if its header is there; ``damaged`` are offsets of records whose payload does not match its
    checksum; ``broken`` says why nothing after ``consumed`` can be read.
    """

    spans: list[tuple[int, int]] = field(default_factory=list)
    consumed: int = 0
    needed: int = 0
    damaged: list[int] = field(default_factory=list)
    broken: str = ""


def walk(buffer: bytes) -> Walk:
    """Find the records of ``buffer``, which begins at a record; a torn last one is left for the next time."""
    found = Walk()
    size = len(buffer)
    position = 0
    while position + HEADER.size <= size:
        length, length_crc = HEADER.unpack_from(buffer, position)
        if length > LONGEST or masked_crc(buffer[position : position + 8]) != length_crc:
            found.broken = "" if only_zeros(buffer, position) else "the length of a record does not match its checksum"
            break
        start = position + HEADER.size
        end = start + length
        if end + FOOTER.size > size:
            found.needed = length + OVERHEAD
            break
        if masked_crc(buffer[start:end]) == FOOTER.unpack_from(buffer, end)[0]:
            found.spans.append((start, end))
        else:
            found.damaged.append(position)
        position = end + FOOTER.size
    found.consumed = position
    return found


def payloads(buffer: bytes) -> Iterator[bytes]:
    """The sound payloads of ``buffer``, for tests and tools."""
    for start, end in walk(buffer).spans:
        yield buffer[start:end]


def only_zeros(buffer: bytes, position: int) -> bool:
    """Whether the rest is a hole that some file systems show before the bytes of an append arrive."""
    return not buffer[position:].strip(b"\0")
