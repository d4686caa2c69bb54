"""A ``Datum`` without its picture: what stands before and behind it is read, and how long it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from trainyard.formats.lmdb.datum import Datum, decode
from trainyard.protobuf import BYTES, VARINT, Malformed, field_bytes, read_varint

_HEAD = 96
_DATA = 4
Read = Callable[[int, int], bytes]
"""Gives so many bytes of the message from a place on."""


class Skimmed(NamedTuple):
    """``datum`` has no data; where they lie in the message, and how many bytes they have."""

    datum: Datum
    begin: int
    size: int


def skim(read: Read, size: int) -> Skimmed:
    """The message of ``size`` bytes that ``read`` reads, plain or annotated.

    Raises:
        BadDatum: the bytes are cut off or no protobuf.
    """
    head = read(0, min(size, _HEAD))
    try:
        start, end = _inner(head, size)
        tag, begin, length = _find_data(head, start)
    except Malformed:
        tag = begin = length = end = -1
    if not 0 < begin + length <= end <= size:  # the data do not come early, or the message is damaged: look at all of it
        whole = read(0, size)
        datum = decode(whole)
        return Skimmed(datum._replace(data=b""), whole.find(bytes(datum.data)), len(datum.data))
    inner = head[start:tag] + read(begin + length, end - begin - length)
    message = field_bytes(1, inner) + read(end, size - end) if start else inner
    return Skimmed(decode(message), begin, length)


def _inner(head: bytes, size: int) -> tuple[int, int]:
    """Where the plain message begins and ends: all of it, or the first field of an annotated one."""
    key, position = read_varint(head, 0, len(head))
    if key != 1 << 3 | BYTES:
        return 0, size
    length, position = read_varint(head, position, len(head))
    return position, position + length


def _find_data(head: bytes, position: int) -> tuple[int, int, int]:
    """Where the field ``data`` and its bytes begin, and how many these are.

    Raises:
        Malformed: it is not among the first fields.
    """
    while True:
        tag = position
        key, position = read_varint(head, position, len(head))
        if key == _DATA << 3 | BYTES:
            length, position = read_varint(head, position, len(head))
            return tag, position, length
        if key & 7 != VARINT:
            raise Malformed("another field comes first")
        _, position = read_varint(head, position, len(head))
