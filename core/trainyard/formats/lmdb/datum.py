"""Caffe's ``Datum`` as protobuf bytes, written and read by hand: the message has seven fields and will not grow.

``message Datum { int32 channels = 1; int32 height = 2; int32 width = 3; bytes data = 4; int32 label = 5;
repeated float float_data = 6; bool encoded = 7; }`` (caffe.proto, proto2: ``float_data`` is not packed).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Datum(NamedTuple):
    """One picture. ``data`` is an encoded file where ``encoded``, else raw bytes in channel, height, width order, BGR."""

    channels: int
    height: int
    width: int
    data: bytes
    label: int
    float_data: tuple[float, ...] = ()
    encoded: bool = True


class BadDatum(ValueError):
    """The bytes are no ``Datum``."""


def encode(datum: Datum) -> bytes:
    """The message's bytes, fields in ascending order as protobuf's own writers put them."""
    parts = [
        b"\x08" + varint(datum.channels),
        b"\x10" + varint(datum.height),
        b"\x18" + varint(datum.width),
        b"\x22" + varint(len(datum.data)),
        datum.data,
        b"\x28" + varint(datum.label),
        *(b"\x35" + struct.pack("<f", number) for number in datum.float_data),
        b"\x38\x01" if datum.encoded else b"\x38\x00",
    ]
    return b"".join(parts)


def decode(message: bytes) -> Datum:
    """The message in ``message``; unknown fields are passed over.

    Raises:
        BadDatum: the bytes are cut off or no protobuf.
    """
    numbers = {1: 0, 2: 0, 3: 0, 5: 0, 7: 0}
    data, floats = b"", []
    for field, kind, value in _fields(message):
        if field == 4 and isinstance(value, bytes):
            data = value
        elif field == 6 and isinstance(value, bytes):
            if len(value) % 4:
                raise BadDatum("float_data is cut off")
            floats += [number for (number,) in struct.iter_unpack("<f", value)]
        elif field in numbers and kind == _VARINT and isinstance(value, int):
            numbers[field] = value
    return Datum(numbers[1], numbers[2], numbers[3], data, numbers[5], tuple(floats), bool(numbers[7]))


def varint(number: int) -> bytes:
    """A number of 0 or more, seven bits a byte, lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _fields(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        kind = tag & 7
        if kind == _VARINT:
            number, position = _read_varint(message, position)
            yield tag >> 3, kind, number
            continue
        if kind == _BYTES:
            length, position = _read_varint(message, position)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise BadDatum(f"there is no wire type {kind}")
        if position + length > len(message):
            raise BadDatum("the message is cut off")
        yield tag >> 3, kind, message[position : position + length]
        position += length


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            raise BadDatum("the message is cut off")
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
    raise BadDatum("a number has more than ten bytes")
