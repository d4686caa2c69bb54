"""Tell of a graph what is wrong with it, and what every node would output, also while somebody is still drawing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainyard.datasets.statistics import Statistics
from trainyard.graph.document import Fault, Graph, read_graph
from trainyard.graph.plan import Count, Plan
from trainyard.graph.rules import faults_of
from trainyard.records.graphs import GraphProblem, NodeCount

_UNCOUNTABLE = {"graph-label-set", "graph-class", "graph-filter-place", "graph-into-input", "graph-variants"}


def read_for(document: Any, statistics: Statistics) -> tuple[Graph | None, list[Fault]]:
    """The graph, and everything that keeps it from being run on the dataset with these ``statistics``."""
    graph, faults = read_graph(document)
    if graph is None:
        return None, faults
    return graph, faults_of(graph, {f"{one.type}.{one.name}": one.classes for one in statistics.label_sets})


def sound_part(graph: Graph, faults: Sequence[Fault]) -> Graph:
    """The nodes that can be planned: they and all before them have no fault that matters to counts."""
    bad = {fault.node for fault in faults if fault.code in _UNCOUNTABLE}
    sound: set[str] = set()
    while fresh := [node.id for node in graph.nodes if node.id not in sound | bad and _follows(graph, node.id, sound)]:
        sound.update(fresh)
    nodes = tuple(node for node in graph.nodes if node.id in sound)
    return Graph(nodes, tuple(edge for edge in graph.edges if sound.issuperset(edge)))


def up_to(graph: Graph, name: str) -> Graph:
    """The node ``name`` and all that lead to it."""
    wanted = {name}
    while fresh := {before for one in wanted for before in graph.before(one)} - wanted:
        wanted |= fresh
    nodes = tuple(node for node in graph.nodes if node.id in wanted)
    return Graph(nodes, tuple(edge for edge in graph.edges if wanted.issuperset(edge)))


def problem_of(fault: Fault, language: str) -> GraphProblem:
    """A fault in the reader's language."""
    message, hint = fault.texts(language)
    return GraphProblem(node=fault.node, code=fault.code, message=message, hint=hint, field=fault.field)


def counts_of(plan: Plan) -> dict[str, NodeCount]:
    """What leaves every node of the plan."""
    return {node.id: _record(plan.count(node.id)) for node in plan.graph.nodes}


def _record(count: Count) -> NodeCount:
    record = NodeCount(pictures=count.pictures, new=count.new, objects=0, unlabelled=count.classes.get(("", ""), 0))
    objects = 0
    for (label_set, name), pictures in count.classes.items():
        if label_set:
            record.classes.setdefault(label_set, {})[name] = pictures
            record.objects_by_class.setdefault(label_set, {})[name] = count.objects[label_set, name]
            objects += 0 if label_set.startswith("classification.") else count.objects[label_set, name]
    return record.model_copy(update={"objects": objects})


def _follows(graph: Graph, name: str, sound: set[str]) -> bool:
    before = graph.before(name)
    return sound.issuperset(before) if before else graph.node(name).type == "input"
