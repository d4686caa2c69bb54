"""A checkpoint promises only what is on the disk, and is gone on from only by the same work."""

from __future__ import annotations

import errno
from contextlib import closing
from pathlib import Path

import pytest
from trainyard.datasets.folder import Stopped
from trainyard.datasets.following import Step, Watch
from trainyard.formats.batch import write_batch
from trainyard.formats.checkpoint import CHECKPOINT, Checkpoint, Keeper
from trainyard.formats.manifest import SKIPPED
from trainyard.formats.picture import Recipe
from trainyard.formats.record import Record, one_class
from trainyard.formats.recordio.writer import RecordIOWriter

from tests.core.formats.pictures import make_list, plan_of, source_of


class Watching(RecordIOWriter):
    """A writer that notes whether its checkpoint was told before its data was on the disk."""

    early = False

    def sync(self) -> None:
        super().sync()
        self.early = self.early or (Path(self._rec.name).parents[2] / CHECKPOINT).exists()


class Failing(RecordIOWriter):
    """A writer whose disk fails behind its back."""

    def sync(self) -> None:
        raise OSError(errno.EIO, "Input/output error")


def writer(kind: type[RecordIOWriter], part: Path) -> RecordIOWriter:
    (part / SKIPPED).touch()
    (part / "recordio-train").mkdir()
    made = kind(part / "recordio-train")
    made.add(Record(0, "a.jpg", one_class(1), b"picture"))
    return made


def interrupted(listed: Path, folder: Path) -> None:
    """A batch that was stopped after a part of its pictures."""
    asked = iter(range(10_000))
    with pytest.raises(Stopped):
        write_batch(plan_of(listed), source_of(listed), folder, Watch(should_stop=lambda: next(asked) > 20))


def first_step(listed: Path, folder: Path, recipe: Recipe) -> Step:
    """Where the work goes on."""
    steps: list[Step] = []
    write_batch(plan_of(listed, recipe=recipe), source_of(listed), folder, Watch(steps.append))
    return steps[0]


def test_a_checkpoint_is_told_when_its_data_is_on_the_disk(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    with closing(writer(Watching, tmp_path)) as made:
        keeper.keep(Checkpoint("x", "now", sets={"recordio-train": made.checkpoint()}), [made])
        keeper.wait()
    found = keeper.load("x", lambda name, state: True)
    assert (found is not None, made.early) == (True, False)


def test_a_disk_that_fails_is_said_and_nothing_is_promised(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    with closing(writer(Failing, tmp_path)) as made:
        keeper.keep(Checkpoint("x", "now"), [made])
        with pytest.raises(OSError, match="Input/output error"):
            keeper.wait()
    assert keeper.load("x", lambda name, state: True) is None


def test_files_that_are_shorter_than_promised_are_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainyard.formats.flow.TELL_SECONDS", 0)
    listed = make_list(tmp_path, 60)
    interrupted(listed, tmp_path / "batch")
    records = tmp_path / "batch" / ".part" / "recordio-train" / "cache" / "data.rec"
    records.write_bytes(records.read_bytes()[:-1])
    assert first_step(listed, tmp_path / "batch", Recipe()).done == 1


@pytest.mark.parametrize(("quality", "anew"), [(95, False), (90, True)])
def test_only_the_same_work_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quality: int, anew: bool) -> None:
    monkeypatch.setattr("trainyard.formats.flow.TELL_SECONDS", 0)
    listed = make_list(tmp_path, 60)
    interrupted(listed, tmp_path / "batch")
    assert (first_step(listed, tmp_path / "batch", Recipe(quality=quality)).done == 1) is anew


def test_what_a_crash_left_of_skipped_pictures_is_forgotten_however_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainyard.formats.flow.TELL_SECONDS", 0)
    listed = make_list(tmp_path, 60)
    for number in (*range(5), *range(55, 60)):
        (tmp_path / "pictures" / f"{number:05d}.jpg").write_bytes(b"broken")
    plan = plan_of(listed, bad_limit=1, shuffle=False)
    for stop_after in (10, 20):
        asked = iter(range(stop_after))
        with pytest.raises(Stopped):
            watch = Watch(should_stop=lambda asked=asked: next(asked, None) is None)
            write_batch(plan, source_of(listed), tmp_path / "batch", watch)
        with (tmp_path / "batch" / ".part" / SKIPPED).open("ab") as file:
            file.write(b"of a picture after the checkpoint\n")
    write_batch(plan, source_of(listed), tmp_path / "batch")
    assert len((tmp_path / "batch" / SKIPPED).read_bytes().splitlines()) == 10
