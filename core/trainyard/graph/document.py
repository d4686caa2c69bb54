"""The document of a preprocessing graph: nodes and edges as plain JSON, and what may be wrong with its shape.

::

    {"version": 1, "nodes": [
       {"id": "n1", "type": "input"},
       {"id": "n2", "type": "filter", "label_set": "classification.pulp", "classes": ["beheaded"], "unlabelled": false},
       {"id": "n3", "type": "augment", "label_set": "classification.pulp", "multiples": {"beheaded": 2.0}, "multiple": 1.0,
        "mode": "sequence", "keep_originals": true,
        "ops": [{"op": "rotate", "probability": 1.0, "parameters": {"angle": [-30, 30]}}]},
       {"id": "n4", "type": "output"}],
     "edges": [["n1", "n2"], ["n2", "n3"], ["n3", "n4"]]}

Every node may have a place on the canvas (``x``, ``y``) and a ``title``. Reading never raises for what a person wrote: it
answers with a graph, or with every fault that was found. AtFlow's mix request is read too (see ``mix``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import msgspec

from trainyard.errors import Invalid
from trainyard.words import N_, translate

VERSION = 1
MAX_NODES = 64
MAX_OPERATIONS = 16
MAX_MULTIPLE = 100.0
_MAX_NAME, _MAX_CLASSES = 64, 100_000

NodeType = Literal["input", "filter", "augment", "output"]
Mode = Literal["sequence", "choice"]


class Fault(NamedTuple):
    """A rule that a graph breaks, at ``node`` (None: the graph as a whole) in its ``field``.

    ``message`` and ``hint`` are English sentences with placeholders, which ``values`` fill; they are keys of translations.
    """

    code: str
    message: str
    node: str | None = None
    field: str | None = None
    hint: str = ""
    values: dict[str, Any] = {}

    def texts(self, language: str = "en") -> tuple[str, str]:
        """Message and hint in the reader's language."""
        return translate(self.message, language, **self.values), translate(self.hint, language, **self.values)

    def error(self) -> Invalid:
        """The fault as a refusal; ``field`` leads into the graph."""
        where = ".".join(part for part in ("graph", self.node, self.field) if part)
        return Invalid(self.code, self.message, hint=self.hint, field=where, **self.values)


class Step(msgspec.Struct, frozen=True):
    """One operation of a node. In a sequence it is done with ``probability``; in a choice that is its weight."""

    op: str
    probability: float = 1.0
    parameters: dict[str, Any] = {}


class Node(msgspec.Struct, frozen=True):
    """One node; the fields that its type does not have keep their defaults (``FIELDS`` says which it has)."""

    id: str
    type: NodeType
    x: float = 0.0
    y: float = 0.0
    title: str = ""
    label_set: str = ""
    classes: tuple[str, ...] = ()
    unlabelled: bool = False
    multiples: dict[str, float] = {}
    multiple: float = 1.0
    mode: Mode = "sequence"
    keep_originals: bool = True
    ops: tuple[Step, ...] = ()


class Graph(msgspec.Struct, frozen=True):
    """Nodes and the edges between them, in the order of the document."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]

    def node(self, name: str) -> Node:
        """The node with the id ``name``; there is one."""
        return next(node for node in self.nodes if node.id == name)

    def before(self, name: str) -> list[str]:
        """The ids of the nodes that lead into ``name``."""
        return [first for first, second in self.edges if second == name]

    def after(self, name: str) -> list[str]:
        """The ids of the nodes that ``name`` leads into."""
        return [second for first, second in self.edges if first == name]

    def document(self) -> dict[str, Any]:
        """The graph as JSON, every default written out."""
        nodes = [{name: getattr(node, name) for name in FIELDS[node.type]} for node in self.nodes]
        written = msgspec.json.encode({"version": VERSION, "nodes": nodes, "edges": self.edges})
        document: dict[str, Any] = msgspec.json.decode(written)
        return document


def read_graph(document: Any) -> tuple[Graph | None, list[Fault]]:
    """The graph that ``document`` (decoded JSON) describes; without one, at least one fault."""
    if isinstance(document, dict) and "ops" in document and "nodes" not in document:
        from trainyard.graph.mix import from_mix

        document, faults = from_mix(document)
        if faults:
            return None, faults
    reading = _Reading()
    graph = reading.graph(document)
    return (None, reading.faults) if reading.faults else (graph, [])


class _Bad(Exception):
    """A value that its field does not take; ``args`` are code, sentence and further values."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Bad("graph-type", N_("{place} is {value}; it must be a text."))
    return value


def _name(value: Any) -> str:
    text = _text(value)
    if not 1 <= len(text) <= _MAX_NAME or not text.isprintable():
        sentence = N_("{place} is {value}; a name has 1 to {most} letters and no control characters.")
        raise _Bad("graph-name", sentence, {"most": _MAX_NAME})
    return text


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Bad("graph-type", N_("{place} is {value}; it must be true or false."))
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Bad("graph-type", N_("{place} is {value}; it must be a number."))
    return float(value)


def _within(low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        number = _number(value)
        if not low <= number <= high:
            sentence = N_("{place} is {value}; it must be between {minimum} and {maximum}.")
            raise _Bad("graph-limits", sentence, {"minimum": f"{low:g}", "maximum": f"{high:g}"})
        return number

    return check


_multiple = _within(0.0, MAX_MULTIPLE)


def _classes(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value) or len(value) > _MAX_CLASSES:
        raise _Bad("graph-type", N_("{place} is {value}; it must be a list of class names."))
    return tuple(dict.fromkeys(value))


def _multiples(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or len(value) > _MAX_CLASSES:
        raise _Bad("graph-type", N_("{place} is {value}; it must map class names to numbers."))
    return {name: _multiple(number) for name, number in value.items()}


def _mode(value: Any) -> Mode:
    if value == "sequence" or value == "choice":
        return value  # type: ignore[no-any-return]
    raise _Bad("graph-mode", N_("{place} is {value}; it must be sequence or choice."))


_ANY: dict[str, Callable[[Any], Any]] = {"id": _name, "type": _text, "x": _number, "y": _number, "title": _text}
FIELDS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "input": _ANY,
    "filter": {**_ANY, "label_set": _text, "classes": _classes, "unlabelled": _flag},
    "augment": {
        **_ANY, "label_set": _text, "multiples": _multiples, "multiple": _multiple, "mode": _mode, "keep_originals": _flag,
        "ops": list,
    },
    "output": _ANY,
}  # fmt: skip
"""What each type of node has, and how each field is read."""
_STEP: dict[str, Callable[[Any], Any]] = {"op": _name, "probability": _within(0.0, 1.0), "parameters": dict}


class _Reading:
    """Reads one document and collects its faults."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def graph(self, document: Any) -> Graph | None:
        if not self._has_the_shape(document):
            return None
        nodes = [self._node(number, told) for number, told in enumerate(document["nodes"])]
        edges = tuple(self._edges(document.get("edges", []), self._names(nodes)))
        return Graph(tuple(node for node in nodes if node), edges)

    def _has_the_shape(self, document: Any) -> bool:
        if not isinstance(document, dict) or not isinstance(document.get("nodes"), list):
            self._fault("graph-shape", _SHAPE, None, "nodes")
        elif document.get("version", VERSION) != VERSION:
            sentence = N_("The graph has version {value}; this platform knows version {known}.")
            self._fault("graph-version", sentence, None, "version", value=_shown(document["version"]), known=VERSION)
        elif unknown := sorted(set(map(str, document)) - _DOCUMENT):
            self._fault("graph-field", _UNKNOWN, None, unknown[0], place=unknown[0], known="version, nodes, edges")
        elif len(document["nodes"]) > MAX_NODES:
            sentence = N_("The graph has {count} nodes; at most {most} are allowed.")
            self._fault("graph-nodes", sentence, None, "nodes", count=len(document["nodes"]), most=MAX_NODES)
        else:
            return True
        return False

    def _names(self, nodes: list[Node | None]) -> set[str]:
        known: set[str] = set()
        for node in nodes:
            if node and node.id in known:
                self._fault(
                    "graph-name-twice", N_("Two nodes are named {name}; names are unique."), node.id, "id", name=node.id
                )
            if node:
                known.add(node.id)
        return known

    def _node(self, number: int, told: Any) -> Node | None:
        if not isinstance(told, dict) or not isinstance(told.get("type"), str) or told["type"] not in FIELDS:
            kind = told.get("type") if isinstance(told, dict) else told
            sentence = N_("Node {number} has the type {value}; it must be one of {known}.")
            name = told["id"] if isinstance(told, dict) and isinstance(told.get("id"), str) else None
            values = {"number": number + 1, "value": _shown(kind), "known": ", ".join(FIELDS)}
            self._fault("graph-node-type", sentence, name, "type", **values)
            return None
        found, name = len(self.faults), self._named(number, told)
        read = self._fields(name, "", told, FIELDS[told["type"]])
        if told["type"] == "augment":
            read["ops"] = tuple(self._steps(name, told.get("ops", [])))
        return Node(**read) if len(self.faults) == found else None

    def _named(self, number: int, told: dict[str, Any]) -> str:
        if "id" in told:
            return str(told["id"])[:_MAX_NAME]
        self._fault("graph-name", N_("Node {number} has no id."), None, f"nodes[{number}].id", number=number + 1)
        return ""

    def _fields(self, node: str, prefix: str, told: dict[str, Any], known: dict[str, Callable[[Any], Any]]) -> dict[str, Any]:
        """What ``told`` says of the ``known`` fields; what is absent is left out."""
        read = {}
        for name, value in told.items():
            path = f"{prefix}{str(name)[:_MAX_NAME]}"
            try:
                if name not in known:
                    raise _Bad("graph-field", _UNKNOWN, {"known": ", ".join(known)})
                if known[name] is list or known[name] is dict:
                    if not isinstance(value, known[name]):  # type: ignore[arg-type]
                        raise _Bad("graph-type", _LIST if known[name] is list else _OBJECT)
                    read[name] = value
                else:
                    read[name] = known[name](value)
            except _Bad as bad:
                code, sentence, *more = bad.args
                values = {"place": path, "value": _shown(value), **(more[0] if more else {})}
                self._fault(code, sentence, node, path, **values)
        return read

    def _steps(self, node: str, told: Any) -> Iterator[Step]:
        if not isinstance(told, list):
            return
        if len(told) > MAX_OPERATIONS:
            sentence = N_("The node {node} has {count} operations; at most {most} are allowed.")
            self._fault("graph-operations", sentence, node, "ops", node=node, count=len(told), most=MAX_OPERATIONS)
            return
        for number, one in enumerate(told):
            path = f"ops[{number}]"
            if not isinstance(one, dict) or "op" not in one:
                sentence = N_("{place} is {value}; it must be an object with an op.")
                self._fault("graph-type", sentence, node, path, place=path, value=_shown(one))
                continue
            found = len(self.faults)
            read = self._fields(node, f"{path}.", one, _STEP)
            if len(self.faults) == found:
                yield Step(**read)

    def _edges(self, told: Any, known: set[str]) -> Iterator[tuple[str, str]]:
        if not isinstance(told, list):
            self._fault("graph-shape", _SHAPE, None, "edges")
            return
        seen = set()
        for number, edge in enumerate(told):
            path = f"edges[{number}]"
            if not isinstance(edge, list) or len(edge) != 2 or not all(isinstance(end, str) for end in edge):
                sentence = N_("{place} is {value}; it must be a pair of node names.")
                self._fault("graph-edge", sentence, None, path, place=path, value=_shown(edge))
            elif unknown := [end for end in edge if end not in known]:
                if not self.faults:  # else the node it means is among those that could not be read
                    sentence = N_("{place} leads to a node named {name}, which there is not.")
                    self._fault("graph-edge", sentence, None, path, place=path, name=_shown(unknown[0]))
            elif tuple(edge) not in seen:
                seen.add(tuple(edge))
                yield edge[0], edge[1]

    def _fault(self, code: str, sentence: str, node: str | None, field: str | None, /, **values: Any) -> None:
        self.faults.append(Fault(code, sentence, node, field, values=values))


_DOCUMENT = {"version", "nodes", "edges"}
_SHAPE = N_("A graph is an object with a list of nodes and a list of edges.")
_UNKNOWN = N_("There is no field {place}; known here: {known}.")
_LIST = N_("{place} is {value}; it must be a list.")
_OBJECT = N_("{place} is {value}; it must be an object.")


def _shown(value: Any) -> str:
    """A value in a message: as JSON, short."""
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 60 else f"{text[:57]}…"
