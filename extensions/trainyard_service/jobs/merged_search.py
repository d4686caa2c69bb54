"""Searching the logs of all replicas as one: matches in the order in which their lines were written, with few blocks in memory.

Each log is searched for itself, which is fast, and what is found is put in order by time. Where a match lies in the view
follows from the time files: what the other replicas wrote before that moment stands in front of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge

from trainyard.metrics.beneath import open_beneath
from trainyard.records.monitoring import LogMatch, LogSearch

from trainyard_service.jobs.log_search import AT_ONCE, MOST_MATCHES, matches_of
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
    places = _Places(log.sources, stamps, begins, sizes)
    limit = max(1, at_once // len(sizes))
    ends = [min(size, begin + limit) for begin, size in zip(begins, sizes, strict=True)]
    parts = (_found(source, place, stamps[place], text, begins[place], ends[place]) for place, source in enumerate(log.sources))
    matches = list[LogMatch]()
    for found in merge(*parts):
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


def _found(source: Source, place: int, stamps: Stamps, text: str, begin: int, end: int) -> Iterator[_Found]:
    """What one log holds, in its order, and where the search of it ended."""
    end = _line_at(source, end, begin)
    for match in matches_of(source.log, text, begin, end):
        yield _Found(stamps.at(match.offset), place, match.offset, match.text)
    yield _Found(stamps.at(end), place, end)


@dataclass(frozen=True)
class _Places:
    """Places of the view between ``begins`` and ``sizes``."""

    sources: Sequence[Source]
    stamps: Sequence[Stamps]
    begins: Sequence[int]
    sizes: Sequence[int]

    def before(self, found: _Found) -> list[int]:
        """The offsets in all logs in front of that line: the others' lines that were written before it lie behind them."""
        return [found.offset if place == found.place else self._of(place, found) for place in range(len(self.sources))]

    def _of(self, place: int, found: _Found) -> int:
        later = place > found.place  # lines of one moment stand in the order of the replicas
        if later and found.when == 0:
            return self.begins[place]
        known = self.stamps[place].first_after(found.when, then=later)
        return self.sizes[place] if known is None else _line_at(self.sources[place], known, self.begins[place])


def _line_at(source: Source, offset: int, begin: int) -> int:
    """Where the first line begins at ``offset`` or behind it; a very long line is cut there."""
    if offset <= begin:
        return begin
    try:
        with open_beneath(source.log.root, source.log.relative) as file:
            file.seek(offset - 1)
            cut = file.read(LONGEST).find(b"\n")
            return offset + cut if cut >= 0 else min(offset + LONGEST - 1, os.fstat(file.fileno()).st_size)
    except (OSError, ValueError):
        return begin
