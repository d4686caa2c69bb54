"""Runs a program that only prints, and makes curves of what it prints:

    python -m trainyard.training.parse --pattern caffe -- caffe train --solver=solver.prototxt

Its output passes through as it comes, its exit code becomes ours, and a request to stop is handed on to it. What it prints is
read beside, by ``trainyard.training.patterns``; a program that prints faster than that is not held up, lines are left out.
"""

from __future__ import annotations

import argparse
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from trainyard.errors import UserError
from trainyard.training.instance import TrainInstance
from trainyard.training.log_reader import LogReader, Point
from trainyard.training.patterns import BUILT_IN, compiled
from trainyard.training.snapshots import Moment

_BLOCK = 1 << 16
_LONGEST = 1 << 14
"""Bytes of a line that are kept; the rest passes through unread."""
_WAITING = 20_000
"""Lines that may wait to be read."""
_PAUSE = 0.5
_QUIET = 4
"""So many pauses without any output after its end."""
_DEFAULT = "key-value"
_INTERRUPTED = "caffe"
"""Caffe saves a snapshot on SIGINT before it ends; SIGTERM ends it at once."""
_log = logging.getLogger("trainyard.training")


class Program:
    """The program, started; its output goes to ours, its lines into a queue."""

    def __init__(self, argv: Sequence[str]) -> None:
        # a C program would keep its lines until a block is full, as its output is no terminal
        buffering = [stdbuf, "-oL"] if (stdbuf := shutil.which("stdbuf")) else []
        self.process = subprocess.Popen(
            [*buffering, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        self.unread = 0
        self._lines: deque[bytes] = deque()
        self._rest = b""
        self._ended = False
        self._reading = False
        self._news = threading.Condition()
        threading.Thread(target=self._pass_on, name="trainyard-output", daemon=True).start()

    def take(self, seconds: float) -> list[str] | None:
        """The lines since the last call, after at most ``seconds`` of waiting; None once there will be no more."""
        with self._news:
            if not self._lines and not self._ended:
                self._news.wait(seconds)
            lines, ended = [*self._lines], self._ended
            self._lines.clear()
        return None if ended and not lines else [line.decode("utf-8", "replace") for line in lines]

    @property
    def is_drained(self) -> bool:
        """Whether all that was printed has passed on: our own output may be what is slow."""
        assert self.process.stdout is not None
        return self._reading and not select.select([self.process.stdout], [], [], 0)[0]

    def send(self, number: int) -> None:
        """Hand a signal on to the program and what it started, if it still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def _pass_on(self) -> None:
        assert self.process.stdout is not None
        source, writable = self.process.stdout.fileno(), True
        while block := self._next(source):
            writable = writable and _written(block)
            self._keep(block)
        self._keep(b"\n")
        with self._news:
            self._ended = True
            self._news.notify()

    def _next(self, source: int) -> bytes:
        self._reading = True
        block = os.read(source, _BLOCK)
        self._reading = False
        return block

    def _keep(self, block: bytes) -> None:
        """Progress bars end their lines with ``\\r``."""
        *lines, self._rest = (self._rest + block.replace(b"\r", b"\n")).split(b"\n")
        self._rest = self._rest[:_LONGEST]
        with self._news:
            room = max(0, _WAITING - len(self._lines))
            self.unread += max(0, len(lines) - room)
            self._lines.extend(line[:_LONGEST] for line in lines[:room] if line)
            self._news.notify()


class Follower:
    """Brings what a program prints to a training instance."""

    def __init__(self, run: TrainInstance, reader: LogReader) -> None:
        self.run = run
        self.reader = reader
        self.points = 0

    def read(self, line: str) -> None:
        """One line; a snapshot is packed when the line after it comes: a program names it before it is written."""
        before = len(self.reader.files)
        points = self.reader.read(line)
        for point in points:
            self.run.log(point.tag, point.value, point.step)
        self.points += sum(map(_is_metric, points))
        if before and len(self.reader.files) == before:
            self.pack()

    def pack(self) -> None:
        """Keep the files that the program has said it wrote, as one snapshot."""
        files, self.reader.files = {Path(name).name: Path(name) for name in self.reader.files}, []
        if not files:
            return
        try:
            self.run.save_snapshot(files, Moment(self.reader.epoch, self.reader.step, whole=False))
        except OSError as error:
            _log.warning("the snapshot of step %d could not be kept: %s", self.reader.step, error)


def follow(argv: Sequence[str], reader: LogReader, stop_signal: int = signal.SIGTERM) -> int:
    """Run ``argv`` as a training instance to its end; its exit code, negative if a signal ended it."""
    with TrainInstance() as run:
        run.stop_request.cooperative = True
        program, follower = Program(argv), Follower(run, reader)
        try:
            _until_it_ends(program, follower, stop_signal)
        finally:
            program.send(signal.SIGKILL)
        code = program.process.wait()
        follower.pack()
        if program.unread:
            _log.warning("%d lines came too fast and were not looked at", program.unread)
        if run.dry_run and follower.points:
            print("trainyard: the dry run is over: numbers were found in the output", flush=True)
            return 0
        if run.stopping:
            return 0
        run.done(_sentence(argv[0], code))
    return code


def _until_it_ends(program: Program, follower: Follower, stop_signal: int) -> None:
    """What the program left running may keep its output open: it has ended all the same, once nothing comes any more."""
    told, quiet = False, 0
    while (lines := program.take(_PAUSE)) is not None and quiet < _QUIET:
        quiet = quiet + 1 if program.process.poll() is not None and program.is_drained and not lines else 0
        for line in lines:
            follower.read(line)
        if not told and (follower.run.stopping or (follower.run.dry_run and follower.points)):
            told = True
            program.send(stop_signal)
    program.process.wait()


def _sentence(program: str, code: int) -> str:
    if code == 0:
        return ""
    return f"{program} was ended by signal {-code}" if code < 0 else f"{program} ended with exit code {code}"


def _is_metric(point: Point) -> bool:
    return not point.tag.startswith("progress/")


def _written(block: bytes) -> bool:
    """Whether standard output takes ``block``; a full disk or a closed pipe there does not end a training."""
    try:
        left = memoryview(block)
        while left:
            left = left[os.write(1, left) :]
    except OSError:
        return False
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 127 when the program cannot be started."""
    parser = argparse.ArgumentParser(prog="python -m trainyard.training.parse", description=__doc__.partition("\n")[0])
    names = ", ".join(BUILT_IN)
    parser.add_argument("--pattern", action="append", help=f"TAG=EXPRESSION, or one of {names}; {_DEFAULT} by default")
    parser.add_argument("--batch-size", type=int, help="samples an iteration, to tell samples a second from iterations")
    parser.add_argument("--stop-signal", help="what asks the program to end: TERM, or INT (the default for caffe)")
    parser.add_argument("program", nargs="+", help="the program with its arguments, after --")
    chosen = parser.parse_args(arguments)
    declared = chosen.pattern or [_DEFAULT]
    logging.basicConfig(level=logging.INFO, format="trainyard: %(message)s")
    name = chosen.stop_signal or ("INT" if _INTERRUPTED in declared else "TERM")
    stop_signal = getattr(signal, f"SIG{name.upper().removeprefix('SIG')}", None)
    if not isinstance(stop_signal, signal.Signals):
        parser.error(f"there is no signal {name}")
    if shutil.which(chosen.program[0]) is None:
        print(f"trainyard: {chosen.program[0]} is no program that can be started", file=sys.stderr)
        return 127
    code = follow(chosen.program, LogReader(compiled(declared), chosen.batch_size), stop_signal)
    return code if code >= 0 else _end_like(-code)


def _end_like(number: int) -> int:
    """End by the signal that ended the program, so that whoever looks at us sees how it died."""
    sys.stdout.flush()
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UserError as error:
        sys.exit(str(error))
