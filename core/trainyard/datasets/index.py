"""Find any page of a list, and any page of one class, without reading the list.

Four files lie beside a list of n valid samples:

``samples.idx``
    n records of 16 bytes, little endian: offset of the line (uint64), its length in bytes (uint32), its number from 1 (uint32).
``classes.idx``
    sample numbers from 0 (uint32), ascending within each class, one class behind the other.
``classes.json``
    ``{"classes": [[label set, class, first, count], ...]}``, positions in ``classes.idx``;
    the class ``["", ""]`` is the unlabelled.
``objects.idx``
    records of 12 bytes: class (uint32, its place in ``classes.json``), sample number (uint32), and how many objects beyond the
    first the sample has of the class (uint32); only where there are any, in the order of the list.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from trainyard.datasets.jsonlist import ListReader
from trainyard.datasets.lines import BOM, SPACE, Line
from trainyard.datasets.sample import Problem, Sample
from trainyard.decoding import prepared

SAMPLES = "samples.idx"
CLASSES = "classes.idx"
TABLE = "classes.json"
OBJECTS = "objects.idx"
ROW = np.dtype([("offset", "<u8"), ("length", "<u4"), ("line", "<u4")])
REPEAT = np.dtype([("class", "<u4"), ("sample", "<u4"), ("more", "<u4")])
_UNLABELLED = ("", "")
_BUFFER = 1 << 18


@prepared
class ClassTable(msgspec.Struct):
    """Where in ``classes.idx`` the samples of each class stand."""

    classes: list[tuple[str, str, int, int]]


class Labels(NamedTuple):
    """The labels of a block of samples: ``owners`` (their places, from 0, ascending) have ``objects`` of the class ``pairs``.

    Each owner and pair comes once.
    """

    owners: npt.NDArray[np.int64]
    pairs: npt.NDArray[np.int64]
    objects: npt.NDArray[np.int64]


class IndexWriter:
    """Takes samples in the order of the list and writes the three files; memory does not grow with the list."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows = (folder / SAMPLES).open("wb")
        self._pairs = (folder / f"{CLASSES}.pairs").open("wb+")
        self._row_buffer: list[tuple[int, int, int]] = []
        self._pair_buffer = array("I")
        self._repeats = (folder / OBJECTS).open("wb")
        self._repeat_buffer = array("I")
        self._ids: dict[tuple[str, str], int] = {}
        self._counts: list[int] = []
        self._samples = 0

    def add(self, line: Line, pairs: list[tuple[str, str]], repeated: Iterable[tuple[str, str, int]] = ()) -> None:
        """Note the sample on ``line``, which belongs to the (label set, class) ``pairs``.

        ``repeated`` are those of which it has more than one object, and how many more.
        """
        self._row_buffer.append((line.offset, line.length, line.number))
        for pair in pairs or (_UNLABELLED,):
            number = self.number_of(pair)
            self._counts[number] += 1
            self._pair_buffer.append(number)
            self._pair_buffer.append(self._samples)
        for label_set, name, more in repeated:
            self._repeat_buffer.extend((self._ids[label_set, name], self._samples, more))
        self._samples += 1
        if len(self._row_buffer) >= _BUFFER or len(self._pair_buffer) >= 4 * _BUFFER:
            self._flush()

    def number_of(self, pair: tuple[str, str]) -> int:
        """The number of a (label set, class) pair, which it keeps."""
        number = self._ids.get(pair)
        if number is None:
            number = self._ids[pair] = len(self._counts)
            self._counts.append(0)
        return number

    def extend(self, rows: npt.NDArray[Any], labels: Labels) -> None:
        """Note the samples on ``rows`` with their ``labels``, as ``add`` does for one."""
        self._flush()
        rows.tofile(self._rows)
        unlabelled = np.ones(len(rows), bool)
        unlabelled[labels.owners] = False
        bare = np.flatnonzero(unlabelled)
        numbers = [labels.pairs, np.full(len(bare), self.number_of(_UNLABELLED) if len(bare) else 0)]
        samples = self._samples + np.concatenate([labels.owners, bare])
        np.column_stack([np.concatenate(numbers), samples]).astype("<u4").tofile(self._pairs)
        for number, count in zip(*np.unique(np.concatenate(numbers), return_counts=True), strict=True):
            self._counts[number] += int(count)
        again = labels.objects > 1
        if again.any():
            more = [labels.pairs[again], self._samples + labels.owners[again], labels.objects[again] - 1]
            np.column_stack(more).astype("<u4").tofile(self._repeats)
        self._samples += len(rows)

    def close(self) -> None:
        """Sort the pairs by class and finish the files."""
        self._flush()
        self._rows.close()
        self._repeats.close()
        starts = np.concatenate(([0], np.cumsum(self._counts, dtype=np.int64)))
        self._sort(starts)
        table = ClassTable([(*pair, int(starts[i]), self._counts[i]) for pair, i in self._ids.items()])
        (self._folder / TABLE).write_bytes(msgspec.json.encode(table))

    def _flush(self) -> None:
        self._rows.write(np.array(self._row_buffer, dtype=ROW).tobytes())
        self._row_buffer.clear()
        self._pair_buffer.tofile(self._pairs)
        del self._pair_buffer[:]
        self._repeat_buffer.tofile(self._repeats)
        del self._repeat_buffer[:]

    def _sort(self, starts: npt.NDArray[np.int64]) -> None:
        """A counting sort of the pairs file, a buffer at a time, into ``classes.idx``."""
        path = self._folder / CLASSES
        total = int(starts[-1])
        with path.open("wb") as file:
            if total:  # a full disk is an error here, and would be the end of the process inside the map
                os.posix_fallocate(file.fileno(), 0, 4 * total)
        self._pairs.seek(0)
        if total:
            target = np.memmap(path, dtype="<u4", mode="r+", shape=(total,))
            following = starts[:-1].copy()
            while block := self._pairs.read(8 * _BUFFER):
                _place(np.frombuffer(block, dtype=np.uint32).reshape(-1, 2), following, target)
            target.flush()
        self._pairs.close()
        (self._folder / f"{CLASSES}.pairs").unlink()


def _place(pairs: npt.NDArray[np.uint32], following: npt.NDArray[np.int64], target: npt.NDArray[np.uint32]) -> None:
    """Put each sample of ``pairs`` (class, sample) behind those its class has already; ``following`` moves on."""
    order = np.argsort(pairs[:, 0], kind="stable")
    classes = pairs[order, 0]
    first = np.searchsorted(classes, classes, side="left")
    target[following[classes] + np.arange(len(classes)) - first] = pairs[order, 1]
    np.add.at(following, classes, 1)


class ListIndex:
    """Reads pages of the list ``list_path`` by the index in ``folder``."""

    def __init__(self, list_path: Path, folder: Path) -> None:
        self._list_path = list_path
        self._rows = _map(folder / SAMPLES, ROW)
        self._classes = _map(folder / CLASSES, np.dtype("<u4"))
        table = msgspec.json.decode((folder / TABLE).read_bytes(), type=ClassTable)
        self._places = {(key, name): slice(first, first + count) for key, name, first, count in table.classes}
        self._folder = folder

    def __len__(self) -> int:
        return len(self._rows)

    def numbers(self, label_set: str = "", classes: tuple[str, ...] = ()) -> npt.NDArray[np.uint32]:
        """The samples (from 0, ascending) that have one of ``classes`` in ``label_set``; without them, the unlabelled."""
        pairs = [(label_set, name) for name in classes] or [_UNLABELLED]
        found = [self._classes[self._places[pair]] for pair in pairs if pair in self._places]
        if len(found) == 1:
            return np.asarray(found[0])
        return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.uint32)

    @property
    def classes(self) -> dict[tuple[str, str], slice]:
        """The (label set, class) pairs of the list and the place of their samples in ``members``; ``("", "")``: unlabelled."""
        return self._places

    @property
    def members(self) -> npt.NDArray[np.uint32]:
        """Sample numbers by class, as ``classes`` tells; every class's ascend."""
        return self._classes

    @property
    def lines(self) -> npt.NDArray[np.uint32]:
        """The line (from 1) of every sample."""
        return np.asarray(self._rows["line"])

    def repeats(self) -> npt.NDArray[Any] | None:
        """Records of ``REPEAT``, the class as its place in ``classes``; None for an index of a time before there were any."""
        path = self._folder / OBJECTS
        return _map(path, REPEAT) if path.exists() else None

    def line_of(self, number: int) -> int:
        """The line (from 1) of a sample (from 0)."""
        return int(self._rows[number]["line"])

    def line_before(self, line: int) -> tuple[int, int]:
        """The number and the offset of the last sample's line that is not behind ``line``; else of the list's first line."""
        place = int(np.searchsorted(self._rows["line"], line, side="right")) - 1
        return (self.line_of(place), int(self._rows[place]["offset"])) if place >= 0 else (1, 0)

    def at_line(self, line: int) -> Sample | None:
        """The sample on ``line`` (from 1); None where the line is blank, broken or beyond the end."""
        number = int(np.searchsorted(self._rows["line"], line))
        if number >= len(self._rows) or self.line_of(number) != line:
            return None
        return next(iter(self.samples([number])), None)

    def page(self, offset: int, limit: int) -> list[Sample]:
        """At most ``limit`` samples from the ``offset``-th (from 0) on."""
        return self.samples(range(max(0, offset), min(offset + limit, len(self))))

    def class_page(self, label_set: str, classes: tuple[str, ...], offset: int, limit: int) -> tuple[int, list[Sample]]:
        """How many samples have one of the classes, and at most ``limit`` of them from the ``offset``-th on."""
        numbers = self.numbers(label_set, classes)
        return len(numbers), self.samples(int(n) for n in numbers[max(0, offset) : max(0, offset) + limit])

    def samples(self, numbers: Iterable[int]) -> list[Sample]:
        """The samples with these numbers (from 0), in the order given."""
        reader = ListReader()
        with self._list_path.open("rb") as file:
            found = (self._read(file, reader, number) for number in numbers)
            return [sample for sample in found if isinstance(sample, Sample)]

    def _read(self, file: BinaryIO, reader: ListReader, number: int) -> Sample | Problem:
        offset, length, line = self._rows[number].tolist()
        file.seek(offset)
        data = file.read(length)
        return reader.parse(Line(line, offset, length, data.removeprefix(BOM).strip(SPACE)))


def _map(path: Path, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """The file as an array without reading it; an empty file cannot be mapped."""
    return np.memmap(path, dtype=dtype, mode="r") if path.stat().st_size else np.empty(0, dtype=dtype)
