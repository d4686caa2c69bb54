"""Cut a file into lines without ever holding more than one bounded line in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

MAX_LINE = 8 * 1024 * 1024
BOM = b"\xef\xbb\xbf"
SPACE = b" \t\r\n"


class Line(NamedTuple):
    """One line that is not blank; ``number`` counts from 1, ``offset`` and ``length`` are bytes in the file.

    ``data`` is None when the line is longer than the limit; its bytes were passed over.
    """

    number: int
    offset: int
    length: int
    data: bytes | None


def read_lines(file: BinaryIO, limit: int = MAX_LINE) -> Iterator[Line]:
    """The lines of ``file`` from its present position on, without blank ones, a byte order mark, or line ends."""
    number, offset = 0, file.tell()
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
