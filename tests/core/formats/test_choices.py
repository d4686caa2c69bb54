"""What a press of format may ask of labels, classes and pictures, and what the manifest says of it."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trainyard.errors import Invalid
from trainyard.formats.batch import write_batch
from trainyard.formats.manifest import BatchManifest
from trainyard.formats.picture import Recipe
from trainyard.formats.plan import BatchPlan
from trainyard.formats.record import Record
from trainyard.formats.registry import FORMATS

from tests.core.formats.pictures import boxed_list, encoded, labelled, make_list, plan_of, source_of

BOXES = tuple(FORMATS)
THINGS = "detection.things"


def made(folder: Path, plan: BatchPlan) -> BatchManifest:
    return write_batch(plan, source_of(plan.list_path), folder / "batch")


def records(folder: Path, name: str) -> list[Record]:
    with FORMATS[name.split("-", maxsplit=1)[0]].reader(folder / "batch" / name) as found:
        return list(found)


def uneven(folder: Path) -> Path:
    """Sixteen cats, six dogs, one fox."""
    listed = make_list(folder, 23)
    names = ["cat"] * 16 + ["dog"] * 6 + ["fox"]
    listed.write_text("\n".join(labelled(f"{number:05d}.jpg", name) for number, name in enumerate(names)))
    return listed


def test_a_stratified_split_has_every_class_by_the_ratios(tmp_path: Path) -> None:
    manifest = made(tmp_path, plan_of(uneven(tmp_path), stratified=True, ratios={"train": 0.5, "val": 0.5}))
    for index, count in enumerate((16, 6, 1)):
        assert all(abs(counts.pictures[index] - count / 2) < 1 for counts in manifest.counts.values())
    assert sum(sum(counts.pictures) for counts in manifest.counts.values()) == manifest.written == 23


@pytest.mark.parametrize("stratified", [False, True])
def test_a_picture_and_what_was_made_of_it_are_in_one_split(tmp_path: Path, stratified: bool) -> None:
    listed = make_list(tmp_path, 40, ("cat", "dog"))
    lines = [json.loads(line) for line in listed.read_text().splitlines()]
    for number, line in enumerate(lines):
        line["source_url"] = lines[number - number % 4]["url"]
    listed.write_text("\n".join(map(json.dumps, lines)))
    made(tmp_path, plan_of(listed, stratified=stratified, ratios={"train": 0.5, "val": 0.5}))
    names = {split: {int(one.name[:5]) // 4 for one in records(tmp_path, f"recordio-{split}")} for split in ("train", "val")}
    assert (len(names["train"]), len(names["val"]), names["train"] & names["val"]) == (5, 5, set())


def test_classes_below_the_minimum_are_left_out_and_named(tmp_path: Path) -> None:
    manifest = made(tmp_path, plan_of(uneven(tmp_path), min_per_class=2))
    assert (manifest.classes, manifest.left_out_classes, manifest.left_out) == (["cat", "dog"], ["fox"], 1)
    assert {record.labels.indices for record in records(tmp_path, "recordio-train")} == {(0,), (1,)}


def test_no_class_is_above_the_maximum(tmp_path: Path) -> None:
    manifest = made(tmp_path, plan_of(uneven(tmp_path), max_per_class=5, ratios={"train": 1.0}))
    assert (manifest.counts["train"].pictures, manifest.left_out) == ([5, 5, 1], 12)
    said = json.loads((tmp_path / "batch/lmdb-train/set.json").read_text())["conf"]
    assert (said["maxPerClassAllow"], said["minPerClassAllow"]) == (5, 0)


def test_boxes_of_a_left_out_class_are_not_written(tmp_path: Path) -> None:
    listed = boxed_list(tmp_path)
    lines = [json.loads(line) for line in listed.read_text().splitlines()]
    lines[0]["label"][0]["data"].append({"class": "fox", "bbox": [[1, 1], [5, 5]]})
    listed.write_text("\n".join(map(json.dumps, lines)))
    manifest = made(tmp_path, plan_of(listed, label_set=THINGS, min_per_class=2, ratios={"train": 1.0}))
    assert (manifest.written, manifest.left_out_classes, sum(manifest.counts["train"].objects)) == (20, ["fox"], 30)


def test_a_minimum_that_leaves_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="the largest, cat, has 16"):
        made(tmp_path, plan_of(uneven(tmp_path), min_per_class=17))


@pytest.mark.parametrize("count", [1, 2])
def test_one_sample_of_one_class_is_a_batch(tmp_path: Path, count: int) -> None:
    listed = make_list(tmp_path, count, ("only",))
    manifest = made(tmp_path, plan_of(listed, stratified=True, min_per_class=1, max_per_class=1))
    assert (manifest.written, manifest.classes) == (1, ["only"])


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"min_per_class": 3, "max_per_class": 2}, "class-limits"),
        ({"label_set": "", "stratified": True}, "classes-needed"),
        ({"frames_per_second": -1.0}, "frames"),
        ({"formats": ("roidb",)}, "format-labels"),
        ({"ratios": {"train": float("nan")}}, "ratios"),
    ],
)
def test_what_no_batch_can_have_is_refused(tmp_path: Path, more: dict[str, object], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        made(tmp_path, plan_of(make_list(tmp_path, 3), **more))
    assert refused.value.code == code


def test_unlabelled_pictures_are_written_without_labels(tmp_path: Path) -> None:
    listed = make_list(tmp_path, 6)
    manifest = made(tmp_path, plan_of(listed, label_set="", formats=tuple(one for one in FORMATS if one != "roidb")))
    assert (manifest.kind, manifest.written, manifest.classes, manifest.counts) == ("none", 6, [], {})
    assert {record.labels.kind for record in records(tmp_path, "webdataset-train")} == {"none"}


def test_every_format_holds_the_same_boxes_scaled_with_the_pictures(tmp_path: Path) -> None:
    plan = plan_of(boxed_list(tmp_path), label_set=THINGS, formats=BOXES, recipe=Recipe("80x60"), shuffle=False)
    made(tmp_path, plan)
    for name in BOXES:
        boxes = records(tmp_path, f"{name}-train")[0].labels.boxes
        assert [tuple(np.round(box[1:5], 3)) for box in boxes] == [(4, 6, 60, 50)], name


def test_a_picture_whose_boxes_lie_outside_is_skipped(tmp_path: Path) -> None:
    listed = boxed_list(tmp_path, 4)
    lines = listed.read_text().splitlines()
    lines[2] = lines[2].replace("[[4, 3], [30, 25]]", "[[400, 3], [500, 25]]")
    listed.write_text("\n".join(lines))
    manifest = made(tmp_path, plan_of(listed, label_set=THINGS, bad_limit=0.5))
    assert [(one.line, one.code) for one in manifest.skipped] == [(3, "boxes-outside")]


def test_raw_values_in_lmdb_are_the_pixels_of_the_picture(tmp_path: Path) -> None:
    listed = make_list(tmp_path, 3)
    made(tmp_path, plan_of(listed, lmdb_values="raw", shuffle=False, ratios={"train": 1.0}))
    encoded_one, raw = records(tmp_path, "recordio-train")[1], records(tmp_path, "lmdb-train")[1]
    pictures = [np.asarray(Image.open(io.BytesIO(one.picture)).convert("RGB")).astype(int) for one in (encoded_one, raw)]
    assert np.abs(pictures[0] - pictures[1]).max() <= 2


def damaged(data: bytes) -> bytes:
    """A JPEG whose header and end are good and whose middle is not."""
    middle = data.index(b"\xff\xda") + 20
    return data[:middle] + b"\xff\xd9" * 1 + bytes(len(data) - middle - 4) + data[-2:]


@pytest.mark.parametrize(("full_decode", "skipped"), [(False, 0), (True, 1)])
def test_a_full_decode_finds_what_is_broken_in_the_middle(tmp_path: Path, full_decode: bool, skipped: int) -> None:
    listed = make_list(tmp_path, 4)
    (tmp_path / "pictures" / "00001.jpg").write_bytes(damaged(encoded(width=200, height=150)))
    manifest = made(tmp_path, plan_of(listed, recipe=Recipe(full_decode=full_decode), bad_limit=0.5))
    assert manifest.skipped_total == skipped


@pytest.mark.parametrize(("colour", "channels"), [("keep", {1, 3}), ("grey", {1}), ("colour", {3})])
def test_pictures_become_the_colour_that_is_asked(tmp_path: Path, colour: str, channels: set[int]) -> None:
    listed = make_list(tmp_path, 4)
    (tmp_path / "pictures" / "00001.jpg").write_bytes(encoded(channels=1))
    made(tmp_path, plan_of(listed, recipe=Recipe(colour=colour), ratios={"train": 1.0}))  # type: ignore[arg-type]
    assert {record.channels for record in records(tmp_path, "lmdb-train")} == channels


def test_the_manifest_names_list_files_and_counts(tmp_path: Path) -> None:
    listed = make_list(tmp_path)
    manifest = made(tmp_path, plan_of(listed, lineage={"dataset": "0123456789abcdef", "made_from": {"graph": "x"}}))
    assert manifest.lineage == {
        "dataset": "0123456789abcdef",
        "made_from": {"graph": "x"},
        "list_sha256": hashlib.sha256(listed.read_bytes()).hexdigest(),
    }
    for one in manifest.sets:
        for path, digest in one.files.items():
            assert hashlib.sha256((tmp_path / "batch" / one.name / path).read_bytes()).hexdigest() == digest
    found = [record for split in ("train", "val") for record in records(tmp_path, f"lmdb-{split}")]
    written = Counter(index for record in found for index in record.labels.indices)
    assert [sum(counts.pictures[index] for counts in manifest.counts.values()) for index in (0, 1)] == [written[0], written[1]]
