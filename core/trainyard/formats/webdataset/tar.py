"""Members of a tar archive (POSIX.1-1988 ustar) whose headers depend on nothing but name and size, and their reading."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import NamedTuple

from trainyard.formats.damage import Damaged
from trainyard.words import N_

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
_FILE = (b"0", b"\0")


class Member(NamedTuple):
    """One member: its name, how many bytes it has, and whether it is an ordinary file."""

    name: str
    size: int
    file: bool


def member(name: str, data: bytes) -> bytes:
    """The member ``name``: no owner, no time, so that the same samples make the same bytes."""
    header = tarfile.TarInfo(name)
    header.size = len(data)
    return header.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % BLOCK)


def read_header(block: bytes) -> Member | None:
    """The header in ``block``; None at the end of the archive.

    Raises:
        Damaged: the block is no header.
    """
    if not block.strip(b"\0"):
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except (tarfile.HeaderError, ValueError):
        raise Damaged(N_("There is no tar header at this place.")) from None
    if header.size < 0:
        raise Damaged(N_("There is no tar header at this place."))
    return Member(header.name, header.size, header.type in _FILE)


def members(data: bytes) -> Iterator[tuple[Member, int]]:
    """The members in ``data``, each with where its content begins.

    Raises:
        Damaged: a header is broken, or a member reaches over the end.
    """
    position = 0
    while position + BLOCK <= len(data):
        found = read_header(data[position : position + BLOCK])
        if found is None:
            return
        start = position + BLOCK
        position = start + found.size + -found.size % BLOCK
        if start + found.size > len(data):
            raise Damaged(N_("The file ends inside a record."))
        yield found, start
