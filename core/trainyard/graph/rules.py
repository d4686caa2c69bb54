"""The rules of a graph as a whole: how nodes may follow each other, and what they may name.

Input and output are the ends, there is one output and no cycle; filters stand behind the input or other filters, because new
pictures may have lost the boxes a filter would look for; every node lies on a way from an input to the output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from math import ceil

from trainyard.errors import Invalid
from trainyard.graph.document import Fault, Graph, Node, Step
from trainyard.words import N_

MAX_VARIANTS = 256
LabelSets = Mapping[str, Iterable[str]]
"""The label sets of a dataset (``<type>.<name>``) and the classes of each."""


def faults_of(graph: Graph, label_sets: LabelSets) -> list[Fault]:
    """Everything that keeps ``graph`` from being run on a dataset with these ``label_sets``."""
    found = [*_ends(graph), *(list(_cycle(graph)) or _too_many(graph)), *_following(graph), *_on_the_way(graph)]
    known = {key: frozenset(classes) for key, classes in label_sets.items()}
    for node in graph.nodes:
        found += _of_node(node, known)
    return found


def in_order(graph: Graph) -> list[Node]:
    """The nodes, each behind all that lead into it; in the order of the document where that leaves a choice.

    Raises:
        graphlib.CycleError: there is no such order.
    """
    place = {node.id: number for number, node in enumerate(graph.nodes)}
    sorter = TopologicalSorter({node.id: graph.before(node.id) for node in graph.nodes})
    sorter.prepare()
    names: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        names += ready
        sorter.done(*ready)
    return [graph.nodes[place[name]] for name in names]


def output_of(graph: Graph) -> Node:
    """The output node of a graph that keeps the rules."""
    return next(node for node in graph.nodes if node.type == "output")


def _called(name: str) -> str:
    """A node's name inside a sentence: it may be any words, such as "Filter"."""
    return f"“{name}”"


def _ends(graph: Graph) -> Iterator[Fault]:
    inputs, outputs = ([node for node in graph.nodes if node.type == kind] for kind in ("input", "output"))
    if not inputs:
        yield Fault("graph-no-input", N_("The graph has no input."), hint=N_("Add an input node; it stands for the dataset."))
    if not outputs:
        yield Fault("graph-no-output", N_("The graph has no output."), hint=N_("Add an output node behind the last one."))
    for extra in outputs[1:]:
        hint = N_("Delete this one and lead its predecessors into {first}; what meets there is merged.")
        values = {"count": len(outputs), "first": _called(outputs[0].id)}
        yield Fault("graph-outputs", N_("The graph has {count} outputs; there is exactly one."), extra.id, None, hint, values)
    for node in inputs:
        if before := graph.before(node.id):
            message, hint = N_("{node} leads into the input {name}; nothing does."), N_("Delete the edge.")
            yield Fault(
                "graph-into-input", message, node.id, None, hint, {"node": _called(before[0]), "name": _called(node.id)}
            )
    for node in outputs:
        if after := graph.after(node.id):
            message, hint = N_("The output {name} leads into {node}; it is the end."), N_("Delete the edge.")
            yield Fault(
                "graph-behind-output", message, node.id, None, hint, {"node": _called(after[0]), "name": _called(node.id)}
            )


def _cycle(graph: Graph) -> Iterator[Fault]:
    try:
        in_order(graph)
    except CycleError as error:
        names = list(dict.fromkeys(error.args[1]))
        way = " → ".join([*names, names[0]])
        message = N_("The nodes lead in a circle: {way}.")
        yield Fault("graph-cycle", message, names[0], None, N_("Delete one of these edges."), {"way": way})


def _following(graph: Graph) -> Iterator[Fault]:
    for node in graph.nodes:
        before = [graph.node(name) for name in graph.before(node.id)]
        if node.type == "filter" and (behind := next((one for one in before if one.type == "augment"), None)):
            message = N_("The filter {node} stands behind the random processing {name}, where boxes may have left the frame.")
            hint = N_("Put filters in front of random processing.")
            yield Fault(
                "graph-filter-place", message, node.id, None, hint, {"node": _called(node.id), "name": _called(behind.id)}
            )


def _on_the_way(graph: Graph) -> Iterator[Fault]:
    """Nodes beside every way; where there is no input, or no output, that is told once and for all."""
    inputs, outputs = ([node.id for node in graph.nodes if node.type == kind] for kind in ("input", "output"))
    from_input, to_output = _reached(inputs, graph.after), _reached(outputs, graph.before)
    for node in graph.nodes:
        if inputs and node.id not in from_input:
            message, hint = N_("No way leads from the input to {node}."), N_("Connect it, or delete it.")
            yield Fault("graph-unreached", message, node.id, None, hint, {"node": _called(node.id)})
        elif outputs and node.id not in to_output:
            message, hint = N_("No way leads from {node} to the output."), N_("Connect it, or delete it.")
            yield Fault("graph-dead-end", message, node.id, None, hint, {"node": _called(node.id)})


def _too_many(graph: Graph) -> Iterator[Fault]:
    for node, most in _variants(graph):
        if most > MAX_VARIANTS:
            message = N_("Up to {count} pictures would come of one at {node}; at most {most} are allowed.")
            values = {"count": most, "node": _called(node.id), "most": MAX_VARIANTS}
            yield Fault("graph-variants", message, node.id, "multiple", N_("Lower the multiples."), values)
            return


def _variants(graph: Graph) -> Iterator[tuple[Node, int]]:
    """The most pictures that may come of one sample at every node, of a graph without a cycle."""
    ways: dict[str, int] = {}
    for node in in_order(graph):
        ways[node.id] = max(1, sum(ways[name] for name in graph.before(node.id)))
        if node.type == "augment":
            most = max([node.multiple, *node.multiples.values()])
            ways[node.id] *= max(1, ceil(most))
        yield node, ways[node.id]


def _reached(start: list[str], step: Callable[[str], list[str]]) -> set[str]:
    reached, waiting = set(start), list(start)
    while waiting:
        fresh = [name for name in step(waiting.pop()) if name not in reached]
        reached.update(fresh)
        waiting += fresh
    return reached


def _of_node(node: Node, known: Mapping[str, frozenset[str]]) -> Iterator[Fault]:
    if node.type == "filter":
        if not node.classes and not node.unlabelled:
            message, hint = N_("The filter {node} lets nothing through."), N_("Tick classes, or the unlabelled pictures.")
            yield Fault("graph-filter-empty", message, node.id, "classes", hint, {"node": _called(node.id)})
        yield from _names(node, "classes", node.classes, known)
    if node.type == "augment":
        yield from _names(node, "multiples", node.multiples, known)
        makes_new = not node.keep_originals or max([node.multiple, *node.multiples.values()]) > 1
        if not node.ops and makes_new:
            message = N_("The random processing {node} has no operation, so new pictures would be copies.")
            yield Fault(
                "graph-no-operation", message, node.id, "ops", N_("Add at least one operation."), {"node": _called(node.id)}
            )
        if node.mode == "choice" and node.ops and not any(step.probability for step in node.ops):
            message, hint = N_("All operations of {node} have the weight 0."), N_("Give at least one a weight above 0.")
            yield Fault("graph-weights", message, node.id, "ops", hint, {"node": _called(node.id)})
        for number, step in enumerate(node.ops):
            yield from _of_step(node, number, step)


def _names(node: Node, field: str, classes: Iterable[str], known: Mapping[str, frozenset[str]]) -> Iterator[Fault]:
    """Whether the dataset has the label set and the classes that a node names."""
    asked = list(classes)
    sets = ", ".join(sorted(known)[:10]) or "–"
    if not asked and node.label_set in {"", *known}:
        return
    if node.label_set not in known:
        message = N_("{node} names the label set {value}; the dataset has: {known}.")
        values = {"node": _called(node.id), "value": node.label_set or "–", "known": sets}
        yield Fault("graph-label-set", message, node.id, "label_set", N_("Choose one of the dataset's label sets."), values)
        return
    if missing := [name for name in asked if name not in known[node.label_set]]:
        message = N_("{node} names classes that {value} of this dataset does not have: {missing}.")
        values = {"node": _called(node.id), "value": node.label_set, "missing": ", ".join(missing[:5])}
        hint = N_("Untick them, or choose a dataset that has them.")
        yield Fault("graph-class", message, node.id, field, hint, values)


def _of_step(node: Node, number: int, step: Step) -> Iterator[Fault]:
    from trainyard.graph.operations import OPERATIONS, checked

    operation, path = OPERATIONS.get(step.op), f"ops[{number}]"
    if operation is None:
        message = N_("There is no operation {value}; there are: {known}.")
        values = {"value": step.op, "known": ", ".join(OPERATIONS)}
        yield Fault("graph-operation", message, node.id, f"{path}.op", values=values)
        return
    try:
        checked(step.op, operation.parameters, step.parameters)
    except Invalid as error:
        field = f"{path}.parameters.{error.field}"
        yield Fault(error.code, error.message, node.id, field, error.hint, error.values)
