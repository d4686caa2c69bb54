"""A list read block by block gives the counts and the index of one that is read line by line."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trainyard.datasets import scan as scanning
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.index import CLASSES, OBJECTS, SAMPLES, TABLE, IndexWriter
from trainyard.datasets.jsonlist import ListReader
from trainyard.datasets.lines import read_lines
from trainyard.datasets.sample import Problem
from trainyard.datasets.scan import scan
from trainyard.datasets.statistics import Counting, Statistics

CLASSES_OF = st.sampled_from(["cat", "dog", "狗", "e\u0301", "é", "", "7"])
CORNERS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=5)
SCORES = st.sampled_from([None, None, None, 0.5])


def _entry(name: str, score: float | None, **more: Any) -> dict[str, Any]:
    return {"class": name, **more} | ({} if score is None else {"score": score})


CLASSIFIED = st.lists(st.builds(_entry, CLASSES_OF, SCORES), max_size=2).map(
    lambda data: {"name": "pulp", "type": "classification", "version": "1", "data": data}
)
DETECTED = st.lists(
    st.builds(lambda name, score, bbox: _entry(name, score, bbox=bbox), CLASSES_OF, SCORES, CORNERS), max_size=4
).map(lambda data: {"name": "general", "type": "detection", "data": data})
FACES = st.lists(st.builds(lambda bbox: {"bbox": bbox}, CORNERS), max_size=2).map(
    lambda data: {"name": "face", "type": "face", "data": data}
)
OLD = st.builds(lambda name: {"class": {"pulp": name}}, CLASSES_OF)
LABELS = st.one_of(st.none(), OLD, st.lists(st.one_of(CLASSIFIED, DETECTED, FACES), max_size=3))
LINE = st.builds(
    lambda url, kind, label: json.dumps({"url": url, "type": kind} | ({} if label is None else {"label": label})),
    st.sampled_from(["a.jpg", "b.jpg", "图/c.jpg", ""]),
    st.sampled_from(["image", "image", "image", "video", "sound"]),
    LABELS,
)
ODD = st.sampled_from(
    [
        "",
        "  ",
        "{",
        '{"url":"x"} {"url":"y"}',
        '{"url":\n"x"}',
        '[{"url":"x"}]',
        "null",
        '{"url":"x","class":{"p":"q"}}',
        "\x00",
    ]
)
LISTS = st.lists(st.tuples(st.one_of(LINE, LINE, LINE, LINE, ODD), st.sampled_from(["\n", "\n", "\r\n"])), max_size=30)
numbers = count()


def line_by_line(path: Path, folder: Path) -> Statistics:
    """What is true of a list, by the slow way alone."""
    counting, reader, index = Counting(), ListReader(), IndexWriter(folder)
    with path.open("rb") as file:
        for line in read_lines(file):
            found = reader.parse(line)
            if isinstance(found, Problem):
                counting.add_problem(found)
            else:
                index.add(line, counting.add(found), counting.repeated)
                counting.add_urls([found.url])
    index.close()
    counting.result.bytes = path.stat().st_size
    return counting.result


def plain(statistics: Statistics) -> dict[str, Any]:
    """Statistics in an order of their own, less what the slow way does not look for."""
    found: dict[str, Any] = msgspec.to_builtins(statistics)
    found["label_sets"].sort(key=lambda one: (one["type"], one["name"]))
    return {name: value for name, value in found.items() if name != "remarks"}


def members(folder: Path) -> dict[tuple[str, str], list[int]]:
    """The samples of each class, by the index's own files."""
    table = json.loads((folder / TABLE).read_bytes())["classes"]
    numbers = memoryview((folder / CLASSES).read_bytes()).cast("I")
    return {(key, name): list(numbers[first : first + many]) for key, name, first, many in table}


def more_than_once(folder: Path) -> set[tuple[str, str, int, int]]:
    """Label set, class, sample and further objects of the samples that have a class more than once."""
    table = json.loads((folder / TABLE).read_bytes())["classes"]
    numbers = list(memoryview((folder / OBJECTS).read_bytes()).cast("I"))
    rows = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    return {(*table[pair][:2], sample, more) for pair, sample, more in rows}


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LISTS, size=st.integers(1, 2000), bom=st.booleans(), ended=st.booleans())
def test_blocks_of_any_size_give_what_lines_give(
    lines: list[tuple[str, str]], size: int, bom: bool, ended: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "BLOCK", size)
    folder = tmp_path / str(next(numbers))
    quick, slow = folder / "quick", folder / "slow"
    quick.mkdir(parents=True)
    slow.mkdir()
    text = ("\ufeff" if bom else "") + "".join(line + end for line, end in lines)
    path = folder / "index.jsonl"
    path.write_bytes((text if ended else text.rstrip("\r\n")).encode())
    statistics = scan(path, quick, lambda offset: None)
    assert plain(statistics) == plain(line_by_line(path, slow))
    assert (quick / SAMPLES).read_bytes() == (slow / SAMPLES).read_bytes()
    assert members(quick) == members(slow)
    assert more_than_once(quick) == more_than_once(slow)


def test_urls_that_come_again_are_counted_and_the_first_ones_named(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path)
    folder.list_path.write_text("".join(f'{{"url":"{name}"}}\n' for name in ("a", "b", "a", "c", "b", "a")))
    statistics = folder.prepare()
    remark = statistics.remarks[0]
    assert (remark.code, remark.count, remark.places) == ("url-twice", 3, ["3 = 1", "5 = 2", "6 = 1"])
    assert not list(tmp_path.glob(".urls*"))


def test_box_sizes_are_counted_in_bins_of_doubling_area(tmp_path: Path) -> None:
    boxes = [[[0, 0], [1, 1]], [[0, 0], [2, 0], [2, 1], [0, 1]], [[5, 9], [1, 1]], [[3, 3], [3, 8]]]
    data = [{"class": "x", "bbox": box} for box in boxes]
    line = {"url": "a", "label": [{"name": "g", "type": "detection", "data": data}]}
    folder = DatasetFolder(tmp_path)
    folder.list_path.write_text(json.dumps(line) + "\n")
    found = folder.prepare().label_sets[0].box_sizes
    assert {place: many for place, many in enumerate(found) if many} == {0: 1, 1: 1, 2: 1, 6: 1}
