"""The pages of an LMDB file, read without trust: LMDB's own library ends the process where a file is damaged or made to hurt.

The layout is that of LMDB 0.9 on 64-bit little-endian machines (mdb.c, data version 1): a header of 16 bytes on every page, two
meta pages of which the younger counts, branch pages that lead to leaf pages, and overflow pages for values that are large.
Only the main database is read, without duplicate keys. Nothing is mapped, so that a file cut off meanwhile does no harm.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trainyard.formats.damage import LONGEST_RECORD, Damaged, missing_file
from trainyard.words import N_

MAGIC, VERSION = 0xBEEFC0DE, 1
_HEAD = struct.Struct("<8xHHHH")  # pgno, pad, flags, lower, upper
_META = struct.Struct("<IIQQ")
_DATABASE = struct.Struct("<IHHQQQQQ")  # pad, flags, depth, branch, leaf, overflow, entries, root
_TAIL = struct.Struct("<QQ")
_NODE = struct.Struct("<HHHH")  # low, high, flags, key size
_BRANCH, _LEAF, _OVERFLOW, _META_PAGE = 0x01, 0x02, 0x04, 0x08
_BIG = 0x01
_NOWHERE = (1 << 64) - 1
_DEEPEST = 32
_OVERFLOW_HEAD = 16


class Node(NamedTuple):
    """A key, and where its value lies in the file."""

    key: bytes
    offset: int
    size: int


class Pages:
    """The records of the LMDB file ``path`` in the order of their keys; safe from several threads and after a fork.

    Raises:
        Damaged: the file is no LMDB database, ends too early, or points to where nothing is.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            raise missing_file(path) from None
        try:
            self._length = os.fstat(self._handle).st_size
            self._page, self._root, self._entries = self._younger_meta()
            self._leaves = self._all_leaves()
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return self._entries

    def node(self, number: int) -> Node:
        """The record at place ``number``, from 0."""
        which = int(np.searchsorted(self._leaves[:, 1], number, side="right")) - 1
        place, first = map(int, self._leaves[which])
        page = self._read_page(place)
        return self._node(place, page, int(self._pointers(page, _LEAF)[number - first]))

    def nodes(self) -> Iterator[Node]:
        """All records. Together they cannot have more bytes than the file: then some lie over each other."""
        left = self._length
        for page, _ in self._leaves:
            for node in self._nodes(int(page), self._read_page(int(page))):
                if (left := left - node.size) < 0:
                    raise Damaged(BROKEN)
                yield node

    def value(self, node: Node) -> bytes:
        """The value of ``node``."""
        if node.size > LONGEST_RECORD:
            raise Damaged(N_("The record is longer than {limit} bytes."), limit=LONGEST_RECORD)
        return os.pread(self._handle, node.size, node.offset)

    def part(self, node: Node, start: int, size: int) -> bytes:
        """``size`` bytes of the value of ``node`` from ``start``, fewer at its end."""
        return os.pread(self._handle, max(0, min(size, node.size - start)), node.offset + max(0, start))

    def close(self) -> None:
        """Let go of the file."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self.close()

    def _younger_meta(self) -> tuple[int, int, int]:
        """Page size, root page and number of records of the last commit."""
        size = self._meta(0)[0]
        metas = [self._meta(place) for place in (0, size)]
        page, root, entries, last, _ = max(metas, key=lambda meta: meta[4])
        if page != size or (last + 1) * page > self._length:
            raise Damaged(N_("The file {file} is cut off."), file="data.mdb")
        if root == _NOWHERE:
            return page, root, 0
        if entries > self._length // _NODE.size:
            raise Damaged(BROKEN)
        return page, root, entries

    def _meta(self, place: int) -> tuple[int, int, int, int, int]:
        """Page size, root, records, last page and transaction of the meta page at ``place``."""
        data = os.pread(self._handle, 512, place)
        if len(data) < 512:
            raise Damaged(N_("The file {file} is no LMDB database."), file="data.mdb")
        magic, version, _, _ = _META.unpack_from(data, 16)
        free = _DATABASE.unpack_from(data, 16 + _META.size)
        main = _DATABASE.unpack_from(data, 16 + _META.size + _DATABASE.size)
        last, transaction = _TAIL.unpack_from(data, 16 + _META.size + 2 * _DATABASE.size)
        page = free[0]
        if (magic, version) != (MAGIC, VERSION) or not 512 <= page <= 1 << 16 or page & (page - 1) or main[1]:
            raise Damaged(N_("The file {file} is no LMDB database."), file="data.mdb")
        return page, main[7], main[6], last, transaction

    def _all_leaves(self) -> npt.NDArray[np.int64]:
        """For every leaf page its number and the place of its first record."""
        rows, total = [], 0
        pages = self._leaf_pages(self._root, 0, [self._length // self._page]) if self._root != _NOWHERE else ()
        for page in pages:
            rows.append((page, total))
            total += len(self._pointers(self._read_page(page), _LEAF))
        if total != self._entries:
            raise Damaged(BROKEN)
        return np.asarray(rows, np.int64).reshape(-1, 2)

    def _leaf_pages(self, number: int, depth: int, left: list[int]) -> Iterator[int]:
        """The leaves below page ``number``; ``left`` counts down how many pages there can be, so that circles end."""
        left[0] -= 1
        if left[0] < 0 or depth > _DEEPEST:
            raise Damaged(BROKEN)
        page = self._read_page(number)
        if _HEAD.unpack_from(page)[1] & _LEAF:
            yield number
            return
        for pointer in self._pointers(page, _BRANCH):
            low, high, upper, _ = self._unpack(page, pointer)
            yield from self._leaf_pages(low | high << 16 | upper << 32, depth + 1, left)

    def _read_page(self, number: int) -> bytes:
        data = os.pread(self._handle, self._page, number * self._page) if number <= self._length // self._page else b""
        if len(data) < self._page:
            raise Damaged(BROKEN)
        return data

    def _pointers(self, page: bytes, kind: int) -> npt.NDArray[np.uint16]:
        """Where the nodes of a page of this kind begin."""
        _, flags, lower, _ = _HEAD.unpack_from(page)
        if flags & (_BRANCH | _LEAF | _OVERFLOW | _META_PAGE) != kind or not 16 <= lower <= self._page:
            raise Damaged(BROKEN)
        return np.frombuffer(page, "<u2", (lower - 16) // 2, 16)

    def _nodes(self, number: int, page: bytes) -> list[Node]:
        return [self._node(number, page, int(pointer)) for pointer in self._pointers(page, _LEAF)]

    def _node(self, number: int, page: bytes, pointer: int) -> Node:
        low, high, flags, key_size = self._unpack(page, pointer)
        size, start = low | high << 16, pointer + _NODE.size + key_size
        key = page[pointer + _NODE.size : start]
        if flags & ~_BIG or start + (8 if flags & _BIG else size) > self._page:
            raise Damaged(BROKEN)
        offset = number * self._page + start
        if flags & _BIG:
            offset = int.from_bytes(page[start : start + 8], "little") * self._page + _OVERFLOW_HEAD
        if offset + size > self._length:
            raise Damaged(BROKEN)
        return Node(key, offset, size)

    def _unpack(self, page: bytes, pointer: int) -> tuple[int, int, int, int]:
        if not 16 <= pointer <= self._page - _NODE.size:
            raise Damaged(BROKEN)
        low, high, flags, size = _NODE.unpack_from(page, pointer)
        return low, high, flags, size


BROKEN = N_("A page of the database is damaged.")
