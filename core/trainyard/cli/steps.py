"""Long commands as steps: a line that moves while a step goes on in a terminal, one line with its time when it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, TypeVar

from trainyard.cli.show import language
from trainyard.errors import Conflict, Unavailable
from trainyard.words import N_, translate

if TYPE_CHECKING:
    from trainyard.records.jobs import Progress

T = TypeVar("T")
POLL_SECONDS = 0.5
# a platform that was killed is back in seconds
AWAY_SECONDS = 60.0


@dataclass
class Step:
    """One step; ``result`` is what its line says at the end, ``now`` what it says meanwhile."""

    title: str
    steps: Steps
    began: float = field(default_factory=time.monotonic)
    result: str = ""

    def now(self, text: str) -> None:
        """Say how far it is; shown in a terminal only, and only when it changed."""
        self.steps.moving(f"{self.title} … {text}")

    def progress(self, progress: Progress | None) -> None:
        """Say the percentage and the time that remains."""
        if progress is not None and progress.total:
            left = "" if progress.remaining is None else f" · {progress.remaining:.0f} s"
            self.now(f"{progress.done / progress.total:.0%}{left}")


@dataclass
class Steps:
    """The steps of one command, all of which end before ``seconds`` have passed.

    ``out`` gets the lines; ``done`` keeps titles and seconds for ``--json``.
    """

    seconds: float
    out: IO[str] = field(default_factory=lambda: sys.stdout)
    done: list[dict[str, object]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _shown: str = ""

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """One step: its line is written when it is done."""
        step = Step(translate(title, language()), self)
        step.now("")
        try:
            yield step
        except KeyboardInterrupt:
            self._clear()
            raise
        except BaseException:
            self._clear()
            print(f"✗ {step.title}", file=self.out, flush=True)
            raise
        seconds = time.monotonic() - step.began
        self._clear()
        print(
            f"✓ {step.title}: {step.result} ({seconds:.1f} s)" if step.result else f"✓ {step.title} ({seconds:.1f} s)",
            file=self.out,
        )
        self.out.flush()
        self.done.append({"step": title, "seconds": round(seconds, 2), "result": step.result})

    def wait(self, ask: Callable[[], T | None]) -> T:
        """What ``ask`` answers at last; it is asked again while it answers None, and while the platform is started again.

        Raises:
            Conflict: the command's time is over. Unavailable: the platform has been away for a minute.
        """
        heard = time.monotonic()
        while True:
            try:
                if (answer := ask()) is not None:
                    return answer
                heard = time.monotonic()
            except Unavailable:
                if time.monotonic() - heard > AWAY_SECONDS:
                    raise
            if time.monotonic() - self.began > self.seconds:
                raise Conflict(
                    "took-too-long",
                    N_("This was not done within {minutes:g} minutes."),
                    hint=N_("Give it more time with --minutes, or look at the job's log on its page."),
                    minutes=self.seconds / 60,
                )
            time.sleep(POLL_SECONDS)

    def moving(self, text: str) -> None:
        """Write over the line of the step that goes on."""
        if self.out.isatty() and text != self._shown:
            self.out.write(f"\r\033[K{text}")
            self.out.flush()
            self._shown = text

    def _clear(self) -> None:
        if self.out.isatty():
            self.out.write("\r\033[K")
        self._shown = ""
