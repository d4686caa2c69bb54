"""What a shard of a batch leaves: its formatted pictures in order, whatever the formats, until the last job writes the sets.

The last job writes every format from the shards' spools as if it had formatted the pictures itself, so that the sets do not
depend on how many jobs shared the work. A spool is a sequence of ``length (8 bytes, little endian), ends (1 byte: whether
its sample ends here), entry``; an entry is msgpack: a picture as an array, or why there is none as a map.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from trainyard.decoding import prepared
from trainyard.errors import Conflict
from trainyard.formats.appending import files_reach, open_cut
from trainyard.formats.checkpoint import Checkpoint, Syncing
from trainyard.formats.manifest import Skipped
from trainyard.formats.pipeline import Formatted, Result, ends_sample
from trainyard.formats.record import State
from trainyard.words import N_

SHARDS = ".shards"
SPOOL = "pictures.spool"
SHARD = "shard.json"
_NAME = "spool"
_HEAD = struct.Struct("<Q?")


class Shard(NamedTuple):
    """One of ``of`` equal parts of a batch's order; ``number`` counts from 0."""

    number: int
    of: int

    def folder(self, batch: Path) -> Path:
        """Where it leaves its spool."""
        return batch / SHARDS / f"{self.number:02d}"


@prepared
class ShardManifest(msgspec.Struct):
    """Says that a spool is whole: of which work it is, how many samples it holds and how long it is."""

    identity: str
    samples: int
    skipped: int
    bytes: int


_ENTRIES = msgspec.msgpack.Decoder(Formatted | Skipped)


class Spool:
    """Writes a spool in ``part``; see ``flow.Sink``."""

    def __init__(self, part: Path) -> None:
        self._part = part
        self._file: BinaryIO | None = None
        self._bytes = 0

    def open(self, at: Checkpoint) -> None:
        """See ``Sink``."""
        self._bytes = at.sets.get(_NAME, {}).get(SPOOL, 0)
        self._file = open_cut(self._part / SPOOL, self._bytes)

    def take(self, at: Checkpoint, result: Result) -> None:
        """See ``Sink``."""
        entry = msgspec.msgpack.encode(result)
        assert self._file is not None
        self._file.write(_HEAD.pack(len(entry), ends_sample(result)))
        self._file.write(entry)
        self._bytes += _HEAD.size + len(entry)

    def reaches(self, name: str, state: State) -> bool:
        """See ``Sink``."""
        return name == _NAME and files_reach(self._part, state)

    def checkpoint(self) -> dict[str, State]:
        """See ``Sink``."""
        assert self._file is not None
        self._file.flush()
        return {_NAME: {SPOOL: self._bytes}}

    def files(self) -> Iterable[Syncing]:
        """See ``Sink``."""
        return [self]

    def sync(self) -> None:
        """See ``Syncing``."""
        if self._file is not None:
            os.fdatasync(self._file.fileno())

    @property
    def bytes_written(self) -> int:
        """See ``Sink``."""
        return self._bytes

    def end(self) -> None:
        """See ``Sink``."""
        self.sync()
        self.close()

    def close(self) -> None:
        """See ``Sink``."""
        if self._file is not None:
            self._file.close()


def is_whole(folder: Path, identity: str) -> bool:
    """Whether the shard in ``folder`` is done, for this very work."""
    try:
        said = msgspec.json.decode((folder / SHARD).read_bytes(), type=ShardManifest)
        return said.identity == identity and (folder / SPOOL).stat().st_size == said.bytes
    except (OSError, msgspec.MsgspecError):
        return False


def replay(folders: Sequence[tuple[Path, str]], position: int, inside: int) -> Iterator[Result]:
    """What the spools in ``folders`` (with the identity each must have) hold, from ``position`` of all samples on.

    Of the sample there ``inside`` pictures are passed over.

    Raises:
        Conflict: ``shard-missing``, a spool is not whole or of another work.
    """
    for number, (folder, identity) in enumerate(folders):
        if not is_whole(folder, identity):
            raise Conflict(
                "shard-missing",
                N_("What shard {number} of {of} made is not there any more, or of another list."),
                hint=N_("Resume the batch: the shard is made again."),
                number=number + 1,
                of=len(folders),
            )
    for folder, _ in folders:
        with (folder / SPOOL).open("rb", buffering=1 << 20) as file:
            while head := file.read(_HEAD.size):
                length, ends = _HEAD.unpack(head)
                if position or inside:
                    file.seek(length, 1)
                    position, inside = (position - ends, inside) if position else (0, inside - 1)
                else:
                    yield _ENTRIES.decode(file.read(length))
