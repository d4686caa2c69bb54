"""Searching a log of any length and telling when its lines were written, with a few blocks in memory."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from trainyard.metrics.beneath import open_beneath
from trainyard.records.monitoring import LogMatch, LogSearch, LogTimes

from trainyard_service.jobs.log import LogFile
from trainyard_service.jobs.stamps import KEPT

BLOCK = 4 << 20
AT_ONCE = 512 << 20
"""Bytes one call looks through; the caller goes on where it ended."""
MOST_MATCHES = 500
_SHOWN = 300
_CODES = re.compile(rb"\x1b\[[0-9;:?]*[ -/]*[@-~]")


@dataclass
class _Search:
    """A search under way: where its buffer begins, and the number of the line there."""

    wanted: bytes
    offset: int
    line: int
    matches: list[LogMatch] = field(default_factory=list)

    def take(self, buffer: bytes) -> bool:
        """Look through whole lines; False when enough was found, and then offset and line are behind the last one."""
        # a colour code in the middle of what is searched for hides it from nobody who reads
        plain = _CODES.sub(b"", buffer) if b"\x1b" in buffer else buffer
        folded = plain.lower()
        place = counted = at = 0
        number = self.line
        while (hit := folded.find(self.wanted, place)) >= 0:
            begin = folded.rfind(b"\n", 0, hit) + 1
            end = folded.find(b"\n", hit)
            end = len(plain) if end < 0 else end
            lines = folded.count(b"\n", counted, begin)
            number, counted = number + lines, begin
            at = begin if plain is buffer else _lines_on(buffer, at, lines)
            shown = plain[max(begin, hit - _SHOWN // 2) : end][:_SHOWN].decode(errors="replace")
            self.matches.append(LogMatch(offset=self.offset + at, line=number, text=shown))
            place = end + 1
            if len(self.matches) >= MOST_MATCHES:
                self.line = number + 1
                self.offset += min(end + 1, len(buffer)) if plain is buffer else _lines_on(buffer, at, 1)
                return False
        self.line = number + folded.count(b"\n", counted)
        self.offset += len(buffer)
        return True


def _lines_on(buffer: bytes, at: int, lines: int) -> int:
    """Where the line begins that is so many lines on."""
    for _ in range(lines):
        found = buffer.find(b"\n", at)
        if found < 0:
            return len(buffer)
        at = found + 1
    return at


def search(log: LogFile, text: str, offset: int, line: int) -> LogSearch:
    """Lines that hold ``text`` from ``offset`` on, ASCII letters alike in both cases; ``line`` is the number of the first."""
    found = _Search(text.encode().lower(), offset, line)
    size, done = 0, True
    try:
        with open_beneath(log.root, log.relative) as file:
            size = os.fstat(file.fileno()).st_size
            for lines in _whole_lines(file, offset, min(size, offset + AT_ONCE)):
                done = found.take(lines)
                if not done:
                    break
    except (OSError, ValueError):
        pass
    rest = found.offset < size
    return LogSearch(matches=found.matches, next=found.offset if rest else None, next_line=found.line, size=size)


def matches_of(log: LogFile, text: str, begin: int, end: int, block: int = BLOCK) -> Iterator[LogMatch]:
    """Every line between two places that holds ``text``, as they are found; about ``block`` bytes are in memory meanwhile."""
    found = _Search(text.encode().lower(), begin, 1)
    try:
        with open_beneath(log.root, log.relative) as file:
            while found.offset < end:
                for lines in _whole_lines(file, found.offset, end, block):
                    whole = found.take(lines)
                    yield from found.matches
                    found.matches.clear()
                    if not whole:
                        break
                else:
                    return
    except (OSError, ValueError):
        return


def _whole_lines(file: BinaryIO, offset: int, end: int, at_once: int = BLOCK) -> Iterator[bytes]:
    """Blocks of about ``at_once`` bytes that end where a line does; a line that is longer is cut."""
    file.seek(offset)
    rest = b""
    while offset < end and (block := file.read(min(at_once, end - offset))):
        offset += len(block)
        cut = block.rfind(b"\n") + 1
        if cut:
            yield rest + block[:cut]
            rest = block[cut:]
        else:
            rest += block
        if len(rest) >= at_once:
            yield rest
            rest = b""
    if rest:
        yield rest


def times(folders: Sequence[Path], offset: int, end: int | None, most: int = 5000) -> LogTimes:
    """When what stands between two places was written, by the time files of a job's attempts, the oldest first."""
    offsets, written = KEPT.of(folders).between(offset, end)
    step = -(-len(offsets) // most) or 1
    return LogTimes(offsets=list(offsets[::step]), times=[when / 1000 for when in written[::step]])
