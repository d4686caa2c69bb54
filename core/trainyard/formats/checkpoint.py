"""Say now and then how far every file of a batch is on the disk, without making the work wait for the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import lmdb
import msgspec

from trainyard.datasets.folder import write_json
from trainyard.decoding import prepared
from trainyard.formats.manifest import SKIPPED, ClassCounts, Skipped
from trainyard.formats.record import State

CHECKPOINT = "checkpoint.json"


@prepared
class Checkpoint(msgspec.Struct):
    """What the files of a batch held at one moment.

    ``position`` samples are done, and ``inside`` frames of the one that stands there; ``written`` and ``counts`` are by split,
    ``sets`` by folder.
    """

    identity: str
    created: str
    position: int = 0
    inside: int = 0
    written: dict[str, int] = {}
    counts: dict[str, ClassCounts] = {}
    skipped: list[Skipped] = []
    skipped_total: int = 0
    skipped_bytes: int = 0
    sets: dict[str, State] = {}


class Syncing(Protocol):
    """What can bring to the disk what it handed over."""

    def sync(self) -> None:
        """Return once it is there."""
        ...


class Keeper:
    """Keeps the last checkpoint of the folder ``part``, in a thread of its own; at most one is under way."""

    def __init__(self, part: Path) -> None:
        self._part = part
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._last: Future[None] | None = None

    def load(self, identity: str, reaches: Callable[[str, State], bool]) -> Checkpoint | None:
        """The last checkpoint, if it is of this very work and the files reach as far as it says.

        ``reaches`` tells it for a set by its folder's name; a power cut may have taken the ends of files.
        """
        try:
            found = msgspec.json.decode((self._part / CHECKPOINT).read_bytes(), type=Checkpoint)
            whole = (
                found.identity == identity
                and (self._part / SKIPPED).stat().st_size >= found.skipped_bytes
                and all(reaches(name, state) for name, state in found.sets.items())
            )
            return found if whole else None
        except (OSError, msgspec.MsgspecError):
            return None

    def busy(self) -> bool:
        """Whether the last checkpoint is still on its way to the disk.

        Raises:
            OSError: it did not get there.
        """
        if self._last and self._last.done():
            self._last.result()
        return bool(self._last and not self._last.done())

    def keep(self, at: Checkpoint, files: Iterable[Syncing]) -> None:
        """Bring to the disk what ``files`` handed over at their ``checkpoint``, then ``at``, which tells of it."""
        self.wait()
        self._last = self._thread.submit(self._keep, msgspec.Raw(msgspec.json.encode(at)), list(files))

    def wait(self) -> None:
        """Until the last checkpoint is on the disk.

        Raises:
            OSError: it did not get there.
        """
        if self._last:
            self._last.result()

    def close(self) -> None:
        """Let nothing go on; what failed was said before, or does not matter any more."""
        self._thread.shutdown()
        with suppress(OSError, lmdb.Error):
            self.wait()

    def _keep(self, content: msgspec.Raw, files: list[Syncing]) -> None:
        for file in files:
            file.sync()
        write_json(self._part / CHECKPOINT, content)
