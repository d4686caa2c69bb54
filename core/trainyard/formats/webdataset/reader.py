"""Read tar shards, also those that others wrote: all members up to the first dot of their names are one sample."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

from trainyard.formats.containers import Place, ShardReader
from trainyard.formats.damage import Damaged, damaged_record
from trainyard.formats.header import size_of
from trainyard.formats.listing import decode, description_of, labels_of
from trainyard.formats.record import UNLABELLED, Description, Labels, Record, one_class
from trainyard.formats.webdataset.tar import BLOCK, members, read_header
from trainyard.formats.webdataset.writer import SUFFIX
from trainyard.words import N_

_PICTURES = ("jpg", "jpeg", "png", "bin")


class WebDatasetReader:
    """Random and sequential access; safe from several threads. Labels come from our own ``.json``, else from ``.cls``."""

    def __init__(self, folder: Path) -> None:
        self._shards = ShardReader(folder, SUFFIX, scan)

    def __len__(self) -> int:
        return len(self._shards)

    def __getitem__(self, number: int) -> Record:
        place = self._shards.place(number)
        try:
            return _record(number, self._shards.bytes(place))
        except Damaged as error:
            raise damaged_record(error, number, self._shards.paths[place.shard]) from None

    def __iter__(self) -> Iterator[Record]:
        return (self[number] for number in range(len(self)))

    def describe(self) -> Iterator[Description]:
        """Every record without its picture: our own samples are read behind the picture only."""
        return (self._describe(number) for number in range(len(self)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the shards."""
        self._shards.close()

    def _describe(self, number: int) -> Description:
        place = self._shards.place(number)
        try:
            first = read_header(self._shards.bytes(place, BLOCK))
            skipped = BLOCK + first.size + -first.size % BLOCK if first else 0
            rest = _files(self._shards.bytes(Place(place.shard, place.offset + skipped, max(0, place.length - skipped))))
            if first and first.name.rpartition(".")[2] in _PICTURES and "json" in rest:
                return description_of(decode(rest["json"]))._replace(number=number)
        except Damaged:
            pass
        record = self[number]
        size = record.channels, record.height, record.width
        return Description(number, record.name, record.labels, len(record.picture), *size)


def scan(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """The samples of one shard: where each begins, and its bytes with all headers.

    Raises:
        Damaged: a header is broken, or the shard ends inside a member.
    """
    size = os.fstat(file.fileno()).st_size
    position = begin = 0
    key = ""
    while position + BLOCK <= size:
        file.seek(position)
        found = read_header(file.read(BLOCK))
        if found is None:
            break
        if (new := _key(found.name)) != key and found.file:
            if key:
                yield begin, position - begin
            key, begin = new, position
        position += BLOCK + found.size + -found.size % BLOCK
    if position > size:
        raise Damaged(N_("The file ends inside a record."))
    if key:
        yield begin, position - begin


def _record(number: int, data: bytes) -> Record:
    files = _files(data)
    picture = next((files[ending] for ending in _PICTURES if ending in files), None)
    if picture is None:
        raise Damaged(N_("The sample has no picture."))
    name, labels = _named(files)
    return Record(number, name, labels, picture, *size_of(picture))


def _named(files: dict[str, bytes]) -> tuple[str, Labels]:
    """The name and labels of a sample; JSON of another kind than ours is passed over."""
    try:
        line = decode(files.get("json", b""))
        return line.name, labels_of(line)
    except Damaged:
        text = files.get("cls", b"").strip()
        return "", one_class(int(text)) if text.isdigit() and len(text) < 10 else UNLABELLED


def _files(data: bytes) -> dict[str, bytes]:
    """The files of one sample by what stands behind the first dot of their names."""
    return {
        found.name.rpartition("/")[2].partition(".")[2].lower(): data[start : start + found.size]
        for found, start in members(data)
        if found.file
    }


def _key(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.partition(".")[0]
