"""One formatted sample, and the contract of whatever writes or reads a set of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, Self


class Record(NamedTuple):
    """One sample as every container holds it. ``number`` counts from 0 in its set.

    ``labels`` has one float, the class index, or in a set with several classes a picture one float (0 or 1) per class.
    ``picture`` is an encoded JPEG or PNG of ``channels`` × ``height`` × ``width``.
    """

    number: int
    name: str
    labels: tuple[float, ...]
    picture: bytes
    channels: int = 0
    height: int = 0
    width: int = 0


State = dict[str, int]
"""Sizes and counts that a writer needs to go on from; numbers only, so that it travels as JSON."""


class SetWriter(Protocol):
    """Appends records to one set."""

    def __init__(self, folder: Path, state: State | None = None) -> None:
        """Open ``folder`` (which exists); with ``state``, drop everything after that checkpoint and go on from there."""
        ...

    def add(self, record: Record) -> None:
        """Append one record; numbers ascend without gaps."""
        ...

    def checkpoint(self) -> State:
        """Hand everything to the operating system; the state to go on from once ``sync`` has returned."""
        ...

    def sync(self) -> None:
        """Bring to the disk what was handed over, while another thread may go on adding."""
        ...

    @property
    def bytes_written(self) -> int:
        """Bytes of data so far, about."""
        ...

    def close(self) -> None:
        """Finish the files; the set can be read."""
        ...


class SetReader(Protocol):
    """Reads one set. Iteration gives the records in the order they were written."""

    def __init__(self, folder: Path) -> None:
        """Open the set in ``folder``."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Record: ...

    def __iter__(self) -> Iterator[Record]: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...
