"""A set that somebody formatted becomes a dataset: labels are read, pictures are found, it can be trained on as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.sources import FolderSource, PictureProblem, Sources
from trainyard.formats.labels import read_labels
from trainyard.formats.manifest import read_manifest
from trainyard.formats.record import Box, Labels, Record, SetOptions, one_class
from trainyard.formats.registry import FORMATS

from tests.core.datasets.archives import jpeg

PICTURE = jpeg()
FILES = {"recordio": ("cache/data.rec", "cache/data.idx"), "lmdb": ("data.mdb", "")}


def written(folder: Path, name: str, labels: list[Labels]) -> dict[str, Path]:
    """A set of ours; where its files lie."""
    folder.mkdir()
    kind = labels[0].kind
    writer = FORMATS[name].writer(folder, None, SetOptions(kind, ("a", "b", "c")))
    for number, one in enumerate(labels):
        writer.add(Record(number, f"{number}.jpg", one, PICTURE, 3, 30, 40))
    writer.finish()
    writer.close()
    data, index = FILES[name]
    return {"data": folder / data, **({"index": folder / index} if index else {})}


def take_in(folder: Path, name: str, files: dict[str, Path]) -> tuple[int, dict[str, Any]]:
    """The exit code of the job and what it told at last."""
    folder.mkdir()
    spec = {"folder": str(folder), "format": name, "batch": "b" * 16, "files": {p: {"path": str(f)} for p, f in files.items()}}
    (folder / "spec.json").write_text(json.dumps(spec))
    argv = [sys.executable, "-m", "trainyard.formats.intake", str(folder / "spec.json")]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads((folder / "progress.json").read_text())


def sources(folder: Path) -> Sources:
    return Sources(FolderSource({"": folder / "pictures"}))


@pytest.mark.parametrize("name", FILES)
def test_classes_are_read_with_their_names_and_every_picture_is_found(tmp_path: Path, name: str) -> None:
    files = written(tmp_path / "set", name, [one_class(n % 3) for n in range(7)])
    (tmp_path / "labels.csv").write_text("0,猫\n1,dog\n2,emu\n")
    code, told = take_in(tmp_path / "d", name, {**files, "labels": tmp_path / "labels.csv"})
    assert code == 0, told
    counted = DatasetFolder(tmp_path / "d").statistics().label_sets[0]
    assert {key: one.images for key, one in counted.classes.items()} == {"猫": 3, "dog": 2, "emu": 2}
    urls = [sample.url for sample in DatasetFolder(tmp_path / "d").index().page(0, 10)]
    assert urls == [f"record:{name}#{n}" for n in range(7)]
    assert [sources(tmp_path / "d").read(url) for url in urls] == [PICTURE] * 7


@pytest.mark.parametrize("name", FILES)
def test_the_set_is_a_whole_batch_that_its_reader_reads(tmp_path: Path, name: str) -> None:
    files = written(tmp_path / "set", name, [one_class(n % 2) for n in range(4)])
    assert take_in(tmp_path / "d", name, files)[0] == 0
    manifest = read_manifest(tmp_path / "d/batch")
    assert (manifest.batch, manifest.label_set, manifest.classes) == ("b" * 16, "classification.general", ["0", "1"])
    folder = tmp_path / "d/batch" / manifest.sets[0].name
    with FORMATS[name].reader(folder) as reader:
        assert [record.labels.numbers for record in reader] == [(0.0,), (1.0,), (0.0,), (1.0,)]
    assert read_labels(folder) == ["0", "1"]


@pytest.mark.parametrize("name", FILES)
def test_boxes_come_in_pixels_of_the_record(tmp_path: Path, name: str) -> None:
    labels = [Labels("boxes", boxes=(Box(1, 10, 5, 30, 20),)), Labels("boxes", boxes=(Box(0, 0, 0, 40, 30),))]
    assert take_in(tmp_path / "d", name, written(tmp_path / "set", name, labels))[0] == 0
    found = DatasetFolder(tmp_path / "d").index().page(0, 2)
    assert [sample.labels[0].data[0].class_name for sample in found] == ["1", "0"]
    assert found[0].labels[0].data[0].extent() == pytest.approx((10, 5, 30, 20), abs=0.01)


@pytest.mark.parametrize("index", [None, b"", b"damaged\n", b"0\t8\n1\t999999\n"], ids=["none", "empty", "damaged", "wrong"])
def test_an_index_that_does_not_fit_is_made_anew(tmp_path: Path, index: bytes | None) -> None:
    files = written(tmp_path / "set", "recordio", [one_class(0)] * 3)
    whole = files["index"].read_text()
    if index is None:
        del files["index"]
    else:
        files["index"].write_bytes(index)
    assert take_in(tmp_path / "d", "recordio", files)[0] == 0
    assert (tmp_path / "d/pictures/recordio/cache/data.idx").read_text() == whole


def test_a_data_file_that_breaks_off_is_refused_with_the_place(tmp_path: Path) -> None:
    files = written(tmp_path / "set", "recordio", [one_class(0)] * 3)
    files["data"].write_bytes(files["data"].read_bytes()[:-20])
    code, told = take_in(tmp_path / "d", "recordio", files)
    assert (code, told["error"]["code"]) == (2, "set-damaged")


@pytest.mark.parametrize("name", FILES)
def test_garbage_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "data").write_bytes(b"no set at all" * 1000)
    assert take_in(tmp_path / "d", name, {"data": tmp_path / "data"})[0] == 2


def test_a_class_table_that_is_too_short_is_refused_with_the_record(tmp_path: Path) -> None:
    files = written(tmp_path / "set", "recordio", [one_class(n) for n in range(3)])
    (tmp_path / "labels.csv").write_text("0,a\n1,b\n")
    told = take_in(tmp_path / "d", "recordio", {**files, "labels": tmp_path / "labels.csv"})[1]
    assert (told["error"]["code"], told["error"]["values"]["record"]) == ("set-classes", 2)


@pytest.mark.parametrize("url", ["record:recordio#9", "record:../x#0", "record:lmdb#0", "record:recordio", "record:roidb#1"])
def test_a_record_that_is_not_there_is_one_missing_picture(tmp_path: Path, url: str) -> None:
    assert take_in(tmp_path / "d", "recordio", written(tmp_path / "set", "recordio", [one_class(0)] * 3))[0] == 0
    with pytest.raises(PictureProblem):
        sources(tmp_path / "d").read(url)
