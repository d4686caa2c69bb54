"""Read a list once: say what is wrong with it, count it and index it, in little memory and mostly in C.

A block of plain lines is decoded at once and its labels are counted as arrays (see ``gather``). A block with anything to
explain, or in the old schema, is read line by line. Both ways give the same counts and the same index.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from trainyard.datasets.gather import Gatherer
from trainyard.datasets.index import ROW, IndexWriter, ListIndex
from trainyard.datasets.jsonlist import ListReader
from trainyard.datasets.lines import BOM, MAX_LINE, Line, read_lines
from trainyard.datasets.repeats import Repeats
from trainyard.datasets.sample import Problem, Remark, Sample
from trainyard.datasets.statistics import Counting, Statistics
from trainyard.words import N_

BLOCK = 1 << 18
TWICE_KEPT = 50
TWICE = N_("An earlier line names the same picture; it is in the dataset twice. Delete one of the lines if that is not meant.")
_ONCE = (b'"url', b'"labe')
"""Where there are more than lines, one line may name a field twice, which decoders pass over. These parts are found fastest."""
_OPEN, _CLOSE, _RETURN, _NEWLINE = b"{}\r\n"


class Block(NamedTuple):
    """Whole lines of a list: the number of the first from 1, their offset in the file, and the bytes."""

    first: int
    offset: int
    data: bytes


def scan(path: Path, folder: Path, between: Callable[[int], None]) -> Statistics:
    """Read the list at ``path`` into statistics and into the index in ``folder``; ``between`` blocks it is told the offset."""
    with _no_collection(), Repeats(folder, "urls") as urls, path.open("rb") as file:
        one = _Scan(IndexWriter(folder), urls)
        one.read(file, between)
        statistics = one.close()
        total, places = urls.found()
        if total:
            named = _named((place for _, place in places), ListIndex(path, folder))
            statistics.remarks.append(Remark("url-twice", TWICE, total, named))
    return statistics


class _Scan:
    """One reading."""

    def __init__(self, index: IndexWriter, urls: Repeats) -> None:
        self._reader, self._counting = ListReader(), Counting()
        self._index, self._urls = index, urls
        self._gatherer = Gatherer(index.number_of)

    def read(self, file: BinaryIO, between: Callable[[int], None]) -> None:
        first, offset = 1, 0
        while data := _whole_lines(file, offset):
            block = Block(first, offset, data)
            if taken := self._take_plain(block):
                first, offset = first + taken, offset + len(data)
            else:
                first, offset = self._take_lines(file, block)
            between(offset)
        self._counting.result.bytes = offset

    def close(self) -> Statistics:
        """Finish the index; what was counted."""
        self._index.close()
        self._gatherer.count_into(self._counting)
        return self._counting.result

    def _take_plain(self, block: Block) -> int:
        """Count and index a block of plain lines; how many, or 0 with nothing done where a line has to be read alone."""
        starts, behind = _plain_lines(block)
        if not len(starts) or any(block.data.count(name) > len(starts) for name in _ONCE):
            return 0
        try:
            lines = self._gatherer.decode(block.data.removeprefix(BOM) if block.offset == 0 else block.data)
        except (ValueError, RecursionError):
            return 0
        rows = np.empty(len(starts), ROW)
        rows["offset"], rows["length"] = block.offset + starts, behind - starts
        rows["line"] = np.arange(block.first, block.first + len(starts))
        if len(lines) != len(rows):
            return 0
        taken = self._gatherer.take(lines, lambda place: self._alone(block, rows[place].tolist()))
        if taken is None:
            return 0
        labels, unlabelled = taken
        self._index.extend(rows, labels)
        self._add_urls([line.url for line in lines])
        self._counting.add_lines(len(lines), [line.type for line in lines].count("video"), unlabelled)
        return len(lines)

    def _alone(self, block: Block, row: tuple[int, int, int]) -> Sample | Problem:
        """One line of a plain block as the reader explains it."""
        offset, length, number = row
        data = block.data[offset - block.offset :][:length]
        return self._reader.parse(Line(number, offset, length, data.removeprefix(BOM).strip()))

    def _take_lines(self, file: BinaryIO, block: Block) -> tuple[int, int]:
        """Count and index a block line by line; the number and the offset of the line behind it."""
        file.seek(block.offset)
        number, behind, end = block.first, block.offset, block.offset + len(block.data)
        for line in read_lines(file, first=block.first):
            self._take_line(line)
            number, behind = line.number + 1, line.offset + line.length
            if behind >= end:
                return number, behind
        return number, end

    def _take_line(self, line: Line) -> None:
        found = self._reader.parse(line)
        if isinstance(found, Problem):
            self._counting.add_problem(found)
            return
        self._index.add(line, self._counting.add(found), self._counting.repeated)
        self._add_urls([found.url])

    def _add_urls(self, urls: list[str]) -> None:
        self._urls.add(np.fromiter(map(hash, urls), np.int64, len(urls)))
        self._counting.add_urls(urls)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nothing here makes cycles, and looking for them among millions of points takes a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _named(places: Iterator[int], index: ListIndex) -> list[str]:
    """The first samples that repeat a url: their lines, and the line each repeats."""
    first, named = dict[str, int](), list[str]()
    for place in places:
        sample = index.samples([place])[0]
        earlier = first.setdefault(sample.url, sample.line)
        if earlier != sample.line:
            named.append(f"{sample.line} = {earlier}")
        if len(named) == TWICE_KEPT:
            break
    return named


def _whole_lines(file: BinaryIO, offset: int) -> bytes:
    """About a block from ``offset`` on, to the end of a line; or to the end of the file, or of what a line may be long."""
    file.seek(offset)
    data = file.read(BLOCK)
    return data if data[-1:] in (b"", b"\n") else data + file.readline(MAX_LINE)


def _plain_lines(block: Block) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where each line starts and where the next one does; nothing where one is not ``{…}`` alone, or too long.

    No object reaches over such lines: inside of one a line end stands beside a comma, a colon or an inner bracket.
    """
    letters = np.frombuffer(block.data, dtype=np.uint8)
    ends = np.flatnonzero(letters == _NEWLINE)
    starts = np.concatenate(([0], ends[:-1] + 1))
    nothing = np.empty(0, dtype=np.int64)
    if not len(ends) or ends[-1] != len(letters) - 1:
        return nothing, nothing
    opening = starts.copy()
    if block.offset == 0 and block.data.startswith(BOM):
        opening[0] = len(BOM)
    closing = ends - 1 - (letters[ends - 1] == _RETURN)
    plain = (letters[opening] == _OPEN) & (letters[closing] == _CLOSE) & (ends + 1 - starts <= MAX_LINE)
    return (starts, ends + 1) if plain.all() else (nothing, nothing)
