"""Take one formatted picture after the other: write it or note why not, judge, tell, and keep checkpoints."""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

import msgspec

from trainyard.datasets.folder import Stopped
from trainyard.datasets.following import ENOUGH_TO_JUDGE, Bad, Step, Watch, must_fit
from trainyard.formats.appending import open_cut
from trainyard.formats.checkpoint import Checkpoint, Keeper, Syncing
from trainyard.formats.manifest import SKIPPED, Skipped
from trainyard.formats.pipeline import Result, ends_sample
from trainyard.formats.record import State
from trainyard.words import N_

KEPT_SKIPPED = 100
CHECKPOINT_SECONDS = 1.0
CHECKPOINT_BYTES = 1 << 26
TELL_SECONDS = 0.25
_SHORT = N_("The sets will need about {needed} more, and {free} are free.")
_SHORT_HINT = N_("Delete formatted sets that nobody needs, or choose fewer formats or a smaller size.")


class Sink(Protocol):
    """Where pictures go."""

    def open(self, at: Checkpoint) -> None:
        """Go on from ``at``; what was written after it is dropped."""
        ...

    def take(self, at: Checkpoint, result: Result) -> None:
        """The next picture or skipped sample; ``at`` is how far the work is, and is told what was written."""
        ...

    def reaches(self, name: str, state: State) -> bool:
        """Whether the files of the set ``name`` are as long as ``state`` says."""
        ...

    def checkpoint(self) -> dict[str, State]:
        """Hand everything to the operating system; the states to go on from."""
        ...

    def files(self) -> Iterable[Syncing]:
        """What is to be brought to the disk after a checkpoint."""
        ...

    @property
    def bytes_written(self) -> int:
        """Bytes so far, about."""
        ...

    def end(self) -> None:
        """Close what was written; what does not get to the disk says so."""
        ...

    def close(self) -> None:
        """Let go of everything, whatever happened."""
        ...


class Terms(NamedTuple):
    """What a piece of work is held to.

    It is about ``total`` samples, of ``whole`` that the batch has: a shard alone refuses only what would be refused with all
    others free of bad pictures.
    """

    identity: str
    total: int
    whole: int
    bad_limit: float


class Flow:
    """One piece of work in the folder ``part``; lives for one call. Results must begin at ``at.position``, ``at.inside``."""

    def __init__(self, part: Path, sink: Sink, terms: Terms, watch: Watch) -> None:
        self._part, self._sink, self._terms, self._watch = part, sink, terms, watch
        self._keeper = Keeper(part)
        self.at = self._load()
        self._saved = self._told = time.monotonic()
        self._saved_bytes = 0

    def take_all(self, results: Generator[Result, None, None]) -> None:
        """Write what is missing; afterwards the files are closed.

        Raises:
            Invalid: too many pictures are bad, or the disk cannot hold what is to come. Stopped: the watch said so.
        """
        try:
            with self._open_skipped() as self._skipped_file, closing(results):
                self._sink.open(self.at)
                for result in results:
                    self._take(result)
                self._judge(final=True)
                self._keeper.wait()
                self._hand_over()
                self._sink.end()
        finally:
            self._keeper.close()
            self._sink.close()

    def _take(self, result: Result) -> None:
        at = self.at
        self._sink.take(at, result)
        if isinstance(result, Skipped):
            self._skip(result)
        if ends_sample(result):
            at.position, at.inside = at.position + 1, 0
        else:
            at.inside += 1
        now = time.monotonic()
        if now - self._told >= TELL_SECONDS:
            self._told = now
            self._look_up()
        if self._is_due(now) and not self._keeper.busy():
            self._save()

    def _is_due(self, now: float) -> bool:
        """A checkpoint a second, or as soon as the disk has something to do: it must not stand idle."""
        return now - self._saved >= CHECKPOINT_SECONDS or self._sink.bytes_written - self._saved_bytes >= CHECKPOINT_BYTES

    def _look_up(self) -> None:
        self._judge(final=False)
        self._watch.progress(self._step())
        if self._watch.should_stop():
            self._save()
            self._keeper.wait()
            raise Stopped

    def _skip(self, skipped: Skipped) -> None:
        self.at.skipped_total += 1
        if len(self.at.skipped) < KEPT_SKIPPED:
            self.at.skipped.append(skipped)
        self._skipped_file.write(msgspec.json.encode(skipped) + b"\n")

    def _judge(self, *, final: bool) -> None:
        """Stop early when too many pictures are bad or the disk cannot hold what is to come."""
        terms, done, bad = self._terms, self.at.position, self.at.skipped_total
        so_far = done if final else max(done, ENOUGH_TO_JUDGE)
        judged = terms.whole if terms.total < terms.whole else so_far
        if bad > terms.bad_limit * judged or (final and bad == terms.whole):
            raise _bad(self.at).refusal(terms.bad_limit)
        if done and (done >= ENOUGH_TO_JUDGE or final):
            must_fit(self._part, self._sink.bytes_written * (terms.total - done) // done, _SHORT, _SHORT_HINT)

    def _step(self) -> Step:
        return Step(self.at.position, self._terms.total, self.at.skipped_total, self._sink.bytes_written)

    def _load(self) -> Checkpoint:
        """The last checkpoint, if it can be gone on from; else a fresh start."""
        if found := self._keeper.load(self._terms.identity, self._sink.reaches):
            return found
        shutil.rmtree(self._part)
        self._part.mkdir()
        return Checkpoint(self._terms.identity, moment())

    def _open_skipped(self) -> BinaryIO:
        return open_cut(self._part / SKIPPED, self.at.skipped_bytes)

    def _save(self) -> None:
        self._hand_over()
        self._keeper.keep(self.at, self._sink.files())
        self._saved, self._saved_bytes = time.monotonic(), self._sink.bytes_written

    def _hand_over(self) -> None:
        """Empty all buffers into the files; a disk that is full says so here."""
        self._skipped_file.flush()
        self.at.skipped_bytes = self._skipped_file.tell()
        self.at.sets = self._sink.checkpoint()


def moment() -> str:
    """The time of day in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _bad(at: Checkpoint) -> Bad:
    first = at.skipped[0]
    return Bad(at.skipped_total, at.position, first.line, first.url, first.message, first.values)
