"""Graphs that are still being drawn: their counts, the eight samples at every node, and what a run would take."""

from __future__ import annotations

import base64
import weakref
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from trainyard.datasets.folder import DatasetFolder
from trainyard.graph import studio
from trainyard.graph.check import counts_of, read_for, sound_part, up_to
from trainyard.graph.operations import render
from trainyard.graph.plan import Plan
from trainyard.graph.preview import Show, eight, estimate, preview
from trainyard.graph.run import GraphRun, run_graph
from trainyard.graph.studio import Studio
from trainyard.records.graphs import GraphPreview

from .graphs import FLOP, PULP, boxed, classified, doubling, graph, lines_of, make_dataset, node, source_of

BOX = ("dog", 40.0, 60.0, 120.0, 200.0)


def show_of(dataset: DatasetFolder, document: Any) -> Show:
    read, _ = read_for(document, dataset.statistics())
    assert read is not None
    return Show(Plan(read, dataset.index(), 0), dataset.index(), Studio(read, 0, source_of(dataset)))


def shown(show: Show, name: str) -> GraphPreview:
    return preview(show, name, eight(show.plan, len(show.index)))


def pixels(data: str) -> Any:
    return cv2.imdecode(np.frombuffer(base64.b64decode(data.removeprefix("data:image/jpeg;base64,")), np.uint8), 1)


def test_a_graph_that_is_still_drawn_is_counted_as_far_as_it_goes(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", [classified("beheaded"), classified("normal")], pictures=False)
    document = graph(
        node("in", "input"),
        node("f", "filter", label_set=PULP, classes=["beheaded"]),
        node("a", "augment", multiple=2),
        node("wrong", "filter", label_set=PULP, classes=["mouse"]),
        node("b", "augment", multiple=2, ops=[FLOP]),
        node("loose", "augment"),
        edges="in f, f a, in wrong, wrong b",
    )
    read, faults = read_for(document, dataset.statistics())
    assert read is not None
    assert {fault.code for fault in faults} >= {"graph-no-output", "graph-no-operation", "graph-class", "graph-unreached"}
    counts = counts_of(Plan(sound_part(read, faults), dataset.index(), 0))
    assert {name: count.pictures for name, count in counts.items()} == {"in": 2, "f": 1, "a": 2}
    assert counts["a"].classes == {PULP: {"beheaded": 2, "normal": 0}}


def test_every_node_shows_the_same_eight_before_and_after(tmp_path: Path) -> None:
    labels = [classified("normal")] * 30 + [(*classified("beheaded"), *boxed(BOX))] * 2
    dataset = make_dataset(tmp_path / "d", labels, width=640, height=480)
    document = doubling()
    document["nodes"][1]["ops"] = [FLOP]
    show = show_of(dataset, document)
    first, last = shown(show, "in"), shown(show, "out")
    assert [one.line for one in first.samples] == [one.line for one in last.samples]
    assert len(first.samples) == 8
    assert {31, 32} <= {one.line for one in first.samples}
    (doubled,) = [one for one in last.samples if one.line == 31]
    before, after = doubled.before, doubled.after
    assert before is not None
    assert (before.width, before.height, pixels(before.data).shape[:2]) == (640, 480, (240, 320))
    assert [one.ops for one in after] == ["", "augment(flop)"]
    assert after[1].labels[1]["data"][0]["bbox"] == [[520.0, 60.0], [600.0, 200.0]]
    assert np.abs(pixels(before.data)[:, ::-1].astype(int) - pixels(after[1].data)).mean() < 3
    assert all(one.outputs == 1 for one in last.samples if one.line < 31)


def test_a_filter_shows_what_it_stops(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", [classified("normal"), classified("beheaded")])
    document = graph(node("in", "input"), node("f", "filter", label_set=PULP, classes=["beheaded"]), edges="in f")
    assert [(one.line, one.outputs) for one in shown(show_of(dataset, document), "f").samples] == [(1, 0), (2, 1)]


def test_the_preview_shows_what_the_run_makes(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", [(*classified("beheaded"), *boxed(BOX))] * 3, width=300, height=220)
    show = shown(show_of(dataset, doubling()), "out")
    run_graph(GraphRun(source=dataset.path, graph=doubling()), source_of(dataset), tmp_path / "made")
    lines = [line for line in lines_of(DatasetFolder(tmp_path / "made")) if "ops" in line]
    assert [one.after[1].ops for one in show.samples] == [line["ops"] for line in lines]
    for one, line in zip(show.samples, lines, strict=True):
        made = cv2.imread(str(tmp_path / "made" / "pictures" / line["url"]))
        assert np.abs(pixels(one.after[1].data).astype(int) - made).mean() < 3
        assert one.after[1].labels[1]["data"][0]["bbox"] == line["label"][1]["data"][0]["bbox"]


def test_a_picture_that_cannot_be_shown_says_why(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", [classified("beheaded")] * 2)
    (dataset.pictures / "0001.jpg").unlink()
    good, bad = shown(show_of(dataset, doubling()), "out").samples
    assert (good.error, bad.error, bad.before, bad.outputs) == ("", "There is no such file.", None, 2)


def test_size_and_time_are_estimated_from_real_pictures(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", [classified("beheaded")] * 40, width=320, height=240)
    told = estimate(show_of(dataset, doubling(multiple=3)), 95, 2)
    assert told is not None
    made = run_graph(GraphRun(source=dataset.path, graph=doubling(multiple=3)), source_of(dataset), tmp_path / "made")
    size = sum(path.stat().st_size for path in (tmp_path / "made" / "pictures").rglob("*.jpg"))
    assert (told.pictures, told.new) == (made.images, 80)
    assert 0.7 < told.bytes / size < 1.4


def test_nothing_can_be_estimated_without_pictures(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", [classified("beheaded")], pictures=False)
    assert estimate(show_of(dataset, doubling()), 95, 2) is None


def test_only_what_leads_to_a_node_matters_to_it(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "d", [classified("beheaded")], pictures=False)
    read, _ = read_for(doubling(), dataset.statistics())
    assert read is not None
    assert [one.id for one in up_to(read, "more").nodes] == ["in", "more"]


def test_pictures_that_become_large_are_made_one_at_a_time_and_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "_LARGE_PIXELS", 50_000)
    names, seen, alive = [f"n{number}" for number in range(5)], [], []
    larger = {"op": "resize", "parameters": {"width": 300, "height": 300}}
    steps = [node(name, "augment", multiple=2.0, ops=[larger if name == "n0" else FLOP]) for name in names]
    edges = ", ".join(f"{one} {other}" for one, other in pairwise(["in", *names, "out"]))
    dataset = make_dataset(tmp_path / "d", [classified("normal")] * 3)

    def watched(*given: Any) -> Any:
        seen.append(studio._large.locked())
        alive.append(sum(one() is not None for one in made))
        picture = render(*given)
        made.append(weakref.ref(picture))
        return picture

    made: list[Any] = []
    monkeypatch.setattr(studio, "render", watched)
    shown(show_of(dataset, graph(node("in", "input"), *steps, node("out", "output"), edges=edges)), "out")
    assert seen and all(seen) and max(alive) <= 2
