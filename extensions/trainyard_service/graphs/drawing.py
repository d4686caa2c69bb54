"""Answers to whoever draws a graph: what is wrong, what every node would output, how it looks, what a run would take."""

from __future__ import annotations

from dataclasses import dataclass

from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.sources import PictureSource
from trainyard.datasets.statistics import Statistics
from trainyard.errors import NotFound
from trainyard.graph.check import counts_of, problem_of, read_for, sound_part, up_to
from trainyard.graph.document import Graph
from trainyard.graph.operations import GROUPS, OPERATIONS
from trainyard.graph.operations import Parameter as Given
from trainyard.graph.preview import Show, eight, estimate, preview
from trainyard.graph.studio import Studio
from trainyard.records.graphs import (
    Choice,
    GraphCheck,
    GraphEstimate,
    GraphPreview,
    GraphQuestion,
    Operation,
    Parameter,
    PreviewQuestion,
    When,
)
from trainyard.words import N_, translate

from trainyard_service.graphs.desk import Desk, key_of

_QUALITY = 95
_HARMLESS = {"graph-no-output", "graph-dead-end", "graph-outputs", "graph-no-operation", "graph-filter-empty"}


@dataclass(frozen=True)
class Canvas:
    """A dataset on which somebody draws, and all that is needed to answer: no database while pictures are waited for.

    ``cores`` are those that a run would have.
    """

    desk: Desk
    dataset: DatasetFolder
    source: PictureSource
    language: str
    cores: int

    def check(self, question: GraphQuestion) -> GraphCheck:
        """What is wrong, and what there would be. Blocking: a few pictures are read."""
        graph, faults = read_for(question.graph, self._statistics())
        problems = [problem_of(fault, self.language) for fault in faults]
        if graph is None:
            return GraphCheck(problems=problems)
        counts = counts_of(self.desk.plan(self.dataset, sound_part(graph, faults), question.seed))
        told = None if faults else self.estimate(graph, question.seed, _QUALITY)
        return GraphCheck(problems=problems, graph=graph.document(), counts=counts, estimate=told)

    def estimate(self, graph: Graph, seed: int, quality: int) -> GraphEstimate | None:
        """What a run of a sound graph will make and take; None where no picture can be read."""
        key = (self.dataset.path.name, key_of(graph), seed, quality, self.cores)
        return self.desk.estimates.get(key, lambda: estimate(self._show(graph, seed), quality, self.cores))

    def preview(self, question: PreviewQuestion) -> GraphPreview:
        """The eight samples at a node. Blocking: pictures are read.

        Raises:
            Invalid: what leads to the node is not whole. NotFound: there is no such node.
        """
        graph, faults = read_for(question.graph, self._statistics())
        if graph is None:
            raise faults[0].error()
        if question.node not in {node.id for node in graph.nodes}:
            raise NotFound("no-such-node", N_("The graph has no node {name}."), field="node", name=question.node)
        before = {node.id for node in up_to(graph, question.node).nodes}
        for fault in faults:
            if fault.node in before and fault.code not in _HARMLESS:
                raise fault.error()
        sound = sound_part(graph, faults)
        if question.node not in {node.id for node in sound.nodes}:
            raise next(fault for fault in faults if fault.node in before).error()
        return self._previewed(sound, question)

    def _previewed(self, sound: Graph, question: PreviewQuestion) -> GraphPreview:
        plan = self.desk.plan(self.dataset, sound, question.seed)
        needed = up_to(sound, question.node)
        index = self.dataset.index()
        numbers = eight(plan, len(index))
        key = (self.dataset.path.name, key_of(needed), question.seed, question.node, tuple(numbers), self.language)
        show = Show(plan, index, Studio(needed, question.seed, self.source), self.language)
        whole = self.desk.previews.get
        return whole(key, lambda: preview(show, question.node, numbers), lambda made: not any(s.error for s in made.samples))

    def _show(self, graph: Graph, seed: int) -> Show:
        plan = self.desk.plan(self.dataset, graph, seed)
        return Show(plan, self.dataset.index(), Studio(graph, seed, self.source), self.language)

    def _statistics(self) -> Statistics:
        return self.desk.statistics.get(self.dataset.path.name, self.dataset.statistics)


def operations(language: str) -> list[Operation]:
    """Every operation with its parameters, in the reader's language."""
    return [
        Operation(
            name=one.name,
            title=translate(one.title, language),
            group=one.group,
            group_title=translate(GROUPS[one.group], language),
            moves_boxes=one.moves_boxes,
            text=translate(one.text, language),
            parameters=[_parameter(parameter, language) for parameter in one.parameters],
        )
        for one in OPERATIONS.values()
    ]


def _parameter(given: Given, language: str) -> Parameter:
    numeric = given.kind in ("range", "number")
    return Parameter(
        name=given.name,
        title=translate(given.title, language),
        kind=given.kind,
        default=list(given.default) if given.kind == "range" else given.default,
        minimum=given.minimum if numeric else None,
        maximum=given.maximum if numeric else None,
        step=(1 if given.whole else given.step) if numeric else None,
        whole=given.whole,
        when=When(parameter=given.when[0], values=list(given.when[1])) if given.when else None,
        choices=[Choice(value=one.value, title=translate(one.title, language)) for one in given.choices],
        unit=translate(given.unit, language),
        text=translate(given.text, language),
    )
