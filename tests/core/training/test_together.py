"""Workers that train together end after the same batch, whoever of them is asked to and whenever that is."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from trainyard.training import together
from trainyard.training.together import Agreement


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine lets nobody be taken for gone."""
    monkeypatch.setattr(together, "PATIENCE", 60.0)
    monkeypatch.setattr(together, "_LOOK", 0.05)


@pytest.fixture
def impatient(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody is gone indeed."""
    monkeypatch.setattr(together, "PATIENCE", 1.0)


@dataclass
class Worker:
    """A worker's agreement, and whether it is asked to stop."""

    folder: Path
    rank: int
    workers: int = 2
    asked: bool = False
    agreement: Agreement = field(init=False)

    def __post_init__(self) -> None:
        self.agreement = Agreement(self.folder, self.rank, self.workers, lambda: self.asked)

    def train(self, batches: int, step: Callable[[], object] = lambda: time.sleep(0.001)) -> int:
        """Train so many batches, or less where it has to end; how many it has trained."""
        for _ in range(batches):
            step()
            self.agreement.batch_done()
            if self.agreement.reached:
                break
        return self.agreement.count

    def stay_until_counted(self) -> None:
        """A step in which the thread beside it hears the call for a count."""
        while not self.agreement._counting:
            time.sleep(0.01)

    def stay_until_agreed(self) -> None:
        """A step that lasts until all are counted."""
        self.agreement._settled.wait()


Start = Callable[..., Worker]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    made: list[Worker] = []

    def begin(rank: int, workers: int = 2, *, asked: bool = False) -> Worker:
        made.append(Worker(tmp_path / "together", rank, workers, asked))
        return made[-1]

    yield begin
    for one in reversed(made):
        one.agreement.close()


def trained(workers: list[Worker], steps: list[Callable[[], object]], batches: int = 100_000) -> list[int]:
    """How many batches each has trained when all have ended."""
    counts = [0] * len(workers)

    def one(place: int) -> None:
        counts[place] = workers[place].train(batches, steps[place])

    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return counts


@pytest.mark.parametrize("asked", [[0], [2], [0, 1, 2]], ids=["the first", "the last", "all"])
def test_workers_that_wait_for_each_other_in_every_batch_end_after_the_same(asked: list[int], start: Start) -> None:
    workers = [start(rank, 3) for rank in range(3)]
    step = threading.Barrier(3, timeout=60)

    def slow() -> None:
        if workers[1].agreement.count == 20:
            for rank in asked:
                workers[rank].asked = True
        time.sleep(0.01)
        step.wait()

    counts = trained(workers, [step.wait, slow, step.wait])
    assert len(set(counts)) == 1
    assert 20 < counts[0] < 1000


def test_one_that_runs_ahead_of_the_others_is_caught_up_with(start: Start) -> None:
    """As a host does that only enqueues what its device computes."""
    ahead, behind = start(0), start(1)
    assert [ahead.train(50), behind.train(20)] == [50, 20]
    behind.asked = True
    assert trained([ahead, behind], [ahead.stay_until_agreed, behind.stay_until_counted]) == [51, 51]


def test_workers_far_apart_do_not_step_together_and_end_where_they_are(start: Start) -> None:
    first, second = start(0), start(1)
    second.train(together.FARTHEST + 1, lambda: None)
    first.asked = True
    assert trained([first, second], [first.stay_until_agreed, second.stay_until_agreed]) == [1, together.FARTHEST + 2]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("rank", [0, 1])
def test_one_whose_others_are_gone_ends_by_itself(rank: int, start: Start) -> None:
    alone = start(rank)
    alone.asked = True
    assert alone.train(100_000) < 100_000


def test_one_that_was_counted_ends_when_the_first_is_gone(start: Start, tmp_path: Path) -> None:
    first, second = start(0), start(1)
    (tmp_path / "together" / "0").write_text(json.dumps({"start": first.agreement._start, "counting": True}))
    second.stay_until_counted()
    first.agreement.close()
    assert second.train(100_000) == 1


@pytest.mark.parametrize("said", [{"counting": True}, {"end": 3}], ids=["counting", "the end"])
def test_what_a_killed_start_left_behind_is_not_believed(said: dict[str, object], start: Start, tmp_path: Path) -> None:
    left = tmp_path / "together"
    left.mkdir()
    (left / "0").write_text(json.dumps({"start": "old", **said}))
    (left / "1").write_text(json.dumps({"start": "old", "asked": True, "count": 2}))
    second = start(1)
    time.sleep(0.3)
    first = start(0)
    assert trained([first, second], [lambda: time.sleep(0.005)] * 2, 200) == [200, 200]


@pytest.mark.parametrize("said", [b"", b"{", b"[1]", b"{}", b'{"start": 1}', b"\xff"])
def test_a_file_that_is_being_written_is_no_news(said: bytes, start: Start, tmp_path: Path) -> None:
    first = start(0)
    (tmp_path / "together" / "1").write_bytes(said)
    assert first.train(200) == 200


@pytest.mark.usefixtures("impatient")
def test_a_folder_that_cannot_be_made_keeps_nobody_from_training(tmp_path: Path) -> None:
    (tmp_path / "together").write_bytes(b"")
    alone = Worker(tmp_path / "together", 0)
    assert alone.train(100) == 100
    alone.asked = True
    assert alone.train(100_000) < 100_000


def test_nothing_is_left_behind(start: Start, tmp_path: Path) -> None:
    first, second = start(0), start(1)
    second.agreement.close()
    first.agreement.close()
    assert not list(tmp_path.iterdir())
