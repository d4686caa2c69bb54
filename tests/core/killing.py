"""Jobs that are killed with -9 at every stage: one process forks them all, so that a round costs no start of Python."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROUNDS = 20
_MOTHER = """
import faulthandler, importlib, os, select, signal, sys
faulthandler.enable()
mains = {name: importlib.import_module(name).main for name in sys.argv[1:]}
for line in sys.stdin:
    name, seconds, spec = line.rstrip("\\n").split("\\t")
    if (child := os.fork()) == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(mains[name]([name, spec]))
    there = os.pidfd_open(child)
    if seconds and not select.select([there], [], [], float(seconds))[0]:
        os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    os.close(there)
"""
_MOMENT = re.compile(rb'"20\d\d-\d\d-\d\dT[^"]*"')


class Mother:
    """Runs ``main`` of job modules in children of its own, one after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, module: str, spec: Path, kill_after: float | None = None) -> int:
        """The exit status of one run; -9 when it was killed so many seconds after its start."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{module}\t{'' if kill_after is None else kill_after}\t{spec}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def mother_of(*modules: str) -> Iterator[Mother]:
    """A mother that knows these modules."""
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # threads would not be there in a forked child
    argv = [sys.executable, "-c", _MOTHER, *modules]
    root, pipe = Path(__file__).parents[2], subprocess.PIPE
    process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, cwd=root, env={**os.environ, **single})
    with process:
        yield Mother(process)
        assert process.stdin is not None
        process.stdin.close()


def content(folder: Path) -> dict[str, bytes]:
    """Every file below, by path, but for what tells the progress; moments in JSON are all the same one."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "progress.json" not in path.name)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return {name: _MOMENT.sub(b'""', data) if name.endswith(".json") else data for name, data in found.items()}


class Killing:
    """Rounds over one job: ``prepare`` makes its folder as it is before the first start, and names its specification."""

    def __init__(self, mother: Mother, module: str, prepare: Callable[[Path], Path]) -> None:
        self._mother, self._module, self._prepare = mother, module, prepare

    def undisturbed(self, folder: Path) -> tuple[dict[str, bytes], float]:
        """What the job makes when nobody kills it, and how many seconds it takes."""
        spec = self._prepare(folder)
        begun = time.monotonic()
        assert self._mother.run(self._module, spec) == 0
        return content(folder), time.monotonic() - begun

    def rounds(self, folder: Path, seconds: float, dice: random.Random) -> Iterator[bool]:
        """Kill it ``ROUNDS`` times, spread over its whole time, beginning anew when it gets through; whether it was killed."""
        spec = self._prepare(folder)
        for number in range(ROUNDS):
            status = self._mother.run(self._module, spec, seconds * (number + dice.random()) / ROUNDS)
            assert status in (0, -signal.SIGKILL), status
            yield status != 0
            if status == 0:
                shutil.rmtree(folder)
                spec = self._prepare(folder)
        assert self._mother.run(self._module, spec) == 0
