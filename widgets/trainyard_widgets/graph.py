"""The preprocessing graph of one dataset: what can be done, what a graph would make, how it looks, and the run."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter
from trainyard.errors import Invalid
from trainyard.records.accounts import Me
from trainyard.records.datasets import Dataset, DatasetDetail
from trainyard.records.graphs import (
    GraphCheck,
    GraphLineage,
    GraphPreview,
    GraphQuestion,
    GraphTemplate,
    GraphTemplateChange,
    NewGraphRun,
    NewGraphTemplate,
    Operation,
    PreviewQuestion,
)
from trainyard.words import N_

from trainyard_widgets.forms import filled_in
from trainyard_widgets.page import Page, View, action
from trainyard_widgets.views.graph import label_sets_view, operations_view, preview_view, template_view
from trainyard_widgets.views.statistics import class_colours

MOST_TEXT = 8 << 20
"""Characters of a graph that may be imported."""


class GraphPage(Page):
    """The editor; ``id`` in the URL names the dataset, ``made`` another that was made of it and whose graph is to be looked at.

    The graph itself is kept by the browser until it is run or saved.
    """

    bundle = "graph"
    topics = frozenset({"dataset", "template"})
    _colours: dict[str, int] = {}

    def load(self) -> View:
        """The dataset with its classes, the operations, the templates, and who may pay."""
        detail = self.client.get(f"/datasets/{self._id()}", DatasetDetail)
        me = self.client.get("/me", Me)
        operations = self.client.get("/graph/operations", list[Operation])
        templates = self.client.get("/graph/templates", list[GraphTemplate])
        self._colours = class_colours(detail.label_sets)
        return {
            "dataset": detail.model_dump(mode="json", include={"id", "name", "state", "images", "group"}),
            "label_sets": label_sets_view(detail),
            "unlabelled": detail.statistics.unlabelled if detail.statistics else 0,
            "operations": operations_view(operations),
            "templates": [template_view(one) for one in templates],
            "groups": [group.name for group in me.groups],
            "administrator": me.administrator,
            "me": me.id,
            "made": self._made(),
        }

    def happened(self, topic: str, which: str | None) -> None:
        """A change of another dataset is none of ours: the classes of a large one are not sent again for it."""
        if topic != "dataset" or which in {None, self.query.get("id")}:
            super().happened(topic, which)

    @action(reloads=False)
    def check(self, graph: dict[str, Any], seed: int) -> dict[str, Any]:
        """Problems, counts by node, and the estimate."""
        question = filled_in(TypeAdapter(GraphQuestion), {"graph": graph, "seed": seed})
        told = self.client.post(f"/datasets/{self._id()}/graph/check", GraphCheck, question)
        return told.model_dump(mode="json", exclude={"graph"})

    @action(reloads=False)
    def preview(self, graph: dict[str, Any], seed: int, node: str) -> dict[str, Any]:
        """The same eight samples, before and after ``node``."""
        question = filled_in(TypeAdapter(PreviewQuestion), {"graph": graph, "seed": seed, "node": node})
        told = self.client.post(f"/datasets/{self._id()}/graph/preview", GraphPreview, question)
        return preview_view(told, self._colours)

    @action(reloads=False)
    def understand(self, text: str) -> dict[str, Any]:
        """An imported text as a graph, or its problems; AtFlow's mix request is understood too.

        Raises:
            Invalid: it is no JSON, or too long.
        """
        told = self.client.post(
            f"/datasets/{self._id()}/graph/check", GraphCheck, GraphQuestion.model_validate({"graph": _object(text), "seed": 0})
        )
        unread = told.graph is None
        return {"graph": told.graph, "problems": [one.model_dump(mode="json") for one in told.problems] if unread else []}

    @action(reloads=False)
    def run(self, form: dict[str, Any]) -> str:
        """Begin to make the new dataset; answers its id."""
        run = filled_in(TypeAdapter(NewGraphRun), form)
        return self.client.post(f"/datasets/{self._id()}/graph/run", Dataset, run).id

    @action
    def keep(self, form: dict[str, Any]) -> None:
        """Save the graph as a template."""
        self.client.post("/graph/templates", GraphTemplate, filled_in(TypeAdapter(NewGraphTemplate), form))

    @action
    def change_template(self, template: str, form: dict[str, Any]) -> None:
        """Rename, describe or share a template, or replace its graph; what the form does not name stays."""
        change = filled_in(TypeAdapter(GraphTemplateChange), form)
        self.client.patch(f"/graph/templates/{template}", GraphTemplate, change)

    @action
    def drop_template(self, template: str) -> None:
        """Delete a template, for good."""
        self.client.delete(f"/graph/templates/{template}")

    def _made(self) -> dict[str, Any] | None:
        """The graph and seed that made the dataset ``made``; None where none is asked for."""
        made = str(self.query.get("made", ""))
        if not made:
            return None
        return self.client.get(f"/datasets/{made}/graph", GraphLineage).model_dump(mode="json", include={"graph", "seed"})

    def _id(self) -> str:
        chosen = str(self.query.get("id", ""))
        if not chosen:
            raise Invalid("no-dataset", N_("The address names no dataset."), hint=N_("Open one from the list of datasets."))
        return chosen


def _object(text: str) -> dict[str, Any]:
    hint = N_("Choose a file that Export wrote, or the request of a mix job.")
    if len(text) > MOST_TEXT:
        raise Invalid("graph-too-long", N_("The text is too long for a graph."), hint=hint, field="text")
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as problem:
        line = getattr(problem, "lineno", 1)
        message = N_("This is not JSON: line {line} cannot be read.")
        raise Invalid("graph-not-json", message, hint=hint, field="text", line=line) from problem
    if not isinstance(read, dict):
        raise Invalid("graph-not-object", N_("A graph is a JSON object."), hint=hint, field="text")
    return read
