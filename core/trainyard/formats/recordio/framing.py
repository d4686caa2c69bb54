"""The framing of RecordIO: how a payload becomes a record and back, as in dmlc-core ``src/recordio.cc``.

A record is ``magic, cflag << 29 | length, payload, zero padding to 4 bytes`` (little endian). A payload that holds the
magic at a multiple of 4 is split there: the magic is dropped, and readers put it back between the parts.
"""

from __future__ import annotations

import struct
from array import array
from typing import BinaryIO, NamedTuple

import numpy as np

from trainyard.formats.damage import LONGEST_RECORD, Damaged
from trainyard.words import N_

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
LONGEST = (1 << 29) - 1
WHOLE, FIRST, MIDDLE, LAST = 0, 1, 2, 3
PART = struct.Struct("<II")
_WORD = np.dtype("<u4")
# flag (number of labels when above 0), label, id, id2: the header of MXNet's image records
HEADER = struct.Struct("<IfQQ")


class BadRecord(Damaged):
    """The file is not RecordIO, or is cut off."""


def pieces(head: bytes, picture: bytes) -> tuple[bytes, ...]:
    """The record whose payload is ``head`` and ``picture``, as pieces to be written one after the other: no copy is made.

    ``head`` ends at a multiple of 4, as all heads of image records do.
    """
    length = len(head) + len(picture)
    if length > LONGEST or _holds_magic(head) or _holds_magic(picture):
        return (frame(head + picture),)
    return PART.pack(MAGIC, length), head, picture, bytes(-length % 4)


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
    """The payload of the next record, at most 272 MiB; None at the end of the file.

    Raises:
        BadRecord: the magic is missing, parts are out of order, or the file is cut off.
    """
    parts: list[bytes] = []
    left = LONGEST_RECORD
    while head := file.read(PART.size):
        flag, length = part_head(head, not parts)
        if (left := left - length) < 0:
            raise BadRecord(N_("The record is longer than {limit} bytes."), limit=LONGEST_RECORD)
        data = file.read(length + -length % 4)
        if len(data) < length + -length % 4:
            raise BadRecord(CUT_OFF)
        parts.append(data[:length])
        if flag in (WHOLE, LAST):
            return MAGIC_BYTES.join(parts)
    if parts:
        raise BadRecord(CUT_OFF)
    return None


def index_of(file: BinaryIO, size: int) -> array[int]:
    """Where every record of ``file``, which has ``size`` bytes, begins: for a set without its index. Payloads are not read.

    Raises:
        BadRecord: the magic is missing, parts are out of order, or the file is cut off.
    """
    offsets, position, begin = array("q"), 0, True
    while position < size:
        file.seek(position)
        flag, length = part_head(file.read(PART.size), begin)
        if begin:
            offsets.append(position)
        begin = flag in (WHOLE, LAST)
        position += PART.size + length + -length % 4
    if position > size or not begin:
        raise BadRecord(CUT_OFF)
    return offsets


def pack(number: int, numbers: tuple[float, ...], *, alone: bool) -> bytes:
    """What stands before the picture of an image record: one label ``alone`` in it, or any behind with their count as flag."""
    if alone:
        return HEADER.pack(0, numbers[0], number, 0)
    return HEADER.pack(len(numbers), 0.0, number, 0) + struct.pack(f"<{len(numbers)}f", *numbers)


class Header(NamedTuple):
    """What stands before the picture in a payload; ``alone`` says that the label is the header's own."""

    number: int
    numbers: tuple[float, ...]
    alone: bool
    end: int


def unpack(payload: bytes) -> Header:
    """The header of an image record's payload; the picture begins at its ``end``.

    Raises:
        BadRecord: the payload ends before the picture.
    """
    if len(payload) < HEADER.size:
        raise BadRecord(TOO_SHORT)
    flag, label, number, _ = HEADER.unpack_from(payload)
    if not flag:
        return Header(number, (label,), True, HEADER.size)
    end = HEADER.size + 4 * flag
    if len(payload) < end:
        raise BadRecord(TOO_SHORT)
    return Header(number, struct.unpack_from(f"<{flag}f", payload, HEADER.size), False, end)


CUT_OFF = N_("The file ends inside a record.")
TOO_SHORT = N_("The record is shorter than its header and labels.")


def _holds_magic(data: bytes) -> bool:
    """Whether the magic stands at a multiple of 4: ten times as fast as looking at every place."""
    return bool((np.frombuffer(data, _WORD, len(data) // 4) == MAGIC).any())


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
        raise BadRecord(N_("The record is longer than {limit} bytes."), limit=LONGEST)
    return PART.pack(MAGIC, flag << 29 | len(payload)) + payload + bytes(-len(payload) % 4)


def part_head(head: bytes, begin: bool) -> tuple[int, int]:
    """``(flag, length)`` of a part; ``begin`` says whether a record has to begin here."""
    if len(head) < PART.size:
        raise BadRecord(CUT_OFF)
    magic, mixed = PART.unpack(head)
    if magic != MAGIC:
        raise BadRecord(N_("There is no RecordIO record at this place."))
    flag = mixed >> 29
    if flag > LAST or (flag in (WHOLE, FIRST)) != begin:
        raise BadRecord(N_("The parts of a record are out of order."))
    return flag, mixed & LONGEST
