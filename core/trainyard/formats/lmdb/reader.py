"""Read a set of ``Datum`` or ``AnnotatedDatum`` records from LMDB, also from a read-only mount and with keys of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from trainyard.formats.damage import Damaged, damaged_record
from trainyard.formats.header import Size, size_of
from trainyard.formats.lmdb.datum import Datum, decode
from trainyard.formats.lmdb.labels import labels_of, to_record
from trainyard.formats.lmdb.pages import Node, Pages
from trainyard.formats.lmdb.skim import skim
from trainyard.formats.record import Description, Record

DATA = "data.mdb"
_HEAD = 1 << 16


class LmdbReader:
    """Random and sequential access in the order of the keys, whatever they are; safe from several threads and after a fork."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / DATA
        self._pages = Pages(self._path)

    def __len__(self) -> int:
        return len(self._pages)

    def __getitem__(self, number: int) -> Record:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self._record(number, self._pages.node(number))

    def __iter__(self) -> Iterator[Record]:
        return (self._record(number, node) for number, node in enumerate(self._pages.nodes()))

    def describe(self) -> Iterator[Description]:
        """Every record without its picture, which is not read."""
        return (self._describe(number, node) for number, node in enumerate(self._pages.nodes()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._pages.close()

    def _record(self, number: int, node: Node) -> Record:
        datum = self._datum(number, node)
        try:
            size = _said(datum) or size_of(bytes(datum.data[:_HEAD]))
            return to_record(number, _name_of(node.key), datum._replace(**size._asdict()))
        except Damaged as error:
            raise damaged_record(error, number, self._path) from None

    def _describe(self, number: int, node: Node) -> Description:
        try:
            found = skim(lambda start, size: self._pages.part(node, start, size), node.size)
        except Damaged as error:
            raise damaged_record(error, number, self._path) from None
        size = _said(found.datum) or size_of(self._pages.part(node, found.begin, _HEAD))
        datum = found.datum._replace(**size._asdict())
        return Description(number, _name_of(node.key), labels_of(datum), found.size, *size)

    def _datum(self, number: int, node: Node) -> Datum:
        try:
            return decode(memoryview(self._pages.value(node)))
        except Damaged as error:
            raise damaged_record(error, number, self._path) from None


def _name_of(key: bytes) -> str:
    """The path in a key such as ``00000042_cat/1.jpg``; a key of another kind as it is, and digits alone name nothing."""
    text = key.decode("utf-8", "replace")
    digits, _, name = text.partition("_")
    return name if digits.isdigit() else text


def _said(datum: Datum) -> Size | None:
    """The size that the message says; many tools leave it out of messages with encoded pictures."""
    if (datum.width and datum.height and datum.channels) or not datum.encoded:
        return Size(datum.channels, datum.height, datum.width)
    return None
