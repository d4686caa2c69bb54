"""What is kept while somebody draws: plans, pictures and estimates of the last graphs, and how many are made at a time.

Every change of a graph is asked about anew, and most changes leave most of it as it was. Lists never change, so a dataset's id,
the part of the graph that matters and the seed say all.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec
from anyio import CapacityLimiter
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.statistics import Statistics
from trainyard.graph.document import Graph
from trainyard.graph.plan import Plan
from trainyard.records.graphs import GraphEstimate, GraphPreview

from trainyard_service.context import Context

T = TypeVar("T")
AT_ONCE = 2
"""Checks and previews made at the same time: each keeps every core busy for a moment."""
_LARGEST_KEPT = 32 * 2**20
_DRAWN = ("x", "y", "title")


class Kept(Generic[T]):
    """The last few answers; safe to use from several threads."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, threading.Lock()
        self._answers: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T], keep: Callable[[T], bool] = lambda answer: True) -> T:
        """The answer to ``key``, made if it is not there; two who ask at once may both make it."""
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return self._answers[key]
        made = make()
        if keep(made):
            with self._lock:
                self._answers[key] = made
                while len(self._answers) > self._most:
                    self._answers.popitem(last=False)
        return made


@dataclass(frozen=True)
class Desk:
    """One service's."""

    plans: Kept[Plan] = field(default_factory=lambda: Kept(8))
    statistics: Kept[Statistics] = field(default_factory=lambda: Kept(8))
    previews: Kept[GraphPreview] = field(default_factory=lambda: Kept(32))
    estimates: Kept[GraphEstimate | None] = field(default_factory=lambda: Kept(128))
    lane: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(AT_ONCE))

    def plan(self, dataset: DatasetFolder, graph: Graph, seed: int) -> Plan:
        """The plan of a graph for a dataset. Operations do not matter to it, so that a slider moves without one."""
        key = (dataset.path.name, key_of(graph, "ops", "mode"), seed)
        plan = self.plans.get(key, lambda: Plan(graph, dataset.index(), seed), lambda made: made.bytes <= _LARGEST_KEPT)
        return plan.of(graph)


def desk_of(context: Context) -> Desk:
    """The desk of a running service."""
    desk: Desk = context.parts.setdefault("graphs", Desk())
    return desk


def key_of(graph: Graph, *without: str) -> bytes:
    """What tells graphs apart but for where their nodes are drawn, and for fields that do not matter to the question."""
    passed_over = {*_DRAWN, *without}
    nodes: list[dict[str, Any]] = graph.document()["nodes"]
    plain = [{name: value for name, value in node.items() if name not in passed_over} for node in nodes]
    return msgspec.json.encode([plain, graph.edges])
