"""However many jobs share a batch, its sets are those that one job makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainyard.datasets.folder import Stopped
from trainyard.datasets.following import Watch
from trainyard.errors import Conflict, Invalid
from trainyard.formats.batch import Hands, join_shards, write_batch, write_shard
from trainyard.formats.picture import Recipe
from trainyard.formats.plan import BatchPlan
from trainyard.formats.spool import SHARDS, Shard

from tests.core.formats.pictures import boxed_list, encoded, make_list, plan_of, same_sets, source_of
from tests.core.formats.test_video import with_video

BOXES = ("recordio", "lmdb", "roidb", "pictures", "webdataset", "tfrecord")
CLASSES = tuple(name for name in BOXES if name != "roidb")


def shared(plan: BatchPlan, folder: Path, count: int) -> None:
    for number in range(count):
        shard = Shard(number, count)
        write_shard(plan, shard, source_of(plan.list_path), shard.folder(folder))
    join_shards(plan, count, folder)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_shards_make_the_same_sets(tmp_path: Path, count: int) -> None:
    plan = plan_of(make_list(tmp_path), formats=CLASSES, recipe=Recipe("24"), stratified=True)
    (tmp_path / "pictures" / "00003.jpg").write_bytes(encoded()[:-50])
    alone = write_batch(plan, source_of(plan.list_path), tmp_path / "alone")
    shared(plan, tmp_path / "shared", count)
    assert same_sets(tmp_path / "alone", tmp_path / "shared")
    assert alone.skipped_total == 1
    assert not (tmp_path / "shared" / SHARDS).exists()


def test_shards_of_boxes_make_the_same_sets(tmp_path: Path) -> None:
    plan = plan_of(boxed_list(tmp_path), label_set="detection.things", formats=BOXES, recipe=Recipe("24"), lmdb_values="raw")
    write_batch(plan, source_of(plan.list_path), tmp_path / "alone")
    shared(plan, tmp_path / "shared", 3)
    assert same_sets(tmp_path / "alone", tmp_path / "shared")


def test_a_shard_with_a_video_makes_the_same_sets(tmp_path: Path) -> None:
    plan = plan_of(with_video(tmp_path), formats=CLASSES, frames_per_second=3)
    write_batch(plan, source_of(plan.list_path), tmp_path / "alone")
    shared(plan, tmp_path / "shared", 2)
    assert same_sets(tmp_path / "alone", tmp_path / "shared")


def test_more_shards_than_pictures_leave_some_empty(tmp_path: Path) -> None:
    plan = plan_of(make_list(tmp_path, 2))
    shared(plan, tmp_path / "shared", 3)
    assert (tmp_path / "shared" / "manifest.json").exists()


def test_nothing_is_visible_before_the_join_and_a_missing_shard_is_named(tmp_path: Path) -> None:
    plan = plan_of(make_list(tmp_path))
    shard = Shard(0, 2)
    write_shard(plan, shard, source_of(plan.list_path), shard.folder(tmp_path / "batch"))
    with pytest.raises(Conflict) as refused:
        join_shards(plan, 2, tmp_path / "batch")
    assert (refused.value.code, refused.value.values["number"]) == ("shard-missing", 2)
    assert {path.name for path in (tmp_path / "batch").iterdir()} <= {SHARDS, ".part"}
    assert (shard.folder(tmp_path / "batch") / "shard.json").exists()


def test_a_shard_of_another_list_is_not_taken(tmp_path: Path) -> None:
    plan = plan_of(make_list(tmp_path))
    for number in range(2):
        write_shard(plan, Shard(number, 2), source_of(plan.list_path), Shard(number, 2).folder(tmp_path / "batch"))
    with plan.list_path.open("a") as file:
        file.write("\n")
    with pytest.raises(Conflict, match="another list"):
        join_shards(plan, 2, tmp_path / "batch")


def test_shards_and_join_go_on_after_a_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainyard.formats.flow.TELL_SECONDS", 0)
    plan = plan_of(make_list(tmp_path, 40), formats=CLASSES)
    write_batch(plan, source_of(plan.list_path), tmp_path / "alone")
    folder = tmp_path / "batch"
    for number in range(2):
        asked = iter(range(1000))
        watch = Watch(should_stop=lambda asked=asked: next(asked) > 12)  # type: ignore[misc]
        with pytest.raises(Stopped):
            write_shard(plan, Shard(number, 2), source_of(plan.list_path), Shard(number, 2).folder(folder), Hands(watch))
        write_shard(plan, Shard(number, 2), source_of(plan.list_path), Shard(number, 2).folder(folder))
    asked = iter(range(1000))
    with pytest.raises(Stopped):
        join_shards(plan, 2, folder, Watch(should_stop=lambda: next(asked) > 23))
    join_shards(plan, 2, folder)
    assert same_sets(tmp_path / "alone", folder)


def test_too_many_bad_pictures_are_refused_by_the_shard_or_by_the_join_as_by_one_job(tmp_path: Path) -> None:
    plan = plan_of(make_list(tmp_path), shuffle=False, bad_limit=0.1)
    for number in (0, 1, 12):
        (tmp_path / "pictures" / f"{number:05d}.jpg").unlink()
    with pytest.raises(Invalid) as refused:
        shared(plan, tmp_path / "batch", 2)
    assert refused.value.code == "too-many-bad-pictures"
    assert not list((tmp_path / "batch").iterdir())
