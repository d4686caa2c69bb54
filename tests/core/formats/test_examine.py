"""Examining a list finds what is missing, broken, outside and the same, and how large everything is."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from trainyard.datasets.folder import DatasetFolder, Stopped
from trainyard.datasets.sources import FolderSource, PictureProblem
from trainyard.errors import Unavailable
from trainyard.formats.examine import EDGES, PARTS, PROBLEMS, RESULT, Examination, Watch, examine, read_examination


def picture(width: int, height: int, seed: int = 0, suffix: str = ".jpg") -> bytes:
    """A small encoded picture."""
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    return cv2.imencode(suffix, pixels)[1].tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> DatasetFolder:
    """Two equal pictures, one more, one cut off, one that is missing, a text, a video, and a box that reaches outside."""
    files = {
        "a.jpg": picture(100, 50), "same.jpg": picture(100, 50), "b.png": picture(300, 20, 1, ".png"),
        "cut.jpg": picture(64, 64)[:-400], "text.jpg": b"hello", "v.mp4": b"moving",
    }  # fmt: skip
    (tmp_path / "pictures").mkdir()
    for name, data in files.items():
        (tmp_path / "pictures" / name).write_bytes(data)
    boxes = [{"class": "x", "bbox": [[0, 0], [50, 50]]}, {"class": "x", "bbox": [[90, 40], [110, 45]]}]
    lines: list[dict[str, Any]] = [{"url": name} for name in (*files, "gone.jpg")]
    lines[0]["label"] = [{"name": "g", "type": "detection", "data": boxes}]
    lines[5]["type"] = "video"
    (tmp_path / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    dataset = DatasetFolder(tmp_path)
    dataset.prepare()
    return dataset


def looked_at(dataset: DatasetFolder, watch: Watch | None = None) -> Examination:
    """The examination of a dataset, left in a folder of its own."""
    result = dataset.path / "examination"
    result.mkdir(exist_ok=True)
    return examine(dataset.index(), FolderSource({"": dataset.pictures}), result, "identity", watch)


def test_missing_and_broken_pictures_are_counted_and_named(folder: DatasetFolder) -> None:
    found = looked_at(folder)
    assert (found.pictures, found.missing, found.broken) == (6, 1, 2)
    assert [(one.line, one.code) for one in found.problems] == [
        (4, "picture-truncated"), (5, "picture-unknown"), (7, "picture-missing"),
    ]  # fmt: skip


def test_equal_bytes_are_duplicates_and_their_lines_stand_together(folder: DatasetFolder) -> None:
    found = looked_at(folder)
    assert (found.duplicates, found.duplicate_groups) == (1, [[1, 2]])


def test_sizes_and_kinds_are_counted(folder: DatasetFolder) -> None:
    found = looked_at(folder)
    counted = {(EDGES[i], EDGES[j]): n for i, row in enumerate(found.sizes) for j, n in enumerate(row) if n}
    assert counted == {(96, 32): 2, (256, 16): 1}
    assert (found.kinds, found.smallest, found.largest) == ({"jpeg": 2, "png": 1}, (100, 50), (300, 20))


def test_boxes_are_measured_against_their_picture(folder: DatasetFolder) -> None:
    found = looked_at(folder)
    parts = {PARTS[i]: n for i, n in enumerate(found.box_parts["detection.g"]) if n}
    assert parts == {0.7: 1, 0.1: 1}
    assert found.boxes_outside == {"detection.g": 1}


def test_the_result_can_be_read_again_and_every_problem_is_a_line(folder: DatasetFolder) -> None:
    found = looked_at(folder)
    left = folder.path / "examination"
    assert read_examination((left / RESULT).read_bytes()) == found
    assert len((left / PROBLEMS).read_bytes().splitlines()) == 3


def test_boxes_of_a_lying_picture_are_measured_as_its_file_has_them(tmp_path: Path) -> None:
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.new("RGB", (100, 50)).save(buffer, "JPEG", exif=exif)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "lying.jpg").write_bytes(buffer.getvalue())
    boxes = [{"class": "x", "bbox": [[0, 0], [100, 50]]}, {"class": "x", "bbox": [[0, 0], [50, 100]]}]
    line = {"url": "lying.jpg", "label": [{"name": "g", "type": "detection", "data": boxes}]}
    (tmp_path / "index.jsonl").write_text(json.dumps(line))
    dataset = DatasetFolder(tmp_path)
    dataset.prepare()
    found = looked_at(dataset)
    assert (found.largest, found.boxes_outside) == ((50, 100), {"detection.g": 1})


@pytest.mark.parametrize("code", ["store-unavailable", "platform-silent"])
def test_a_store_that_is_away_is_no_fault_of_its_pictures(folder: DatasetFolder, code: str) -> None:
    class Away(FolderSource):
        def read(self, url: str) -> bytes:
            raise PictureProblem(code, "Away.")

    result = folder.path / "examination"
    result.mkdir()
    with pytest.raises(Unavailable) as refused:
        examine(folder.index(), Away({}), result, "identity")
    assert refused.value.code == "store-away"
    assert not (result / RESULT).exists()


def test_a_stop_leaves_an_earlier_result_as_it_was(folder: DatasetFolder) -> None:
    before = looked_at(folder)
    (folder.pictures / "gone.jpg").write_bytes(picture(10, 10))
    with pytest.raises(Stopped):
        looked_at(folder, Watch(should_stop=lambda: True))
    left = folder.path / "examination"
    assert read_examination((left / RESULT).read_bytes()) == before
    assert sorted(path.name for path in left.iterdir()) == sorted([RESULT, PROBLEMS, f".{PROBLEMS}.part"])
