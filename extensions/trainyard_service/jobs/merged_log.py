"""The logs of all replicas as one: whole lines, each with its replica's name in front, in the order in which they were written.
The log of one process is such a view too, without a name: that is how its lines get their times.

When a line was written is known to a second or 4 KiB, by the time files of the supervisors; lines of the same moment stand in
the order of the replicas. Of a progress bar its last state is a line. A place in this view is a ``cursor``: the byte offsets
in all logs, so that a page before or behind it is read with a few blocks in memory, however long the logs are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from heapq import merge
from pathlib import Path

from trainyard.metrics.beneath import open_beneath

from trainyard_service.jobs.log import LogFile
from trainyard_service.jobs.stamps import KEPT, Stamps, StampStore

ALL = "all"
"""What stands for the name of a replica where all are meant."""
START = "start"
CURSOR = rf"^({START}|\d{{1,18}}(\.\d{{1,18}})*)$"
_BLOCK = LONGEST = 1 << 16
_AGAIN = 1 << 16
_YEAR_9999 = 253_370_764_800
_Line = tuple[int, int, int, int, bytes]
"""When, which replica, where it begins and ends, and its bytes."""


@dataclass(frozen=True)
class Source:
    """One replica: its name (empty where it stands alone), its log, and the folders that tell when it wrote what."""

    name: str
    log: LogFile
    folders: Sequence[Path] = ()


@dataclass(frozen=True)
class Piece:
    """Lines of the view, the cursors in front of and behind them, and the bytes of all logs together."""

    data: bytes
    first: str
    next: str
    size: int


class MergedLog:
    """The view over ``sources``, in the order of the replicas; what is known of their times is kept in ``stamps``.

    ``times``: each line begins with when it was written, ``2026-11-22T09:35:14Z``, or as many blanks.
    """

    def __init__(self, sources: Sequence[Source], stamps: StampStore = KEPT, *, times: bool = False) -> None:
        self.sources = sources
        self.stamps = stamps
        self._before = [f"{one.name} | ".encode() if one.name else b"" for one in sources]
        self._times = times

    def forward(self, cursor: str, limit: int, *, final: bool, timed: bool = True) -> Piece:
        """At most ``limit`` bytes (one line at least) from ``cursor`` on.

        A line that has no end yet is left for later unless the job is ``final``. Not ``timed``: what came since the last look
        is in the order of the replicas.
        """
        sizes = self.sizes()
        begins = self.offsets(cursor, sizes)
        nexts, shown = list(begins), list[bytes]()
        lines = self._merged(begins, sizes, final=final, timed=timed)
        if self._times and not timed:
            known = [self.stamps.of(one.folders) for one in self.sources]
            lines = ((known[place].at(begin), place, begin, end, text) for _, place, begin, end, text in lines)
        for (_, place, _, end, _), line in self._fitting(lines, limit):
            shown.append(line)
            nexts[place] = end
        return Piece(b"".join(shown), cursor_of(begins), cursor_of(nexts), sum(sizes))

    def backward(self, cursor: str | None, limit: int, *, final: bool) -> Piece:
        """At most ``limit`` bytes (one line at least) in front of ``cursor``, or of the end."""
        sizes = self.sizes()
        ends = sizes if cursor is None else self.offsets(cursor, sizes)
        nexts = list(ends)
        found, cut = list[_Line](), (0, 0, 0)
        block = max(2 * LONGEST, 2 * limit // len(self.sources))
        for place, end in enumerate(ends):
            begin = max(0, end - block)
            stamps, most = self.stamps.of(self.sources[place].folders), limit // (len(self._before[place]) + 1) + 2
            lines = deque(self._lines(place, begin, end, stamps, final=final or cursor is not None), most)
            nexts[place] = lines[-1][3] if lines else begin
            if lines and (begin or len(lines) == most):
                # the first is a piece of a line; what other replicas wrote before the second may have a neighbour further up
                if len(lines) > 1:
                    lines.popleft()
                cut = max(cut, lines[0][:3])
            found += lines
        firsts, shown = list(nexts), list[bytes]()
        last_first = sorted((line for line in found if line[:3] >= cut), reverse=True)
        for (_, place, begin, _, _), line in self._fitting(last_first, limit):
            shown.append(line)
            firsts[place] = begin
        return Piece(b"".join(reversed(shown)), cursor_of(firsts), cursor_of(nexts), sum(sizes))

    def whole(self) -> Iterator[bytes]:
        """Everything that is written now, in blocks."""
        sizes, block = self.sizes(), bytearray()
        for line in self._merged([0] * len(sizes), sizes, final=True, timed=True):
            block += self._shown(line)
            if len(block) >= _BLOCK:
                yield bytes(block)
                block.clear()
        yield bytes(block)

    def _fitting(self, lines: Iterable[_Line], limit: int) -> Iterator[tuple[_Line, bytes]]:
        """Lines with what is shown of them, for as long as that is ``limit`` bytes at most; one line at least."""
        length = 0
        for line in lines:
            shown = self._shown(line)
            if length and length + len(shown) > limit:
                return
            length += len(shown)
            yield line, shown

    def _shown(self, line: _Line) -> bytes:
        when, place, _, _, text = line
        written = _stamp(when // 1000) if self._times else b""
        return written + self._before[place] + text.rstrip(b"\r").rpartition(b"\r")[2] + b"\n"

    def sizes(self) -> list[int]:
        """Bytes of every log."""
        return [one.log.size() for one in self.sources]

    def offsets(self, cursor: str, sizes: Sequence[int]) -> list[int]:
        """A cursor's offsets; a log that lost its middle goes on with its last lines, one that is new from its begin."""
        told = [] if cursor == START else [int(one) for one in cursor.split(".")]
        known = [*told, *[0] * len(sizes)][: len(sizes)]
        return [at if at <= size else max(0, size - _AGAIN) for at, size in zip(known, sizes, strict=True)]

    def _merged(self, begins: Sequence[int], ends: Sequence[int], *, final: bool, timed: bool) -> Iterator[_Line]:
        stamps = [self.stamps.of(one.folders) if timed else Stamps() for one in self.sources]
        parts = zip(range(len(self.sources)), begins, ends, stamps, strict=True)
        return merge(*(self._lines(*part, final=final) for part in parts))

    def _lines(self, place: int, begin: int, end: int, stamps: Stamps, *, final: bool) -> Iterator[_Line]:
        """The lines of one log between two places; a longer one than a block is cut."""
        log, at, rest = self.sources[place].log, begin, b""
        try:
            with open_beneath(log.root, log.relative) as file:
                file.seek(begin)
                while block := file.read(max(0, min(_BLOCK, end - at - len(rest)))):
                    *whole, rest = (rest + block).split(b"\n")
                    for text in whole:
                        yield stamps.at(at), place, at, at + len(text) + 1, text
                        at += len(text) + 1
                    if len(rest) >= LONGEST:
                        yield stamps.at(at), place, at, at + len(rest), rest
                        at, rest = at + len(rest), b""
                if rest and final:
                    yield stamps.at(at), place, at, at + len(rest), rest
        except (OSError, ValueError):
            return


@lru_cache(1024)
def _stamp(seconds: int) -> bytes:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ} ".encode() if 0 < seconds < _YEAR_9999 else b" " * 21


def cursor_of(offsets: Sequence[int]) -> str:
    """A place in the view, by the offsets in all logs."""
    return ".".join(map(str, offsets))
