"""Read a set of loose pictures by its ``samples.jsonl``; roidb sets have the same one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self

from trainyard.formats.damage import LONGEST_RECORD, Damaged, damaged_record, missing_file
from trainyard.formats.lines import LineFile
from trainyard.formats.listing import SAMPLES, Listed, decode, description_of, record_of
from trainyard.formats.record import Description, Record
from trainyard.words import N_


class PicturesReader:
    """Random and sequential access; safe from several threads. Paths that lead out of the set are refused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        if not (folder / SAMPLES).is_file():
            raise missing_file(folder / SAMPLES)
        self._lines = LineFile(folder / SAMPLES)

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, number: int) -> Record:
        line = self._line(number)
        try:
            return record_of(line, self._picture(line.image))
        except Damaged as error:
            raise damaged_record(error, number, self._folder / SAMPLES) from None

    def __iter__(self) -> Iterator[Record]:
        return (self[number] for number in range(len(self)))

    def describe(self) -> Iterator[Description]:
        """Every record without its picture; the pictures are not opened."""
        return (description_of(self._line(number)) for number in range(len(self)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the list."""
        self._lines.close()

    def _line(self, number: int) -> Listed:
        if not 0 <= number < len(self):
            raise IndexError(number)
        try:
            return decode(self._lines.bytes(number))
        except Damaged as error:
            raise damaged_record(error, number, self._folder / SAMPLES) from None

    def _picture(self, image: str) -> bytes:
        path = (self._folder / image).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file():
            raise missing_file(path)
        if path.stat().st_size > LONGEST_RECORD:
            raise Damaged(N_("The record is longer than {limit} bytes."), limit=LONGEST_RECORD)
        return path.read_bytes()
