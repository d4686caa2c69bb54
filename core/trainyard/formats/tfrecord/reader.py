"""Read shards of ``tf.train.Example``, also those that others wrote with the same feature names."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

from trainyard.formats.containers import ShardReader
from trainyard.formats.damage import Damaged, damaged_record
from trainyard.formats.header import Size, size_of
from trainyard.formats.record import UNLABELLED, Box, Description, Labels, Record, one_class, several_classes, some_boxes
from trainyard.formats.tfrecord.example import Example
from trainyard.formats.tfrecord.writer import BACKGROUND, EDGES, SUFFIX
from trainyard.protobuf import Buffer
from trainyard.tfrecord import FOOTER, HEADER, OVERHEAD, masked_crc
from trainyard.words import N_


class TFRecordReader:
    """Random and sequential access; safe from several threads. Checksums are compared."""

    def __init__(self, folder: Path) -> None:
        self._shards = ShardReader(folder, SUFFIX, scan)

    def __len__(self) -> int:
        return len(self._shards)

    def __getitem__(self, number: int) -> Record:
        described, picture = self._read(number)
        size = described.channels, described.height, described.width
        return Record(number, described.name, described.labels, bytes(picture), *size)

    def __iter__(self) -> Iterator[Record]:
        return (self[number] for number in range(len(self)))

    def describe(self) -> Iterator[Description]:
        """Every record without its picture."""
        return (self._read(number)[0] for number in range(len(self)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the shards."""
        self._shards.close()

    def _read(self, number: int) -> tuple[Description, Buffer]:
        place = self._shards.place(number)
        try:
            example = Example(_payload(self._shards.bytes(place)))
            picture = next(iter(example.texts.get("image/encoded", ())), b"")
            size = _size_of(example, picture)
            name = example.text("image/filename")
            return Description(number, name, labels_of(example, size), len(picture), *size), picture
        except Damaged as error:
            raise damaged_record(error, number, self._shards.paths[place.shard]) from None


def scan(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """The records of one shard: where each begins, and its bytes with its frame.

    Raises:
        Damaged: a length does not match its checksum, or the shard ends inside a record.
    """
    size = os.fstat(file.fileno()).st_size
    position = 0
    while position < size:
        file.seek(position)
        length = OVERHEAD + _length(file.read(HEADER.size))
        yield position, length
        position += length
    if position > size:
        raise Damaged(N_("The file ends inside a record."))


def labels_of(example: Example, size: Size) -> Labels:
    """The labels of ``example``: boxes where it has any, else classes."""
    if "image/object/bbox/xmin" in example.floats:
        return some_boxes(_boxes(example, size))
    if hot := example.floats.get("image/class/hot"):
        return several_classes(hot)
    found = example.wholes.get("image/class/label")
    return one_class(found[0]) if found else UNLABELLED


def _boxes(example: Example, size: Size) -> Iterator[Box]:
    columns = [example.floats.get(f"image/object/bbox/{name}", []) for name in EDGES]
    labels = example.wholes.get("image/object/class/label", [])
    difficult = example.wholes.get("image/object/difficult") or [0] * len(labels)
    if len({len(labels), len(difficult), *map(len, columns)}) > 1:
        raise Damaged(N_("The boxes of the record do not all have four edges and a class."))
    for label, hard, *edges in zip(labels, difficult, *columns, strict=True):
        if not all(map(math.isfinite, edges)):
            raise Damaged(N_("A label is infinite or no number."))
        left, top, right, bottom = edges
        width, height = size.width, size.height
        yield Box(label - BACKGROUND, left * width, top * height, right * width, bottom * height, bool(hard))


def _payload(data: bytes) -> memoryview:
    """The record's payload once both checksums are right."""
    length = _length(data[: HEADER.size])
    if len(data) != length + OVERHEAD:
        raise Damaged(N_("The file ends inside a record."))
    payload = memoryview(data)[HEADER.size : HEADER.size + length]
    if masked_crc(bytes(payload)) != FOOTER.unpack_from(data, HEADER.size + length)[0]:
        raise Damaged(N_("The record does not match its checksum."))
    return payload


def _length(head: bytes) -> int:
    if len(head) < HEADER.size:
        raise Damaged(N_("The file ends inside a record."))
    length, checksum = HEADER.unpack(head)
    if masked_crc(head[:8]) != checksum:
        raise Damaged(N_("The length of a record does not match its checksum."))
    return int(length)


def _size_of(example: Example, picture: Buffer) -> Size:
    height, width = example.whole("image/height"), example.whole("image/width")
    if height > 0 and width > 0:
        return Size(example.whole("image/channels") or size_of(bytes(picture)).channels, height, width)
    return size_of(bytes(picture))
