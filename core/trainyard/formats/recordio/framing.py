"""The framing of RecordIO: how a payload becomes a record and back, as in dmlc-core ``src/recordio.cc``.

A record is ``magic, cflag << 29 | length, payload, zero padding to 4 bytes`` (little endian). A payload that holds the
magic at a multiple of 4 is split there: the magic is dropped, and readers put it back between the parts.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
LONGEST = (1 << 29) - 1
WHOLE, FIRST, MIDDLE, LAST = 0, 1, 2, 3
# flag (number of labels when above 0), label, id, id2: the header of MXNet's image records
HEADER = struct.Struct("<IfQQ")


class BadRecord(ValueError):
    """The file is not RecordIO, or is cut off."""


def frame(payload: bytes) -> bytes:
    """The record that holds ``payload``, at most 2**29 - 1 bytes a part."""
    places = _magic_places(payload)
    if not places:
        return _part(WHOLE, payload)
    starts = [0, *(place + 4 for place in places)]
    ends = [*places, len(payload)]
    last = len(starts) - 1
    flags = [FIRST, *[MIDDLE] * (last - 1), LAST]
    return b"".join(_part(flag, payload[start:end]) for flag, start, end in zip(flags, starts, ends, strict=True))


def read_record(file: BinaryIO) -> bytes | None:
    """The payload of the next record; None at the end of the file.

    Raises:
        BadRecord: the magic is missing, parts are out of order, or the file is cut off.
    """
    parts: list[bytes] = []
    while head := file.read(8):
        flag, payload = _read_part(file, head)
        if (flag in (WHOLE, FIRST)) != (not parts):
            raise BadRecord("parts of a record are out of order")
        parts.append(payload)
        if flag in (WHOLE, LAST):
            return MAGIC_BYTES.join(parts)
    if parts:
        raise BadRecord("the file ends inside a record")
    return None


def pack(number: int, labels: tuple[float, ...], picture: bytes) -> bytes:
    """The payload of an image record: one label in the header, or several behind it with their count as flag."""
    if len(labels) == 1:
        return HEADER.pack(0, labels[0], number, 0) + picture
    return HEADER.pack(len(labels), 0.0, number, 0) + struct.pack(f"<{len(labels)}f", *labels) + picture


def unpack(payload: bytes) -> tuple[int, tuple[float, ...], bytes]:
    """``(id, labels, picture)`` of an image record's payload."""
    if len(payload) < HEADER.size:
        raise BadRecord("the record is too short for its header")
    flag, label, number, _ = HEADER.unpack_from(payload)
    if not flag:
        return number, (label,), payload[HEADER.size :]
    end = HEADER.size + 4 * flag
    if len(payload) < end:
        raise BadRecord("the record is too short for its labels")
    return number, struct.unpack_from(f"<{flag}f", payload, HEADER.size), payload[end:]


def _magic_places(payload: bytes) -> list[int]:
    places = []
    place = payload.find(MAGIC_BYTES)
    while place >= 0:
        if place % 4 == 0:
            places.append(place)
        place = payload.find(MAGIC_BYTES, place + (4 if place % 4 == 0 else 1))
    return places


def _part(flag: int, payload: bytes) -> bytes:
    if len(payload) > LONGEST:
        raise BadRecord("a record holds at most 536870911 bytes")
    return struct.pack("<II", MAGIC, flag << 29 | len(payload)) + payload + bytes(-len(payload) % 4)


def _read_part(file: BinaryIO, head: bytes) -> tuple[int, bytes]:
    if len(head) < 8:
        raise BadRecord("the file ends inside a record")
    magic, mixed = struct.unpack("<II", head)
    if magic != MAGIC:
        raise BadRecord("there is no record at this place")
    length = mixed & LONGEST
    padded = length + -length % 4
    data = file.read(padded)
    if len(data) < padded:
        raise BadRecord("the file ends inside a record")
    return mixed >> 29, data[:length]
