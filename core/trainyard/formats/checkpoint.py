"""Say now and then how far every file of a batch is on the disk, without making the work wait for the disk."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import lmdb
import msgspec

from trainyard.datasets.folder import write_json
from trainyard.formats.plan import Skipped
from trainyard.formats.record import SetWriter, State

CHECKPOINT = "checkpoint.json"
SKIPPED = "skipped.jsonl"


class Checkpoint(msgspec.Struct):
    """What the files of a batch held at one moment."""

    identity: str
    created: str
    position: int = 0
    written: dict[str, int] = {}
    skipped: list[Skipped] = []
    skipped_total: int = 0
    skipped_bytes: int = 0
    sets: dict[str, State] = {}


class Keeper:
    """Keeps the last checkpoint of the folder ``part``, in a thread of its own; at most one is under way."""

    def __init__(self, part: Path) -> None:
        self._part = part
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._last: Future[None] | None = None

    def load(self, identity: str) -> Checkpoint | None:
        """The last checkpoint, if it is of this very plan and list and the files reach as far as it says."""
        try:
            found = msgspec.json.decode((self._part / CHECKPOINT).read_bytes(), type=Checkpoint)
            return found if found.identity == identity and self._files_reach(found) else None
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

    def keep(self, at: Checkpoint, writers: Iterable[SetWriter]) -> None:
        """Bring to the disk what ``writers`` handed over at their ``checkpoint``, then ``at``, which tells of it."""
        self.wait()
        self._last = self._thread.submit(self._keep, msgspec.Raw(msgspec.json.encode(at)), list(writers))

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

    def _keep(self, content: msgspec.Raw, writers: list[SetWriter]) -> None:
        for writer in writers:
            writer.sync()
        write_json(self._part / CHECKPOINT, content)

    def _files_reach(self, at: Checkpoint) -> bool:
        """Whether the files are as long as the checkpoint says; a power cut may have taken their ends."""
        sizes = [
            (self._part / name / "cache" / file, size)
            for name, state in at.sets.items()
            for file, size in state.items()
            if name.startswith("recordio-")
        ]
        sizes.append((self._part / SKIPPED, at.skipped_bytes))
        return all(path.stat().st_size >= size for path, size in sizes)
