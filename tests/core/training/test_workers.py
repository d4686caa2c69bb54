"""Two real workers that are asked to stop: both end with 0 after the same batch, with one snapshot to go on from."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from trainyard.jobs.replicas import Meeting, environment, first_port, members, parts_of
from trainyard.records.distributed import Distributed, DistributedKind
from trainyard.training import state
from trainyard.training.snapshots import snapshots

from tests.frameworks import ROOT, script

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
SCRIPTS = Path(__file__).parent / "scripts"
EXAMPLE = str(ROOT / "images" / "tensorflow" / "examples" / "trainings" / "tensorflow" / "simple")
PROGRAMS = {
    "ddp_loop": (DistributedKind.PYTORCH, ()),
    "lightning_ddp": (DistributedKind.PYTORCH, ()),
    "mirrored_loop": (DistributedKind.TENSORFLOW, (EXAMPLE,)),
    "module_fit": (DistributedKind.MXNET, ()),
}
MOMENTS = {"at once": 0.0, "one after the other": 0.13, "only one": None}
"""Seconds between the requests to the one and to the other."""
STOPS = [
    pytest.param(name, moment, marks=() if name == "ddp_loop" or moment == "only one" else pytest.mark.soak)
    for name in PROGRAMS
    for moment in MOMENTS
]
KILLS = [
    pytest.param(name, gone, marks=() if name == "ddp_loop" else pytest.mark.soak)
    for name in ("ddp_loop", "lightning_ddp", "mirrored_loop")
    for gone in (0, 1)
]
"""Not MXNet's: its workers wait for a dead one until they are killed."""
LIMIT = 600
"""Seconds for what ends by itself, cold starts of a framework on a busy machine included."""


class Worker:
    """A process, and the lines it has printed so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def until(self, line: str) -> None:
        while line not in self.said:
            assert self.process.poll() is None, self.said
            time.sleep(0.01)

    def ended(self, limit: float) -> int:
        code = self.process.wait(max(0.0, limit - time.monotonic()))
        self._reading.join()
        return code

    @property
    def last(self) -> list[str]:
        """Its last batch and the weights it had then."""
        return [line for line in self.said if line.startswith("ended ")][-1].split()[1:]

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.said.extend(line.rstrip("\n") for line in self.process.stdout)


def ended(workers: list[Worker]) -> list[int]:
    limit = time.monotonic() + LIMIT
    return [one.ended(limit) for one in workers]


def start(name: str, workspace: Path, attempt: int, epochs: int, seconds: float) -> list[Worker]:
    kind, more = PROGRAMS[name]
    parts = members(parts_of(Distributed(kind=kind, workers=2)), "1Core2G")
    meets = Meeting(kind, parts, ["127.0.0.1"] * len(parts), first_port(f"{os.getpid():08x}", attempt), "test")
    own = {"TRAINYARD_JOB": "test", "TRAINYARD_ATTEMPT": str(attempt)}
    arguments = [str(SCRIPTS / f"{name}.py"), str(epochs), str(seconds), *more]
    return [Worker(script(kind.value, arguments, workspace, **environment(meets, one), **own)) for one in parts]


Begin = Callable[..., list[Worker]]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    made: list[list[Worker]] = []

    def one_more(name: str, epochs: int = 1000, seconds: float = 0.01) -> list[Worker]:
        made.append(start(name, tmp_path, len(made) + 1, epochs, seconds))
        return made[-1]

    yield one_more
    for worker in itertools.chain.from_iterable(made):
        worker.process.kill()
        worker.process.wait()


@pytest.mark.parametrize(("name", "moment"), STOPS)
def test_asked_to_stop_both_end_after_the_same_batch(name: str, moment: str, begin: Begin, tmp_path: Path) -> None:
    first, second, *serving = begin(name)
    second.until("batch 21")
    second.process.send_signal(signal.SIGTERM)
    if (apart := MOMENTS[moment]) is not None:
        time.sleep(apart)
        first.process.send_signal(signal.SIGTERM)
    assert set(ended([first, second, *serving])) == {0}, (first.said, second.said)
    assert first.last == second.last, "of the same batch, with the same weights"
    (folder,) = (tmp_path / "run").iterdir()
    content = state.read(folder)
    assert content is not None
    assert (content.state, content.ended) == ("done", "stopped")
    kept = snapshots(folder / "output")
    assert [one.step for one in kept if "batch" in one.file] == [int(first.last[0])]

    first, second, *serving = begin(name, epochs=kept[-1].epoch + 2, seconds=0.0)
    assert set(ended([first, second, *serving])) == {0}, (first.said, second.said)
    assert f"begin {kept[-1].epoch} {kept[-1].step}" in first.said
    assert first.last == second.last
    assert [one.name for one in (tmp_path / "run").iterdir()] == [folder.name]


@pytest.mark.parametrize(("name", "gone"), KILLS)
def test_when_one_is_killed_the_other_ends_by_itself(name: str, gone: int, begin: Begin) -> None:
    workers = begin(name)
    workers[1].until("batch 21")
    workers[gone].process.kill()
    workers[1 - gone].process.send_signal(signal.SIGTERM)
    ended(workers)
