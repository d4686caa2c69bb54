"""The job that fetches, run inside a sandbox: ``python -m trainyard.datasets.fetching.job spec.json``.

The specification (JSON): ``folder``, where the new dataset is made; ``list``, the list to read; ``place``, where pictures go (a
``relist.Place``); ``at_once`` and ``per_host``, how many are asked for at the same time; ``tries``, how often what may be there
later is asked for; ``largest_total``, bytes for all pictures together. Progress and, at the end, a refusal are told in
``<folder>/progress.json``. Exit code 0: the dataset is whole; 2: refused; 143: asked to stop. The next start goes on.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from trainyard.datasets.fetching.journal import Ended, Journal, digest_of
from trainyard.datasets.fetching.relist import Place, remote_urls, write_list
from trainyard.datasets.fetching.remote import Answer, Away, ask, silent
from trainyard.datasets.fetching.turns import Turn, Turns
from trainyard.datasets.folder import LIST, DatasetFolder, Stopped
from trainyard.errors import Invalid, UserError
from trainyard.job_progress import FULL, ProgressFile
from trainyard.words import N_, quoted

PROGRESS = "progress.json"
_TOLD_EVERY_SECONDS = 0.5
_PATIENCE_SECONDS = 300.0
_STOPPED = 128 + signal.SIGTERM


class FetchSpec(msgspec.Struct):
    """What the service asks for; see the module."""

    folder: Path
    list: Path
    place: Place
    at_once: int = 16
    per_host: int = 4
    tries: int = 5
    first_pause: float = 1.0
    largest_total: int = 0
    lineage: dict[str, Any] = {}


class Fetch:
    """One attempt: threads that take turns, ask and write down."""

    def __init__(self, spec: FetchSpec, journal: Journal, progress: ProgressFile, stopping: threading.Event) -> None:
        self._spec, self._journal, self._progress, self._stopping = spec, journal, progress, stopping
        self._turns = Turns(self._missing(), spec.per_host, spec.first_pause)
        self._refused: UserError | None = None
        self._told = threading.Lock()
        self._last = 0.0
        self._total = len({digest_of(url) for url in remote_urls(spec.list)})

    def run(self) -> None:
        """Until every url has ended.

        Raises:
            UserError: the service refuses all of it. Stopped: somebody asked to stop.
        """
        if not self._total:
            raise Invalid(
                "nothing-to-fetch",
                N_("The list names no pictures at http:// or https://."),
                hint=N_("There is nothing to fetch; format the dataset as it is."),
            )
        threads = [threading.Thread(target=self._work, name=f"fetch-{n}") for n in range(self._spec.at_once)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            time.sleep(0.1)  # not the event's wait: a signal that comes while its lock is taken would wait for that for ever
            if self._stopping.is_set():
                self._turns.end()
                break
        for thread in threads:
            thread.join()
        self._tell(always=True)
        if self._refused is not None:
            raise self._refused
        if self._stopping.is_set():
            raise Stopped

    def _missing(self) -> Iterator[str]:
        """Each url once that has not ended; what this attempt has begun is not begun again."""
        begun: set[bytes] = set()
        for url in remote_urls(self._spec.list):
            digest = digest_of(url)
            if digest not in begun and url not in self._journal:
                begun.add(digest)
                yield url

    def _work(self) -> None:
        try:
            while (turn := self._turns.take()) is not None:
                self._one(turn)
        except Stopped:
            self._turns.end()
        except UserError as error:
            self._refused = error
            self._turns.end()
        except OSError as error:
            self._refused = _lost(error)
            self._turns.end()

    def _one(self, turn: Turn) -> None:
        if self._spec.largest_total and self._journal.bytes >= self._spec.largest_total:
            limit = {"limit": self._spec.largest_total}
            sentence = N_("All pictures together have more than {limit} bytes; the rest was not fetched.")
            self._end(turn, Answer("failed", code="fetch-total", message=sentence, values=limit))
            return
        answer = self._asked(turn.url)
        if answer.state == "later" and turn.tries + 1 < self._spec.tries:
            self._turns.again(turn, answer.after, whole_host=answer.busy)
        else:
            self._end(turn, answer)

    def _asked(self, url: str) -> Answer:
        """The service's answer; one that is away is waited for."""
        began, pause = time.monotonic(), 0.5
        while True:
            try:
                return ask(url)
            except Away as away:
                if time.monotonic() - began > _PATIENCE_SECONDS:
                    raise silent(str(away)) from None
                if self._stopping.wait(pause):
                    raise Stopped from None
                pause = min(pause * 2, 10.0)

    def _end(self, turn: Turn, answer: Answer) -> None:
        if answer.state == "stored":
            self._journal.add(Ended(turn.url, "stored", answer.suffix, answer.size))
        else:
            self._journal.add(Ended(turn.url, "failed", "", 0, answer.code, answer.message, answer.values))
        self._turns.ended(turn)
        self._tell()

    def _tell(self, *, always: bool = False) -> None:
        with self._told:
            if always or time.monotonic() - self._last > _TOLD_EVERY_SECONDS:
                self._last = time.monotonic()
                journal = self._journal
                self._progress.tell(len(journal), self._total, skipped=journal.failures, bytes=journal.bytes)


def run(spec: FetchSpec, stopping: threading.Event) -> int:
    """Do what the specification says; the exit code."""
    progress = ProgressFile(spec.folder / PROGRESS)
    try:
        _make(spec, progress, stopping)
    except Stopped:
        return _STOPPED
    except UserError as error:
        return _refuse(progress, error)
    except OSError as error:
        if error.errno not in FULL:
            raise
        return _refuse(progress, _lost(error))
    return 0


def _make(spec: FetchSpec, progress: ProgressFile, stopping: threading.Event) -> None:
    journal = Journal(spec.folder)
    try:
        if not (spec.folder / LIST).exists():
            Fetch(spec, journal, progress, stopping).run()
            _must_have_something(journal)
            write_list(spec.list, spec.folder, spec.place, journal)
        DatasetFolder(spec.folder).prepare(should_stop=stopping.is_set, lineage=spec.lineage)
    finally:
        journal.close()


def _must_have_something(journal: Journal) -> None:
    """Raises:
    Invalid: not one picture could be had; when the fetch is resumed, all are asked for again.
    """
    first, count = journal.first_failure(), journal.failures
    if first is not None and count == len(journal):
        journal.forget()
        raise Invalid(
            "fetch-failed",
            N_("None of the {count} pictures could be fetched. The first, {url}: {reason}"),
            hint=N_("Correct the addresses in the list, or ask an administrator to allow their host."),
            count=count,
            url=first.url[:200],
            reason=quoted(first.message, first.values),
        )


def _refuse(progress: ProgressFile, error: UserError) -> int:
    print(error, file=sys.stderr)
    progress.failed(error)
    return 2


def _lost(error: OSError) -> UserError:
    if error.errno in FULL:
        hint = N_("Delete datasets or formatted sets that nobody needs, then fetch again.")
        return Invalid("disk-full", N_("The disk is full."), hint=hint)
    return UserError("fetch-lost", N_("The fetch failed: {reason}."), reason=error.strerror or type(error).__name__)


def decode_spec(data: bytes) -> FetchSpec:
    """The specification in ``data``."""
    return msgspec.json.decode(data, type=FetchSpec, dec_hook=lambda kind, value: kind(value))


def main(argv: list[str]) -> int:
    """Do the work that ``argv[1]`` specifies; the exit status."""
    os.umask(0o022)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    return run(decode_spec(Path(argv[1]).read_bytes()), stopping)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
