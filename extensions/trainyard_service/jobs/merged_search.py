"""Searching the logs of all replicas as one: matches in the order in which their lines were written, with few blocks in memory.

Each log is searched for itself, which is fast, and what is found is put in order by time. Where a match lies in the view
follows from the time files: what the other replicas wrote before that moment stands in front of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from heapq import merge
from typing import BinaryIO

from trainyard.metrics.beneath import open_beneath
from trainyard.records.monitoring import LogMatch, LogSearch

from trainyard_service.jobs.log import LogFile
from trainyard_service.jobs.log_search import AT_ONCE, BLOCK, MOST_MATCHES, matches_of
from trainyard_service.jobs.merged_log import LONGEST, MergedLog, Source, cursor_of
from trainyard_service.jobs.stamps import Stamps


@dataclass(frozen=True, order=True)
class _Found:
    """A match at its place in the view, or (without one) how far a log was searched."""

    when: int
    place: int
    offset: int
    text: str | None = None


def search_all(log: MergedLog, text: str, since: str, at_once: int = AT_ONCE, most: int = MOST_MATCHES) -> LogSearch:
    """Lines of all logs that hold ``text`` from the cursor ``since`` on: ``most`` of ``at_once`` bytes, then where to go on."""
    sizes = log.sizes()
    begins = log.offsets(since, sizes)
    stamps = [log.stamps.of(one.folders) for one in log.sources]
    limit = max(1, at_once // len(sizes))
    with ExitStack() as stack:
        places = _Places([_opened(source, stack) for source in log.sources], stamps, begins, sizes)
        parts = (_found(source.log, place, places, text, limit) for place, source in enumerate(log.sources))
        return _merged(log, merge(*parts), places, most)


def _merged(log: MergedLog, parts: Iterable[_Found], places: _Places, most: int) -> LogSearch:
    """The first ``most`` of what was found, and where to go on."""
    matches, sizes = list[LogMatch](), places.sizes
    for found in parts:
        if found.text is None:
            if found.offset < sizes[found.place]:
                return LogSearch(matches=matches, size=sum(sizes), since=cursor_of(places.before(found)))
            continue
        at = cursor_of(places.before(found))
        if len(matches) == most:
            return LogSearch(matches=matches, size=sum(sizes), since=at)
        name = log.sources[found.place].name
        matches.append(LogMatch(offset=found.offset, line=None, text=found.text, replica=name, at=at))
    return LogSearch(matches=matches, size=sum(sizes))


def _found(log: LogFile, place: int, places: _Places, text: str, limit: int) -> Iterator[_Found]:
    """What one log holds in about ``limit`` bytes, in its order, and where the search of it ended."""
    begin, stamps = places.begins[place], places.stamps[place]
    end = places.line_at(place, min(places.sizes[place], begin + limit))
    # of every log a block is in memory at the same time
    for match in matches_of(log, text, begin, end, max(LONGEST, BLOCK // len(places.sizes))):
        yield _Found(stamps.at(match.offset), place, match.offset, match.text)
    yield _Found(stamps.at(end), place, end)


@dataclass(frozen=True)
class _Places:
    """Places of the view between ``begins`` and ``sizes``; ``files`` are the logs, opened once, as far as they are there."""

    files: Sequence[BinaryIO | None]
    stamps: Sequence[Stamps]
    begins: Sequence[int]
    sizes: Sequence[int]

    def before(self, found: _Found) -> list[int]:
        """The offsets in all logs in front of that line: the others' lines that were written before it lie behind them."""
        return [found.offset if place == found.place else self._of(place, found) for place in range(len(self.files))]

    def _of(self, place: int, found: _Found) -> int:
        later = place > found.place  # lines of one moment stand in the order of the replicas
        if later and found.when == 0:
            return self.begins[place]
        known = self.stamps[place].first_after(found.when, then=later)
        return self.sizes[place] if known is None else self.line_at(place, known)

    def line_at(self, place: int, offset: int) -> int:
        """Where the first line of a log begins at ``offset`` or behind it; a very long line is cut there."""
        file, begin = self.files[place], self.begins[place]
        if file is None or offset <= begin:
            return begin
        file.seek(offset - 1)
        rest = file.readline(LONGEST)
        return offset - 1 + len(rest) if rest else os.fstat(file.fileno()).st_size


def _opened(source: Source, stack: ExitStack) -> BinaryIO | None:
    try:
        return stack.enter_context(open_beneath(source.log.root, source.log.relative))
    except (OSError, ValueError):
        return None
