"""AtFlow's *mix* job (``POST v1/dataflows/mix``) read as a graph, and a graph written as one where it can be.

::

    {"ops": [{"name": "n1", "type": "input", "preOps": [], "postOps": ["n2"], "params": {"file": "a.jsonlist"}},
             {"name": "n2", "type": "filter", "preOps": ["n1"], "postOps": ["n3"],
              "params": {"label": "class.pulp", "values": ["beheaded"]}},
             {"name": "n3", "type": "augment", "preOps": ["n2"], "postOps": ["n4"],
              "params": {"condition": [{"label": "class.pulp", "values": {"beheaded": 1.0}}], "ops": "rotate/[10,20]"}},
             {"name": "n4", "type": "output", "preOps": ["n3"], "postOps": [],
              "params": {"prefix": "new/", "file": "b.jsonlist"}}],
     "logFile": "log"}

What differs: a mix counts *new* pictures (1.0 is our multiple 2), knows no pictures of other classes at a random processing
(our ``multiple`` 1), has one operation a node (further ones, separated by semicolons, are read as a sequence), and names
files, which are the dataset's business here. Operations are ImageMagick's words with arguments behind slashes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from trainyard.errors import Invalid
from trainyard.graph.document import VERSION, Fault, Graph, Node, Step
from trainyard.words import N_

_TYPES = {"class": "classification", "detect": "detection", "face": "face"}
_RANGE = re.compile(r"\[\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*\]")
_HINT = N_("docs/graph.md shows how a mix request looks.")
_COLUMN, _ROW = 220, 120


def from_mix(request: dict[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """The document of the graph that a mix request describes, and what of the request cannot be understood."""
    reading = _Reading(request)
    document = {"version": VERSION, "nodes": list(reading.nodes()), "edges": list(reading.edges())}
    return document, reading.faults


def to_mix(graph: Graph, source: str, target: str) -> dict[str, Any]:
    """``graph`` as a mix request from the list ``source`` to the list ``target``.

    Raises:
        Invalid: ``mix-inexpressible``; the message names the node and what a mix has no words for.
    """
    return {"ops": [_written(graph, node, source, target) for node in graph.nodes], "logFile": f"{target}.log"}


class _Reading:
    """Reads one request and collects its faults."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.faults: list[Fault] = []
        told = request["ops"] if isinstance(request["ops"], list) else []
        self._told = [one for one in told if isinstance(one, dict) and isinstance(one.get("name"), str)]
        if not self._told or len(self._told) != len(told):
            self._fault("mix-shape", N_("A mix request is an object with ops, a list of nodes with a name each."), None)

    def nodes(self) -> Iterator[dict[str, Any]]:
        for number, told in enumerate(self._told):
            params = _object(told.get("params"))
            node = {"id": told["name"], "type": told.get("type"), "x": number * _COLUMN, "y": number % 2 * _ROW}
            if told.get("type") == "filter":
                node |= {"label_set": self._label_set(told["name"], params.get("label")), "classes": params.get("values", [])}
            if told.get("type") == "augment":
                node |= self._augment(told["name"], params)
            yield node

    def edges(self) -> Iterator[list[str]]:
        """Both ends may tell of an edge; each is taken once."""
        seen = set()
        for told in self._told:
            before = [(name, told["name"]) for name in self._names(told, "preOps")]
            after = [(told["name"], name) for name in self._names(told, "postOps")]
            for edge in before + after:
                if edge not in seen:
                    seen.add(edge)
                    yield list(edge)

    def _names(self, told: dict[str, Any], field: str) -> list[str]:
        names = told.get(field) or []
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            return names
        self._fault("mix-names", N_("{place} of {node} must be a list of node names."), told["name"], place=field)
        return []

    def _label_set(self, node: str, label: Any) -> str:
        kind, _, name = label.partition(".") if isinstance(label, str) else ("", "", "")
        if name and (kind in _TYPES or kind in _TYPES.values()):
            return f"{_TYPES.get(kind, kind)}.{name}"
        self._fault("mix-label", N_("The label of {node} must be like class.general or detect.general."), node)
        return ""

    def _augment(self, node: str, params: Any) -> dict[str, Any]:
        conditions = params.get("condition") or []
        if not isinstance(conditions, list) or len(conditions) > 1 or not all(isinstance(one, dict) for one in conditions):
            self._fault("mix-condition", N_("{node} has several conditions; a graph has one label set at a node."), node)
            conditions = []
        read: dict[str, Any] = {"ops": list(self._steps(node, params.get("ops", ""))), "multiple": 1.0}
        for condition in conditions:
            values = condition.get("values")
            if not isinstance(values, dict) or not all(_is_number(number) for number in values.values()):
                self._fault("mix-condition", N_("The values of {node} must map class names to numbers."), node)
                values = {}
            read["label_set"] = self._label_set(node, condition.get("label"))
            read["multiples"] = {name: float(number) + 1 for name, number in values.items()}
        return read

    def _steps(self, node: str, script: Any) -> Iterator[dict[str, Any]]:
        if not isinstance(script, str):
            self._fault("mix-ops", N_("The ops of {node} must be a text such as flip or rotate/[10,20]."), node)
            return
        for word in filter(None, (part.strip() for part in script.split(";"))):
            name, _, argument = word.partition("/")
            if not argument:
                yield {"op": name}
            elif name == "rotate" and (found := _RANGE.fullmatch(argument)):
                yield {"op": "rotate", "parameters": {"angle": [float(found[1]), float(found[2])]}}
            else:
                message = N_("{node} has the operation {value}; with arguments only rotate/[low,high] is known of a mix.")
                self._fault("mix-ops", message, node, value=word[:60])

    def _fault(self, code: str, message: str, node: str | None, **values: Any) -> None:
        self.faults.append(
            Fault(code, message, node, "ops" if node is None else "params", _HINT, {"node": node or "", **values})
        )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _written(graph: Graph, node: Node, source: str, target: str) -> dict[str, Any]:
    params: dict[str, Any] = {}
    match node.type:
        case "input":
            params = {"file": source}
        case "filter":
            if node.unlabelled:
                raise _inexpressible(node, "unlabelled")
            params = {"label": _label(node), "values": list(node.classes)}
        case "augment":
            params = _augment(node)
        case "output":
            params = {"prefix": f"{target}.pictures/", "file": target}
    ends = {"preOps": graph.before(node.id), "postOps": graph.after(node.id)}
    return {"name": node.id, "type": node.type, **ends, "params": params}


def _augment(node: Node) -> dict[str, Any]:
    if node.multiple != 1 or not node.keep_originals or any(number < 1 for number in node.multiples.values()):
        raise _inexpressible(node, "multiple")
    if len(node.ops) != 1 or node.ops[0].probability != 1:
        raise _inexpressible(node, "ops")
    values = {name: number - 1 for name, number in node.multiples.items()}
    return {"condition": [{"label": _label(node), "values": values}] if values else [], "ops": _script(node, node.ops[0])}


def _script(node: Node, step: Step) -> str:
    if step.op == "rotate" and set(step.parameters) == {"angle"}:
        low, high = step.parameters["angle"]
        return f"rotate/[{low:g},{high:g}]"
    if step.op in {"flip", "flop"} and not step.parameters:
        return step.op
    raise _inexpressible(node, "ops")


def _label(node: Node) -> str:
    kind, _, name = node.label_set.partition(".")
    names = {ours: theirs for theirs, ours in _TYPES.items()}
    return f"{names.get(kind, kind)}.{name}"


def _inexpressible(node: Node, field: str) -> Invalid:
    return Invalid(
        "mix-inexpressible",
        N_("A mix request has no words for {place} of the node {node}."),
        hint=N_("A mix has at each random processing one of flip, flop and rotate/[low,high] and multiples of 1 or more."),
        field=f"graph.{node.id}.{field}",
        place=field,
        node=node.id,
    )
