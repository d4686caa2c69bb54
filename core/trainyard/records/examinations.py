"""What the pictures of a dataset are: missing, broken, the same, how large; and the raw lines of its list."""

from __future__ import annotations

from typing import Literal

from trainyard.records.base import Record
from trainyard.records.jobs import Progress


class Bins(Record):
    """Counts by size: bin i begins at ``edges[i]`` and ends where the next one begins; the last has no end."""

    edges: list[float]
    counts: list[int]


class SizeTable(Record):
    """Pictures by width and height in pixels: ``counts[i][j]`` lie in bin i of the widths and bin j of the heights."""

    width_edges: list[float]
    height_edges: list[float]
    counts: list[list[int]]


class PictureBlemish(Record):
    """A picture that cannot be used, and why."""

    line: int
    url: str
    code: str
    reason: str


class Examination(Record):
    """One look at all pictures of a dataset, without decoding them. ``state`` is none while nobody asked for it.

    ``pictures`` counts lines that are images; ``missing`` and ``broken`` those that cannot be used (the first are in
    ``problems``), ``duplicates`` those with the same bytes as an earlier one (``duplicate_groups`` are lines), ``bytes`` the
    sum of those found. ``sizes`` are as shown on a screen; ``smallest`` and ``largest`` are width and height. By label set:
    ``box_parts`` counts boxes by the root of the part of the picture they cover, ``boxes_outside`` those that reach out of it.
    """

    state: Literal["none", "queued", "running", "failed", "done"]
    job: str | None = None
    progress: Progress | None = None
    error: str = ""
    pictures: int = 0
    missing: int = 0
    broken: int = 0
    duplicates: int = 0
    bytes: int = 0
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    kinds: dict[str, int] = {}
    sizes: SizeTable | None = None
    box_parts: dict[str, Bins] = {}
    boxes_outside: dict[str, int] = {}
    problems: list[PictureBlemish] = []
    duplicate_groups: list[list[int]] = []


class SourceLine(Record):
    """A line of the list as it was written; ``text`` ends after a million characters."""

    line: int
    text: str
