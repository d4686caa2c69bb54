"""The few bits of the protocol-buffer wire format that event files and formatted sets need.

protobuf.dev/programming-guides/encoding; written by hand because the protobuf package would be the heaviest import of a
training script, for a handful of message types.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Buffer = bytes | memoryview
Field = tuple[int, int, int, int, int]
"""(field number, wire type, value of a varint, start, end); start and end enclose the value's bytes."""


class Malformed(ValueError):
    """The bytes are no protocol-buffer message."""


def varint(value: int) -> bytes:
    """``value`` in base 128, lowest group first; negative numbers as 64-bit two's complement."""
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field_varint(number: int, value: int) -> bytes:
    """A varint field."""
    return varint(number << 3 | VARINT) + varint(value)


def field_bytes(number: int, data: bytes) -> bytes:
    """A string, bytes or message field."""
    return varint(number << 3 | BYTES) + varint(len(data)) + data


def field_double(number: int, value: float) -> bytes:
    """A double field."""
    return varint(number << 3 | FIXED64) + struct.pack("<d", value)


def field_float(number: int, value: float) -> bytes:
    """A float field."""
    return varint(number << 3 | FIXED32) + struct.pack("<f", value)


def read_varint(data: Buffer, position: int, end: int) -> tuple[int, int]:
    """The unsigned varint at ``position`` and where the next thing begins."""
    value = shift = 0
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
        shift += 7
    raise Malformed("a number does not end")


def signed(value: int) -> int:
    """An int64 from the unsigned number that carries it."""
    return value - (1 << 64) if value >> 63 else value


def fields(data: Buffer, start: int, end: int) -> Iterator[Field]:
    """The fields of the message between ``start`` and ``end``, in the order they were written."""
    position = start
    while position < end:
        key, position = read_varint(data, position, end)
        wire = key & 7
        value = 0
        begin = position
        if wire == VARINT:
            value, position = read_varint(data, position, end)
        elif wire == FIXED64:
            position += 8
        elif wire == FIXED32:
            position += 4
        elif wire == BYTES:
            length, begin = read_varint(data, position, end)
            position = begin + length
        else:
            raise Malformed(f"wire type {wire} is not used any more")
        if position > end:
            raise Malformed("a field is longer than its message")
        yield key >> 3, wire, value, begin, position
