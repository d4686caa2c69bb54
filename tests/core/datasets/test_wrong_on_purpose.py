"""Awkward pictures and broken lists on their whole way: into a dataset, into every format, and through a graph."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.sources import FolderSource, Sources
from trainyard.formats.batch import write_batch
from trainyard.formats.picture import Recipe
from trainyard.formats.registry import FORMATS
from trainyard.graph.run import GraphRun, run_graph

from tests.core.formats.pictures import plan_of
from tests.core.graph.graphs import FLOP, doubling, lines_of

Size = tuple[int, int]
Box = Sequence[float]


def place(size: Size) -> tuple[int, int, int, int]:
    """Where the one object of a test picture lies, in pixels of its file: left, top, right, bottom."""
    width, height = size
    return width // 4, 0, max(width // 2, 1), max(height // 2, 1)


def marked(size: Size) -> Image.Image:
    """A black picture whose object is white."""
    left, top, right, bottom = place(size)
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[top:bottom, left:right] = 255
    return Image.fromarray(pixels)


def saved(picture: Image.Image, kind: str, **more: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **more)
    return file.getvalue()


def cmyk(size: Size) -> bytes:
    return saved(marked(size).convert("CMYK"), "JPEG", quality=95)


def deep_grey(size: Size) -> bytes:
    return cv2.imencode(".png", np.asarray(marked(size)).astype(np.uint16) * 257)[1].tobytes()


def deep_colour(size: Size) -> bytes:
    return cv2.imencode(".png", np.asarray(marked(size).convert("RGB")).astype(np.uint16) * 257)[1].tobytes()


def turned(kind: str, orientation: int) -> Callable[[Size], bytes]:
    """A file that says that it is to be shown turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return lambda size: saved(marked(size).convert("RGB"), kind, exif=exif, quality=95)


def moving(size: Size) -> bytes:
    """An animation whose object is somewhere else afterwards."""
    later = marked(size).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return saved(marked(size), "GIF", save_all=True, append_images=[later], duration=50)


def see_through(size: Size) -> bytes:
    """A palette of two blacks; the object's is transparent, so that the white below is seen."""
    picture = Image.fromarray((np.asarray(marked(size)) > 0).astype(np.uint8)).convert("P")
    picture.putpalette([0, 0, 0, 0, 0, 0])
    return saved(picture, "PNG", transparency=1)


def plain_png(size: Size) -> bytes:
    return saved(marked(size), "PNG")


AWKWARD: dict[str, tuple[Size, Callable[[Size], bytes]]] = {
    "cmyk.jpg": ((48, 32), cmyk),
    "sixteen-bits.png": ((48, 32), deep_grey),
    "sixteen-bits-colour.png": ((48, 32), deep_colour),
    "lying.jpg": ((48, 32), turned("JPEG", 6)),
    "upside-down.jpg": ((48, 32), turned("JPEG", 3)),
    "lying.png": ((48, 32), turned("PNG", 8)),
    "lying.tiff": ((48, 32), turned("TIFF", 5)),
    "a-png.jpg": ((48, 32), plain_png),
    "moving.gif": ((48, 32), moving),
    "transparent.png": ((48, 32), see_through),
    "one-pixel.png": ((1, 1), plain_png),
    "long.png": ((30_000, 2), plain_png),
    "high.png": ((2, 30_000), plain_png),
}


def line(url: str, box: Any) -> str:
    data = [{"class": "dog", "bbox": box}]
    return json.dumps({"url": url, "type": "image", "label": [{"name": "general", "type": "detection", "data": data}]})


def dataset_of(folder: Path, lines: list[str]) -> DatasetFolder:
    folder.mkdir(exist_ok=True)
    dataset = DatasetFolder(folder)
    dataset.list_path.write_text("\n".join(lines))
    dataset.prepare()
    return dataset


@pytest.fixture(scope="module")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> DatasetFolder:
    """All of ``AWKWARD``, each with a box around its object."""
    folder = tmp_path_factory.mktemp("awkward")
    (folder / "pictures").mkdir()
    for name, (size, make) in AWKWARD.items():
        (folder / "pictures" / name).write_bytes(make(size))
    corners = {name: place(size) for name, (size, _) in AWKWARD.items()}
    return dataset_of(folder, [line(name, [one[:2], one[2:]]) for name, one in corners.items()])


def source_of(dataset: DatasetFolder) -> Sources:
    return Sources(FolderSource({"": dataset.pictures}))


def object_in(data: bytes) -> Box:
    """Where the white object is in a picture, as OpenCV's readers show it: they turn it as its Exif says."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    return Image.fromarray((np.asarray(pixels) > 127).astype(np.uint8)).getbbox() or ()


def fits(box: Box, data: bytes, tolerance: float = 1) -> bool:
    return bool(np.abs(np.subtract(box, object_in(data))).max() <= tolerance)


@pytest.mark.parametrize("resize", ["", "64x96"])
@pytest.mark.parametrize("name", [name for name, one in FORMATS.items() if "boxes" in one.accepts])
def test_boxes_lie_on_their_objects_in_every_format(awkward: DatasetFolder, tmp_path: Path, name: str, resize: str) -> None:
    plan = plan_of(
        awkward.list_path,
        label_set="detection.general",
        formats=(name,),
        recipe=Recipe(resize, quality=100),
        shuffle=False,
        ratios={"train": 1.0},
    )
    assert write_batch(plan, source_of(awkward), tmp_path / "batch").skipped == []
    with FORMATS[name].reader(tmp_path / "batch" / f"{name}-train") as records:
        found = {url: fits(one.labels.boxes[0][1:5], one.picture) for url, one in zip(AWKWARD, records, strict=True)}
    assert found == dict.fromkeys(AWKWARD, True)


def test_boxes_lie_on_their_objects_in_what_a_graph_makes(awkward: DatasetFolder, tmp_path: Path) -> None:
    document = doubling("dog", 2.0, "detection.general")
    document["nodes"][1]["ops"] = [FLOP]
    run_graph(GraphRun(source=awkward.path, graph=document, bad_limit=0.0), source_of(awkward), tmp_path)
    new = {one["source_url"]: one for one in lines_of(DatasetFolder(tmp_path)) if "source_url" in one}
    boxes = {name: np.ravel(one["label"][0]["data"][0]["bbox"]) for name, one in new.items()}
    pictures = {name: (tmp_path / "pictures" / one["url"]).read_bytes() for name, one in new.items()}
    assert {name: fits(boxes[name], pictures[name]) for name in boxes} == dict.fromkeys(AWKWARD, True)
    upright = {name: Image.open(io.BytesIO(data)).size for name, data in pictures.items()}
    assert (upright["lying.jpg"], upright["upside-down.jpg"], upright["long.png"]) == ((32, 48), (48, 32), (30_000, 2))


VAST = [[-1e308, -1e308], [1e308, 1e308]]
FAR = [[1e300, 1e300], [1.5e300, 1e308]]
REVERSED = [[24, 16], [12, 0]]
OVER_THE_EDGE = [[-9, -9], [99, 8]]
NOTHING = [[5, 5], [5, 9]]
AGAIN = [[12, 0], [24, 0], [24, 16], [12, 16], [12, 0]]


@pytest.fixture
def boxes_anywhere(tmp_path: Path) -> DatasetFolder:
    """One picture a box; each box is allowed in a list, whatever its picture."""
    (tmp_path / "source" / "pictures").mkdir(parents=True)
    boxes = {"vast": VAST, "far": FAR, "reversed": REVERSED, "over": OVER_THE_EDGE, "nothing": NOTHING, "again": AGAIN}
    for name in boxes:
        (tmp_path / "source" / "pictures" / f"{name}.png").write_bytes(plain_png((48, 32)))
    return dataset_of(tmp_path / "source", [line(f"{name}.png", box) for name, box in boxes.items()])


def test_boxes_are_put_right_cut_off_or_left_out_in_every_format(boxes_anywhere: DatasetFolder, tmp_path: Path) -> None:
    names = tuple(name for name, one in FORMATS.items() if "boxes" in one.accepts)
    plan = plan_of(
        boxes_anywhere.list_path,
        label_set="detection.general",
        formats=names,
        shuffle=False,
        ratios={"train": 1.0},
        bad_limit=1.0,
    )
    manifest = write_batch(plan, source_of(boxes_anywhere), tmp_path / "batch")
    assert [one.url for one in manifest.skipped] == ["far.png", "nothing.png"]
    for name in names:
        with FORMATS[name].reader(tmp_path / "batch" / f"{name}-train") as records:
            found = [tuple(map(round, one.labels.boxes[0][1:5])) for one in records]
        assert found == [(0, 0, 48, 32), (12, 0, 24, 16), (0, 0, 48, 8), (12, 0, 24, 16)], name


def test_boxes_anywhere_go_through_a_graph(boxes_anywhere: DatasetFolder, tmp_path: Path) -> None:
    document = doubling("dog", 2.0, "detection.general")
    run_graph(GraphRun(source=boxes_anywhere.path, graph=document), source_of(boxes_anywhere), tmp_path / "made")
    made = DatasetFolder(tmp_path / "made")
    assert made.statistics().problems_total == 0
    new = [one["label"][0]["data"][0]["bbox"] for one in lines_of(made) if "source_url" in one]
    assert len(new) >= 3
    assert all(0 <= x <= 48 and 0 <= y <= 32 for box in new for x, y in box)


GOOD = '{"url":"a.jpg","class":{"p":"é"}}'
WRONG = [
    ('{"url":"a.jpg",}', "json", 16),
    ('{"url":"a.jpg"', "json", 15),
    ('{"url":["a.jpg"]}', "field-type", 8),
    ('{"url":"a.jpg","detect":{"d":{"bbox":[{"class":"","pts":[[1,2],[3,4]]}]}}}', "class-missing", 39),
    ('{"url":"a.jpg","detect":{"d":{"bbox":[{"class":"x","pts":[[1,2],[3,4]],"score":NaN}]}}}', "json", 80),
    ('{"url":"a.jpg","detect":{"d":{"bbox":[{"class":"x","score":"NaN","pts":[[1,2],[3,4]]}]}}}', "number", 60),
    ('{"url":"a.jpg","label":[{"name":"f","type":"face","data":[{"landmarks":[{"index":0,"pt":["nan",1]}]}]}]}', "number", 90),
]


def test_a_list_with_everything_wrong_keeps_what_is_right_and_names_the_rest(tmp_path: Path) -> None:
    lines = ["\ufeff" + GOOD, "", *(text for text, _, _ in WRONG), GOOD.replace("é", "e\u0301")]
    (tmp_path / "index.jsonl").write_bytes("\r\n".join(lines).encode())
    statistics = DatasetFolder(tmp_path).prepare()
    assert (statistics.images, statistics.problems_total) == (2, len(WRONG))
    assert statistics.to_record().label_sets[0].classes == {"é": 2}
    assert [(one.line, one.code, one.column) for one in statistics.problems] == [
        (number, code, column) for number, (_, code, column) in enumerate(WRONG, 3)
    ]


def test_a_line_of_50_mb_is_passed_over_and_never_held(tmp_path: Path) -> None:
    with (tmp_path / "index.jsonl").open("wb") as file:
        file.write(GOOD.encode() + b'\n{"url":"')
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n' + GOOD.encode().replace(b"a.jpg", b"b.jpg"))
    script = (
        "import resource, sys; from pathlib import Path; from trainyard.datasets.folder import DatasetFolder;"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; found = DatasetFolder(Path(sys.argv[1])).prepare();"
        "print(found.images, *((one.line, one.code) for one in found.problems));"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    told = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True).stdout
    found, grown = told.splitlines()
    assert found == "2 (2, 'line-too-long')"
    assert int(grown) < 40_000


def test_a_list_of_one_line_is_a_dataset(tmp_path: Path) -> None:
    statistics = dataset_of(tmp_path / "one", [GOOD]).statistics()
    assert (statistics.images, statistics.to_record().label_sets[0].classes) == (1, {"é": 1})
