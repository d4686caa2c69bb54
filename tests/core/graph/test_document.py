"""Graphs that cannot be read or run: every fault is named with its node, its field and its rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trainyard.graph.document import MAX_NODES, MAX_OPERATIONS, Fault, Graph, read_graph
from trainyard.graph.mix import from_mix, to_mix
from trainyard.graph.rules import faults_of
from trainyard.words import LANGUAGES

from .graphs import FLOP, PULP, ROTATE, doubling, graph, node

KNOWN = {PULP: ["beheaded", "normal"], "detection.general": ["dog"]}
IN, OUT = node("in", "input"), node("out", "output")
FILTER = node("f", "filter", label_set=PULP, classes=["beheaded"])
AUGMENT = node("a", "augment", ops=[FLOP], multiple=2)


def faults(document: Any) -> list[Fault]:
    read, found = read_graph(document)
    return found if read is None else faults_of(read, KNOWN)


def codes(document: Any) -> list[str]:
    found = faults(document)
    for fault in found:
        for language in LANGUAGES:
            assert "{place}" not in "".join(fault.texts(language)), fault
    return [fault.code for fault in found]


def changed(name: str, **more: Any) -> dict[str, Any]:
    whole = graph(IN, FILTER, AUGMENT, OUT, edges="in f, f a, a out")
    return whole | {"nodes": [one | more if one["id"] == name else one for one in whole["nodes"]]}


@pytest.mark.parametrize(
    "document",
    [
        doubling(),
        graph(IN, OUT, edges="in out"),
        graph(IN, FILTER, OUT, edges="in f, f out"),
        graph(IN, FILTER, AUGMENT, OUT, edges="in f, f a, a out, in out"),
        graph(IN, node("in2", "input"), OUT, edges="in out, in2 out"),
        graph(IN, node("f", "filter", unlabelled=True), OUT, edges="in f, f out"),
        graph(IN, node("a", "augment", multiple=0.5), OUT, edges="in a, a out"),
    ],
)
def test_these_graphs_are_sound(document: Any) -> None:
    assert codes(document) == []


@pytest.mark.parametrize(
    ("document", "code", "where"),
    [
        (None, "graph-shape", (None, "nodes")),
        ([], "graph-shape", (None, "nodes")),
        ({"nodes": {}}, "graph-shape", (None, "nodes")),
        ({"nodes": [], "edges": 3}, "graph-shape", (None, "edges")),
        ({"version": 2, "nodes": []}, "graph-version", (None, "version")),
        ({"nodes": [], "colour": 1}, "graph-field", (None, "colour")),
        ({"nodes": [IN] * (MAX_NODES + 1)}, "graph-nodes", (None, "nodes")),
        ({"nodes": [7]}, "graph-node-type", (None, "type")),
        ({"nodes": [{"type": "input"}]}, "graph-name", (None, "nodes[0].id")),
        (changed("f", type="blend"), "graph-node-type", ("f", "type")),
        (changed("f", id="in"), "graph-name-twice", ("in", "id")),
        (changed("f", id="a\tb"), "graph-name", ("a\tb", "id")),
        (changed("f", id="x" * 65), "graph-name", ("x" * 64, "id")),
        (changed("f", colour="red"), "graph-field", ("f", "colour")),
        (changed("in", classes=[]), "graph-field", ("in", "classes")),
        (changed("f", classes="beheaded"), "graph-type", ("f", "classes")),
        (changed("f", unlabelled=1), "graph-type", ("f", "unlabelled")),
        (changed("f", x="left"), "graph-type", ("f", "x")),
        (changed("a", multiple=True), "graph-type", ("a", "multiple")),
        (changed("a", multiple=101), "graph-limits", ("a", "multiple")),
        (changed("a", multiples={"dog": -1}), "graph-limits", ("a", "multiples")),
        (changed("a", multiples=[2]), "graph-type", ("a", "multiples")),
        (changed("a", mode="all"), "graph-mode", ("a", "mode")),
        (changed("a", ops={}), "graph-type", ("a", "ops")),
        (changed("a", ops=["flop"]), "graph-type", ("a", "ops[0]")),
        (changed("a", ops=[FLOP, {"op": "flip", "often": 1}]), "graph-field", ("a", "ops[1].often")),
        (changed("a", ops=[{"op": "flip", "probability": 2}]), "graph-limits", ("a", "ops[0].probability")),
        (changed("a", ops=[{"op": "flip", "parameters": []}]), "graph-type", ("a", "ops[0].parameters")),
        (changed("a", ops=[FLOP] * (MAX_OPERATIONS + 1)), "graph-operations", ("a", "ops")),
        (graph(IN, OUT, edges="in out") | {"edges": [["in"]]}, "graph-edge", (None, "edges[0]")),
        (graph(IN, OUT, edges="in out, in there"), "graph-edge", (None, "edges[1]")),
        (graph(OUT, FILTER, edges="f out"), "graph-no-input", (None, None)),
        (graph(IN, FILTER, edges="in f"), "graph-no-output", (None, None)),
        (graph(IN, OUT, node("o2", "output"), edges="in out, in o2"), "graph-outputs", ("o2", None)),
        (graph(IN, node("in2", "input"), OUT, edges="in in2, in2 out"), "graph-into-input", ("in2", None)),
        (graph(IN, OUT, AUGMENT, edges="in out, out a"), "graph-behind-output", ("out", None)),
        (graph(IN, AUGMENT, FILTER, OUT, edges="in a, a f, f out"), "graph-filter-place", ("f", None)),
        (graph(IN, OUT, FILTER, edges="in out, in f"), "graph-dead-end", ("f", None)),
        (graph(IN, OUT, FILTER, edges="in out, f out"), "graph-unreached", ("f", None)),
        (changed("f", classes=[]), "graph-filter-empty", ("f", "classes")),
        (changed("f", label_set="classification.none"), "graph-label-set", ("f", "label_set")),
        (changed("f", classes=["cat"]), "graph-class", ("f", "classes")),
        (changed("a", multiples={"beheaded": 2}), "graph-label-set", ("a", "label_set")),
        (changed("a", label_set=PULP, multiples={"cat": 2}), "graph-class", ("a", "multiples")),
        (changed("a", ops=[]), "graph-no-operation", ("a", "ops")),
        (changed("a", ops=[{"op": "flip", "probability": 0}], mode="choice"), "graph-weights", ("a", "ops")),
        (changed("a", ops=[{"op": "melt"}]), "graph-operation", ("a", "ops[0].op")),
        (changed("a", ops=[{**ROTATE, "parameters": {"angle": [9, 1]}}]), "parameter-order", ("a", "ops[0].parameters.angle")),
        (changed("a", ops=[{**ROTATE, "parameters": {"speed": 1}}]), "parameter-unknown", ("a", "ops[0].parameters.speed")),
        (graph(IN, AUGMENT | {"multiple": 20}, AUGMENT | {"id": "b", "multiple": 20}, OUT, edges="in a, a b, b out"),
         "graph-variants", ("b", "multiple")),
    ],
)  # fmt: skip
def test_a_broken_graph_names_its_fault_and_place(document: Any, code: str, where: tuple[str | None, str | None]) -> None:
    assert code in codes(document)
    fault = next(fault for fault in faults(document) if fault.code == code)
    assert (fault.node, fault.field) == where


def test_a_cycle_names_its_nodes() -> None:
    nodes = [node(name, "augment", multiple=1) for name in "abc"]
    found = faults(graph(IN, *nodes, OUT, edges="in a, a b, b c, c a, c out"))
    (cycle,) = [fault for fault in found if fault.code == "graph-cycle"]
    assert cycle.texts()[0] in {
        f"The nodes lead in a circle: {way}." for way in ("a → b → c → a", "b → c → a → b", "c → a → b → c")
    }


def test_every_fault_is_told_at_once() -> None:
    assert codes(changed("a", ops=[{"op": "melt"}], multiples={"cat": 2})) == ["graph-label-set", "graph-operation"]


def test_a_document_comes_back_whole() -> None:
    read, _ = read_graph(doubling(mode="choice", x=3, y=4, title="more heads"))
    assert read is not None
    again, _ = read_graph(read.document())
    assert again == read


MIX = {
    "ops": [
        {"name": "n1", "type": "input", "preOps": [], "postOps": ["n2", "n5"], "params": {"file": "a.json"}},
        {"name": "n2", "type": "filter", "preOps": ["n1"], "postOps": ["n3"],
         "params": {"label": "class.pulp", "values": ["beheaded"]}},
        {"name": "n3", "type": "augment", "preOps": ["n2"], "postOps": ["n4"],
         "params": {"condition": [{"label": "class.pulp", "values": {"beheaded": 1.0}}], "ops": "rotate/[10,20]"}},
        {"name": "n5", "type": "filter", "preOps": ["n1"], "postOps": ["n4"],
         "params": {"label": "class.pulp", "values": ["normal"]}},
        {"name": "n4", "type": "output", "preOps": ["n3", "n5"], "postOps": [], "params": {"prefix": "p/", "file": "b.json"}},
    ],
    "logFile": "log",
}  # fmt: skip


def test_atflows_mix_is_read() -> None:
    read, found = read_graph(MIX)
    assert (found, faults_of(read, KNOWN) if read else None) == ([], [])
    assert read is not None
    assert (read.node("n3").multiples, read.node("n3").ops[0].parameters) == ({"beheaded": 2.0}, {"angle": [10.0, 20.0]})
    assert set(read.edges) == {("n1", "n2"), ("n1", "n5"), ("n2", "n3"), ("n3", "n4"), ("n5", "n4")}


def test_a_graph_is_written_as_a_mix_and_read_again() -> None:
    read, _ = read_graph(MIX)
    assert read is not None
    again, found = from_mix(to_mix(read, "a.json", "b.json"))
    assert found == []
    assert _plain(read_graph(again)[0]) == _plain(read)


@pytest.mark.parametrize(
    "change", [{"multiple": 2}, {"ops": [FLOP, FLOP]}, {"ops": [{"op": "blur"}]}, {"keep_originals": False}]
)
def test_what_a_mix_has_no_words_for_is_refused(change: Any) -> None:
    read, _ = read_graph(changed("a", multiple=1) if not change else changed("a", **({"multiple": 1} | change)))
    assert read is not None
    with pytest.raises(Exception, match="A mix request has no words for"):
        to_mix(read, "a", "b")


@pytest.mark.parametrize("params", [{"ops": "blur/3"}, {"ops": 3}, {"condition": 4}, {"condition": [{"label": "pulp"}]},
                                    {"condition": [{"label": "class.pulp", "values": {"a": "b"}}]}])  # fmt: skip
def test_a_broken_mix_is_explained(params: Any) -> None:
    request = {"ops": [{"name": "a", "type": "augment", "params": params}]}
    assert all(code.startswith("mix-") for code in codes(request)) and codes(request)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
STEP = st.fixed_dictionaries({"op": st.sampled_from(["flip", "rotate"]) | JSON}, optional={"parameters": JSON})
FIELDS = ("x", "label_set", "classes", "unlabelled", "multiples", "multiple", "mode", "title")
NODE = st.fixed_dictionaries(
    {"id": st.sampled_from("abc") | JSON, "type": st.sampled_from(["input", "filter", "augment", "output"]) | JSON},
    optional=dict.fromkeys(FIELDS, JSON) | {"ops": st.lists(STEP, max_size=3)},
)
EDGE = st.tuples(st.sampled_from("abc"), st.sampled_from("abc")).map(list)
NODES = st.lists(NODE | JSON, max_size=5)
DOCUMENT = JSON | st.fixed_dictionaries(
    {}, optional={"nodes": NODES, "version": st.just(1) | JSON, "ops": NODES, "edges": st.lists(EDGE | JSON, max_size=5)}
)


@settings(max_examples=300, deadline=None)
@given(DOCUMENT)
def test_whatever_is_sent_is_read_or_explained(document: Any) -> None:
    read, found = read_graph(document)
    assert (read is None) == bool(found)
    for fault in found + (faults_of(read, KNOWN) if read else []):
        assert fault.texts("zh")[0]


def _plain(read: Graph | None) -> Any:
    assert read is not None
    return {one["id"]: {k: v for k, v in one.items() if k not in "xy"} for one in read.document()["nodes"]}, set(read.edges)
