"""Cut a file into lines without ever holding more than one bounded line in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_LINE = 8 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
SPACE = b" \t\r\n"


_WIDE = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Line(NamedTuple):
    """One line that is not blank; ``number`` counts from 1, ``offset`` and ``length`` are bytes in the file.

    ``data`` is None when the line is longer than the limit; its bytes were passed over.
    """

    number: int
    offset: int
    length: int
    data: bytes | None


def read_lines(file: BinaryIO, limit: int = MAX_LINE, first: int = 1) -> Iterator[Line]:
    """The lines of ``file`` from its present position on, without blank ones, a byte order mark, or line ends.

    ``first`` is the number of the line that stands there.
    """
    number, offset = first - 1, file.tell()
    readline = file.readline
    while data := readline(limit + 1):
        number += 1
        length = len(data)
        if length > limit and data[-1:] != b"\n":
            length += _pass_over(file, limit)
            yield Line(number, offset, length, None)
        elif text := (data.removeprefix(BOM) if offset == 0 else data).strip(SPACE):
            yield Line(number, offset, length, text)
        offset += length


def _pass_over(file: BinaryIO, limit: int) -> int:
    """Skip to the end of the line; how many bytes that were."""
    skipped = 0
    while data := file.readline(limit):
        skipped += len(data)
        if data[-1:] == b"\n":
            break
    return skipped


def wide_encoding(head: bytes) -> str:
    """UTF-16 or UTF-32 where a file that begins so is written in it, with a byte order mark or without; else empty."""
    for mark, name in _WIDE.items():
        if head.startswith(mark):
            return name
    if head[:1] and head[:1] in b"{ \t\r\n" and head[1:2] == b"\0":
        return "UTF-32LE" if head[2:4] == b"\0\0" else "UTF-16LE"
    return "UTF-16BE" if head[:1] == b"\0" and head[1:2] and head[1:2] in b"{ \t\r\n" else ""
