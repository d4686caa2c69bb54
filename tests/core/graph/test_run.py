"""Runs of a graph: the worked example, the same output however many work at it, crashes, bad pictures, full disks."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from trainyard.datasets.folder import DatasetFolder, Stopped
from trainyard.datasets.following import Watch
from trainyard.datasets.sample import Entry, LabelSet, Landmark
from trainyard.datasets.sources import FolderSource, PictureProblem, PictureSource, Sources
from trainyard.errors import Invalid, Unavailable
from trainyard.graph.job import JobSpec, encode_spec
from trainyard.graph.operations import replay
from trainyard.graph.run import LEFT_OUT, GraphRun, run_graph

from tests.core.killing import Killing, mother_of

from .graphs import FLOP, PULP, ROTATE, boxed, classified, doubling, graph, lines_of, make_dataset, node, picture, source_of

BOX = ("dog", 4.0, 6.0, 12.0, 20.0)
LARGE = ("dog", 120.0, 80.0, 200.0, 160.0)
EAGER = "tests.core.graph.eager_job"
MANY = doubling("dog", 3.0, "detection.general")


def run_of(dataset: DatasetFolder, document: Any, **more: Any) -> GraphRun:
    return GraphRun(source=dataset.path, graph=document, **more)


def made_of(dataset: DatasetFolder, document: Any, folder: Path, workers: int = 2, **more: Any) -> DatasetFolder:
    """The dataset that the graph makes; the source's own pictures come along, as the platform links them."""
    shutil.copytree(dataset.pictures, folder / "pictures", dirs_exist_ok=True)
    run_graph(run_of(dataset, document, **more), source_of(dataset), folder, workers=workers)
    return DatasetFolder(folder)


def seen(path: str) -> Any:
    return cv2.imread(path)


def content(dataset: DatasetFolder) -> dict[str, bytes]:
    """The list and every picture, by path."""
    files = [dataset.list_path, *(path for path in dataset.pictures.rglob("*") if path.is_file())]
    return {str(path.relative_to(dataset.path)): path.read_bytes() for path in files}


def test_one_class_is_doubled_and_the_rest_kept(tmp_path: Path) -> None:
    several = [(*classified("beheaded"), *boxed(BOX)), classified("normal"), (*classified("beheaded"), *boxed(BOX)), ()]
    dataset = make_dataset(tmp_path / "source", several)
    before = content(dataset)
    document = graph(
        node("in", "input"),
        node("some", "filter", label_set=PULP, classes=["beheaded"]),
        node("more", "augment", label_set=PULP, multiples={"beheaded": 2.0}, ops=[FLOP]),
        node("rest", "filter", label_set=PULP, classes=["normal"], unlabelled=True),
        node("out", "output"),
        edges="in some, some more, more out, in rest, rest out",
    )
    made = made_of(dataset, document, tmp_path / "made", seed=7, lineage={"dataset": "d1"})
    lines = lines_of(made)
    assert [line["url"] for line in lines[:1] + lines[2:4] + lines[5:]] == [f"{number:04d}.jpg" for number in range(4)]
    for parent, new in ((lines[0], lines[1]), (lines[3], lines[4])):
        assert (new["source_url"], new["ops"]) == (parent["url"], "augment(flop)")
        assert new["label"][0] == parent["label"][0]
        assert new["label"][1]["data"][0]["bbox"] == [[20.0, 6.0], [28.0, 20.0]]
        there, here = (seen(str(made.pictures / one["url"])) for one in (parent, new))
        assert np.abs(there[:, ::-1].astype(int) - here).mean() < 2
    assert made.statistics().images == 6
    lineage = made.manifest().lineage
    assert (lineage["dataset"], lineage["list_sha256"], lineage["seed"]) == ("d1", dataset.manifest().list_sha256, 7)
    assert lineage["graph"] == document
    assert content(dataset) == before


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(BOX), boxed(("cat", *BOX[1:]))] * 15)
    made = [content(made_of(dataset, MANY, tmp_path / f"by{workers}", workers, seed=3)) for workers in (1, 2, 5)]
    other = content(made_of(dataset, MANY, tmp_path / "other", seed=4))
    assert made[0] == made[1] == made[2]
    assert made[0]["index.jsonl"] != other["index.jsonl"]
    assert len(made[0]) == 61


def test_what_was_done_is_written_so_that_it_can_be_done_again(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(BOX)])
    made = made_of(dataset, doubling("dog", 2, "detection.general"), tmp_path / "made")
    new = lines_of(made)[1]
    ((operation, drawn),) = replay(new["ops"])
    again = operation.apply(seen(str(made.pictures / new["source_url"])), drawn)
    assert np.abs(seen(str(made.pictures / new["url"])).astype(int) - again).mean() < 2


def test_outlines_and_landmarks_move_too(tmp_path: Path) -> None:
    outline = ((4.0, 6.0), (12.0, 6.0), (12.0, 20.0))
    face = Entry("anna", landmarks=(Landmark(0, (5.0, 7.0)), Landmark(1, (9.0, 8.0))), bbox=((4.0, 6.0), (12.0, 20.0)))
    labels = (LabelSet("o", "detection", (Entry("dog", outline[:2], polygon=outline),)), LabelSet("f", "face", (face,)))
    dataset = make_dataset(tmp_path / "source", [labels])
    document = doubling("dog", 2, "detection.o")
    document["nodes"][1]["ops"] = [FLOP]
    new = lines_of(made_of(dataset, document, tmp_path / "made"))[1]
    assert new["label"][0]["data"][0]["polygon"] == [[28, 6], [20, 6], [20, 20]]
    assert [one["pt"] for one in new["label"][1]["data"][0]["landmarks"]] == [[27, 7], [23, 8]]


def test_a_picture_that_lies_on_its_side_is_turned_with_its_boxes(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(BOX)])
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    (dataset.pictures / "0000.jpg").write_bytes(picture(exif=exif))
    document = doubling("dog", 2, "detection.general")
    document["nodes"][1]["ops"] = [{"op": "flop"}]
    made = made_of(dataset, document, tmp_path / "made")
    new = lines_of(made)[1]
    assert seen(str(made.pictures / new["url"])).shape[:2] == (32, 24)
    assert new["label"][0]["data"][0]["bbox"] == [[6, 4], [20, 12]]


def test_a_picture_whose_objects_have_all_left_is_left_out_and_counted(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(("dog", 0, 0, 3, 3))] * 4)
    document = doubling("dog", 2, "detection.general")
    document["nodes"][1]["ops"] = [{"op": "crop", "parameters": {"share": [30, 30]}}]
    made = made_of(dataset, document, tmp_path / "made")
    assert made.statistics().images == 4
    assert made.manifest().lineage["made"]["emptied"] == 4
    left = msgspec.json.decode((made.path / LEFT_OUT).read_bytes().splitlines()[0])
    assert (left["line"], left["code"], left["pictures"]) == (1, "objects-gone", 1)


def test_bad_pictures_are_skipped_counted_and_listed(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(BOX)] * 10)
    (dataset.pictures / "0002.jpg").unlink()
    (dataset.pictures / "0004.jpg").write_bytes(picture()[:-40])
    made = made_of(dataset, MANY, tmp_path / "made", bad_limit=0.2)
    told = made.manifest().lineage["made"]
    assert (told["kept"], told["new"], told["bad"], told["unmade"]) == (10, 16, 2, 4)
    left = [msgspec.json.decode(line) for line in (made.path / LEFT_OUT).read_bytes().splitlines()]
    assert [(one["line"], one["code"]) for one in left] == [(3, "picture-missing"), (5, "picture-truncated")]


def test_too_many_bad_pictures_stop_the_work_and_leave_nothing(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(BOX)] * 10)
    (dataset.pictures / "0002.jpg").unlink()
    with pytest.raises(Invalid, match="1 of the first 10 pictures cannot be used, above the limit of 5 %") as refused:
        run_graph(run_of(dataset, MANY), source_of(dataset), tmp_path / "made")
    assert refused.value.code == "too-many-bad-pictures"
    assert [path for path in (tmp_path / "made").rglob("*") if path.is_file()] == []


def test_videos_are_carried_and_never_processed(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(BOX)] * 2)
    lines = dataset.list_path.read_bytes().replace(b'"image"', b'"video"', 1)
    dataset.list_path.write_bytes(lines)
    dataset.prepare()
    made = made_of(dataset, MANY, tmp_path / "made", bad_limit=0)
    assert (made.statistics().videos, made.statistics().images) == (1, 3)
    assert made.manifest().lineage["made"]["videos"] == 2


def test_a_graph_that_lets_nothing_through_is_refused(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [classified("beheaded")])
    with pytest.raises(Invalid, match="Nothing leaves the graph"):
        run_graph(run_of(dataset, doubling(multiple=0)), source_of(dataset), tmp_path / "made")


def test_relative_urls_of_a_share_become_whole_ones(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(BOX)])
    base = "/workspace/mnt/group/vision/lists"
    source = Sources(FolderSource({base: dataset.pictures}))
    run_graph(run_of(dataset, MANY, base=base), source, tmp_path / "made")
    lines = lines_of(DatasetFolder(tmp_path / "made"))
    assert (lines[0]["url"], lines[1]["source_url"]) == (f"{base}/0000.jpg", f"{base}/0000.jpg")
    assert lines[1]["url"].startswith("augmented/")


def test_what_was_made_before_still_says_of_which_picture(tmp_path: Path) -> None:
    base, first = (
        "/workspace/mnt/group/vision/lists",
        made_of(make_dataset(tmp_path / "source", [boxed(BOX)]), MANY, tmp_path / "first"),
    )
    run_graph(run_of(first, MANY, base=base), Sources(FolderSource({base: first.pictures})), tmp_path / "second")
    made = [line for line in lines_of(DatasetFolder(tmp_path / "second")) if line["url"].startswith(f"{base}/augmented/")]
    assert made and {line["source_url"] for line in made} == {f"{base}/0000.jpg"}


def test_stopped_work_goes_on_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainyard.graph.run.TELL_SECONDS", 0)
    dataset = make_dataset(tmp_path / "source", [boxed(LARGE)] * 60, width=400, height=300)
    whole = content(made_of(dataset, MANY, tmp_path / "whole"))
    told: list[int] = []
    folder = tmp_path / "made"
    shutil.copytree(dataset.pictures, folder / "pictures")
    watch = Watch(lambda step: told.append(step.done), lambda: bool(told))
    with pytest.raises(Stopped):
        run_graph(run_of(dataset, MANY), source_of(dataset), folder, watch)
    assert not DatasetFolder(folder).complete
    run_graph(run_of(dataset, MANY), source_of(dataset), folder, workers=1)
    assert content(DatasetFolder(folder)) == whole


class Bucket:
    """A source that answers for so many pictures, and is away for all further ones."""

    def __init__(self, source: PictureSource, answers: int) -> None:
        self._source, self.left = source, answers

    def read(self, url: str) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise PictureProblem("store-unavailable", "The store does not answer: {reason}.", reason="busy")
        return self._source.read(url)

    def exists(self, url: str) -> bool:
        return True


def test_a_bucket_that_goes_away_costs_no_picture_and_the_work_goes_on_later(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(BOX)] * 40)
    whole, folder = content(made_of(dataset, MANY, tmp_path / "whole")), tmp_path / "made"
    shutil.copytree(dataset.pictures, folder / "pictures")
    bucket = Bucket(source_of(dataset), 15)
    with pytest.raises(Unavailable, match="does not hand out") as refused:
        run_graph(run_of(dataset, MANY, bad_limit=1.0), bucket, folder)
    assert (refused.value.code, DatasetFolder(folder).complete) == ("store-away", False)
    bucket.left = 1000
    run_graph(run_of(dataset, MANY), bucket, folder)
    assert content(DatasetFolder(folder)) == whole


@pytest.mark.survival
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path: Path, dice: random.Random) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(LARGE), boxed(("cat", *LARGE[1:]))] * 80, width=320, height=240)

    def prepare(folder: Path) -> Path:
        shutil.copytree(dataset.pictures, folder / "pictures")
        spec = folder.with_suffix(".spec")
        spec.write_bytes(encode_spec(JobSpec(run_of(dataset, MANY), folder, {"": dataset.pictures}, 2)))
        return spec

    made, kills = DatasetFolder(tmp_path / "made"), 0
    with mother_of(EAGER) as mother:
        killing = Killing(mother, EAGER, prepare)
        _, seconds = killing.undisturbed(tmp_path / "whole")
        whole = content(DatasetFolder(tmp_path / "whole"))
        for killed in killing.rounds(made.path, seconds, dice):
            kills += killed
            assert not made.complete or content(made) == whole
    assert content(made) == whole
    assert kills


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(LARGE)] * 150, width=400, height=300)
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=False).returncode:
        pytest.skip("needs a small disk of its own")
    try:
        with pytest.raises(Invalid) as refused:
            run_graph(run_of(dataset, MANY), source_of(dataset), folder / "made")
        assert refused.value.code == "disk-full"
        assert [path for path in folder.rglob("*") if path.is_file()] == []
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_job_tells_how_it_ended(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(BOX)])
    spec = tmp_path / "spec.json"
    for document, code, state in ((MANY, 0, "done"), (doubling("mouse"), 2, "failed")):
        folder = tmp_path / state
        folder.mkdir()
        spec.write_bytes(encode_spec(JobSpec(run_of(dataset, document), folder, {"": dataset.pictures})))
        job = subprocess.run([sys.executable, "-m", "trainyard.graph.job", str(spec)], capture_output=True, check=False)
        told = msgspec.json.decode((folder / "progress.json").read_bytes())
        assert (job.returncode, told["state"]) == (code, state), job.stderr
    assert told["error"]["code"] == "graph-label-set"


def test_memory_does_not_grow_with_the_list(tmp_path: Path) -> None:
    import tracemalloc

    peaks = []
    for times in (1, 8):
        dataset = make_dataset(tmp_path / f"source{times}", [classified("beheaded")] * 500 * times, pictures=False)
        tracemalloc.start()
        run_graph(run_of(dataset, doubling(multiple=1)), source_of(dataset), tmp_path / f"made{times}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2_000_000


def test_two_operations_of_a_choice_are_never_both_done(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "source", [boxed(BOX)] * 20)
    document = doubling("dog", 2, "detection.general", mode="choice")
    document["nodes"][1]["ops"] = [FLOP, {"op": "flip"}, ROTATE | {"probability": 0.0}]
    made = made_of(dataset, document, tmp_path / "made")
    assert {line["ops"] for line in lines_of(made) if "ops" in line} == {"augment(flop)", "augment(flip)"}
