"""Counts told from a list's index: exact, whatever the graph, and the same ones a run gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trainyard.datasets.index import OBJECTS
from trainyard.datasets.sample import Entry, LabelSet
from trainyard.graph.document import read_graph
from trainyard.graph.plan import Plan
from trainyard.graph.rules import faults_of
from trainyard.graph.run import GraphRun, run_graph

from .graphs import FLOP, PULP, boxed, classified, doubling, graph, make_dataset, node, source_of

HEADS = [classified("beheaded")] * 11 + [classified("normal")] * 7 + [()] * 3


def plan_of(folder: Path, document: Any, labels: list[Any], seed: int = 0) -> Plan:
    dataset = make_dataset(folder / "source", labels, pictures=False)
    read, faults = read_graph(document)
    assert read is not None, faults
    return Plan(read, dataset.index(), seed)


def test_one_class_is_doubled_and_the_rest_kept(tmp_path: Path) -> None:
    count = plan_of(tmp_path, doubling(), HEADS).count("out")
    assert (count.pictures, count.new) == (32, 11)
    assert count.classes == {(PULP, "beheaded"): 22, (PULP, "normal"): 7, ("", ""): 3}


@pytest.mark.parametrize(
    ("multiple", "keep", "expected"),
    [(1.5, True, (17, 6)), (0.5, True, (6, 0)), (0, True, (0, 0)), (3, True, (33, 22)), (2.1, True, (23, 12)),
     (2, False, (22, 22)), (0.5, False, (6, 6)), (1.5, False, (17, 17))],
)  # fmt: skip
def test_a_multiple_gives_exactly_so_many(tmp_path: Path, multiple: float, keep: bool, expected: tuple[int, int]) -> None:
    plan = plan_of(tmp_path, doubling(multiple=multiple, keep_originals=keep), HEADS[:11])
    count = plan.count("out")
    assert (count.pictures, count.new) == expected


def test_another_seed_takes_another_half(tmp_path: Path) -> None:
    halves = [
        plan_of(tmp_path / str(seed), doubling(multiple=0.5), HEADS[:11], seed).masks("out")[()].flags().tolist()
        for seed in (1, 2)
    ]
    assert halves[0] != halves[1]


def test_a_picture_of_several_classes_takes_the_largest_multiple(tmp_path: Path) -> None:
    several = doubling() | {}
    several["nodes"][1] |= {"multiples": {"beheaded": 3.0, "normal": 0.0}, "multiple": 1.0}
    labels = [classified("beheaded", "normal"), classified("normal"), classified("normal", "other"), classified("other")]
    plan = plan_of(tmp_path, several, labels)
    assert [int(sum(mask[n] for mask in plan.masks("out").values())) for n in range(4)] == [3, 0, 1, 1]


def test_what_comes_by_two_branches_is_one_picture(tmp_path: Path) -> None:
    document = graph(
        node("in", "input"),
        node("f", "filter", label_set=PULP, classes=["beheaded"]),
        node("g", "filter", label_set=PULP, classes=["beheaded", "normal"]),
        node("a", "augment", multiple=2, ops=[FLOP]),
        node("out", "output"),
        edges="in f, in g, f a, g a, a out, f out",
    )
    assert plan_of(tmp_path, document, HEADS).count("out").pictures == 36


def test_unlabelled_pictures_pass_a_filter_on_request(tmp_path: Path) -> None:
    def passing(name: str, **more: Any) -> int:
        document = graph(node("in", "input"), node("f", "filter", **more), node("out", "output"), edges="in f, f out")
        return plan_of(tmp_path / name, document, [*HEADS, boxed(("dog", 0, 0, 9, 9))]).count("f").pictures

    assert passing("no label at all", unlabelled=True) == 3
    assert passing("none in this set", unlabelled=True, label_set=PULP) == 4
    assert passing("with a class", unlabelled=True, label_set=PULP, classes=["normal"]) == 11


def test_processing_twice_multiplies(tmp_path: Path) -> None:
    document = graph(
        node("in", "input"),
        node("a", "augment", multiple=2, ops=[FLOP]),
        node("b", "augment", label_set=PULP, multiples={"beheaded": 2}, ops=[FLOP]),
        node("out", "output"),
        edges="in a, a b, b out",
    )
    plan = plan_of(tmp_path, document, HEADS)
    assert plan.count("out").classes == {(PULP, "beheaded"): 44, (PULP, "normal"): 14, ("", ""): 6}
    assert plan.ways("out") == [(), (("a", 1),), (("a", 1), ("b", 1)), (("b", 1),)]


@pytest.mark.parametrize("old", [False, True])
def test_objects_are_counted_too(tmp_path: Path, old: bool) -> None:
    box = (0.0, 0.0, 9.0, 9.0)
    labels = [boxed(("dog", *box), ("dog", *box), ("cat", *box)), boxed(("cat", *box)), ()]
    document = doubling("dog", label_set="detection.general")
    plan = plan_of(tmp_path, document, labels)
    if old:  # a list that was indexed before objects were
        (tmp_path / "source" / OBJECTS).unlink()
    count = plan.count("out")
    assert count.objects == {("detection.general", "dog"): 4, ("detection.general", "cat"): 3, ("", ""): 1}


NAMES = ("a", "b", "c")
LABELS = st.lists(
    st.lists(st.sampled_from(NAMES), max_size=3).map(
        lambda names: (LabelSet("pulp", "classification", tuple(Entry(name) for name in names)),) if names else ()
    ),
    min_size=1,
    max_size=12,
)
MULTIPLE = st.sampled_from([0.0, 0.4, 1.0, 1.5, 2.0, 3.0])


@st.composite
def graphs(draw: Any) -> Any:
    """One that keeps the rules: some filters, some random processing behind each other, merged at the output."""
    nodes, edges = [node("in", "input")], []
    filters = ["in"]
    for number in range(draw(st.integers(0, 2))):
        classes = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
        nodes.append(node(f"f{number}", "filter", label_set=PULP, classes=classes, unlabelled=draw(st.booleans())))
        edges.append([draw(st.sampled_from(filters)), f"f{number}"])
        filters.append(f"f{number}")
    before = list(filters)
    for number in range(draw(st.integers(0, 3))):
        multiples = draw(st.dictionaries(st.sampled_from(NAMES), MULTIPLE, max_size=2))
        more = {"label_set": PULP} if multiples else {}
        nodes.append(node(f"a{number}", "augment", multiples=multiples, multiple=draw(MULTIPLE), ops=[FLOP],
                          keep_originals=draw(st.booleans()), **more))  # fmt: skip
        edges += [[one, f"a{number}"] for one in draw(st.lists(st.sampled_from(before), min_size=1, max_size=2, unique=True))]
        before.append(f"a{number}")
    nodes.append(node("out", "output"))
    open_ends = [one["id"] for one in nodes if one["id"] not in {edge[0] for edge in edges} | {"out"}]
    edges += [[one, "out"] for one in open_ends]
    return {"nodes": nodes, "edges": edges}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(labels=LABELS, document=graphs(), seed=st.integers(0, 3))
def test_what_is_predicted_is_made(tmp_path_factory: Any, labels: list[Any], document: Any, seed: int) -> None:
    folder = tmp_path_factory.mktemp("property")
    dataset = make_dataset(folder / "source", [*labels, *(classified(name) for name in NAMES)])
    read, faults = read_graph(document)
    assert read is not None, faults
    if faults_of(read, {PULP: NAMES}):
        return
    count = Plan(read, dataset.index(), seed).count("out")
    if not count.pictures:
        return
    made = run_graph(GraphRun(source=dataset.path, graph=document, seed=seed), source_of(dataset), folder / "made")
    told = [(f"{one.type}.{one.name}", one.classes) for one in made.label_sets]
    images = {(key, name): number.images for key, classes in told for name, number in classes.items()}
    objects = {(key, name): number.objects for key, classes in told for name, number in classes.items()}
    assert made.images == count.pictures
    assert images == _without_unlabelled(count.classes)
    assert objects == _without_unlabelled(count.objects)


def _without_unlabelled(counts: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {pair: number for pair, number in counts.items() if number and pair != ("", "")}
