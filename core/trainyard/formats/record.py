"""One formatted sample, and the contract of whatever writes or reads a set of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, Self

Kind = Literal["class", "classes", "boxes", "none"]
"""What the labels of a set are: one class a picture, any number of classes, boxes (also of faces), or nothing."""


class Box(NamedTuple):
    """One object: its class index ``label``, and its edges in pixels of the picture in the record, from the upper left corner.

    ``xmin`` is the left edge of the first column inside, ``xmax`` the right edge of the last one: a box around the whole
    picture is (0, 0, width, height). ``difficult`` objects are those that PASCAL VOC leaves out of its evaluation.
    """

    label: int
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    difficult: bool = False


class Labels(NamedTuple):
    """What is known about one picture.

    ``numbers`` is the class index for the kind ``class``, one 0 or 1 for every class for ``classes``; ``boxes`` belongs to
    the kind ``boxes``.
    """

    kind: Kind
    numbers: tuple[float, ...] = ()
    boxes: tuple[Box, ...] = ()

    @property
    def indices(self) -> tuple[int, ...]:
        """The class indices in the picture, each once: ascending for ``classes``, by appearance for ``boxes``."""
        if self.kind == "class":
            return (int(self.numbers[0]),)
        if self.kind == "classes":
            return tuple(index for index, number in enumerate(self.numbers) if number)
        return tuple(dict.fromkeys(box.label for box in self.boxes))


UNLABELLED = Labels("none")


def one_class(index: int) -> Labels:
    """The labels of a picture of the one class ``index``."""
    return Labels("class", (float(index),))


def several_classes(numbers: Iterable[float]) -> Labels:
    """The labels of a picture of any number of classes: 0 or 1 for each."""
    return Labels("classes", tuple(numbers))


def some_boxes(boxes: Iterable[Box]) -> Labels:
    """The labels of a picture with objects."""
    return Labels("boxes", boxes=tuple(boxes))


class Record(NamedTuple):
    """One sample as every container holds it. ``number`` counts from 0 in its set.

    ``picture`` is an encoded JPEG or PNG of ``channels`` × ``height`` × ``width``; sizes are 0 where nothing says them.
    ``pixels`` may hold the same picture decoded, as a container of raw pixels wants it: channel, height, width, BGR.
    """

    number: int
    name: str
    labels: Labels
    picture: bytes
    channels: int = 0
    height: int = 0
    width: int = 0
    pixels: bytes = b""


class Description(NamedTuple):
    """A record without its picture: what statistics need, read without copying pictures. ``bytes`` is the picture's size."""

    number: int
    name: str
    labels: Labels
    bytes: int
    channels: int = 0
    height: int = 0
    width: int = 0


class SetOptions(NamedTuple):
    """What a writer is told about the whole set beforehand.

    All its records have labels of ``kind``; ``classes`` are the names in the order of their indices; ``difficult`` says
    whether boxes may be marked so; ``values`` is how LMDB keeps pictures; ``shard_bytes`` is the size at which a shard ends.
    """

    kind: Kind = "class"
    classes: tuple[str, ...] = ()
    difficult: bool = False
    values: Literal["encoded", "raw"] = "encoded"
    shard_bytes: int = 1 << 28


State = dict[str, int]
"""Sizes and counts that a writer needs to go on from; numbers only, so that it travels as JSON."""


class SetWriter(Protocol):
    """Appends records to one set."""

    def __init__(self, folder: Path, state: State | None = None, options: SetOptions = SetOptions()) -> None:
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

    def finish(self) -> None:
        """After the last record: make what can only be made of the whole set. May be done again after a crash."""
        ...

    def close(self) -> None:
        """Close the files, finished or not."""
        ...

    def checksums(self) -> dict[str, str]:
        """After ``close``: SHA-256 of files by path below the folder, as far as they were computed while writing."""
        ...

    @staticmethod
    def reaches(folder: Path, state: State) -> bool:
        """Whether the files in ``folder`` hold what ``state`` says; a power cut may have taken their ends."""
        ...


class SetReader(Protocol):
    """Reads one set, also one from elsewhere. Iteration gives the records in the order they were written.

    Everything raises ``trainyard.formats.damage.Damaged`` where the files are not what the format asks for, and
    ``reader[n]`` raises ``IndexError`` where there is no record n. Nothing is unpickled.
    """

    def __init__(self, folder: Path) -> None:
        """Open the set in ``folder``."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, number: int) -> Record: ...

    def __iter__(self) -> Iterator[Record]: ...

    def describe(self) -> Iterator[Description]:
        """Every record without its picture, in order."""
        ...

    def close(self) -> None:
        """Let go of the files; what is forgotten unclosed does so by itself."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...
