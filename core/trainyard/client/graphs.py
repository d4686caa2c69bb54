"""The preprocessing graph: operations, checks, previews, runs, and templates."""

from __future__ import annotations

from trainyard.client.transport import Transport, segment
from trainyard.records.datasets import Dataset
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


class Graphs(Transport):
    """``/datasets/{id}/graph`` and ``/graph``."""

    def graph_operations(self) -> list[Operation]:
        """Every operation of random processing, with its parameters."""
        return self.many(Operation, "graph/operations")

    def check_graph(self, dataset: str, question: GraphQuestion) -> GraphCheck:
        """What is wrong with a graph, what every node would output, and what a run would make and take."""
        return self.one(GraphCheck, "POST", f"datasets/{segment(dataset)}/graph/check", json=question)

    def preview_graph(self, dataset: str, question: PreviewQuestion) -> GraphPreview:
        """The same eight samples of a dataset before and after a node."""
        return self.one(GraphPreview, "POST", f"datasets/{segment(dataset)}/graph/preview", json=question)

    def run_graph(self, dataset: str, new: NewGraphRun) -> Dataset:
        """Begin to make a new dataset by a graph; the source stays as it is."""
        return self.one(Dataset, "POST", f"datasets/{segment(dataset)}/graph/run", json=new)

    def graph_of(self, dataset: str) -> GraphLineage:
        """The graph that made a dataset, and of what."""
        return self.one(GraphLineage, "GET", f"datasets/{segment(dataset)}/graph")

    def graph_templates(self, search: str = "") -> list[GraphTemplate]:
        """The templates the caller may use."""
        return self.many(GraphTemplate, "graph/templates", params={"search": search})

    def graph_template(self, template: str) -> GraphTemplate:
        """One template."""
        return self.one(GraphTemplate, "GET", f"graph/templates/{segment(template)}")

    def create_graph_template(self, new: NewGraphTemplate) -> GraphTemplate:
        """Keep a graph."""
        return self.one(GraphTemplate, "POST", "graph/templates", json=new)

    def change_graph_template(self, template: str, change: GraphTemplateChange) -> GraphTemplate:
        """Change a template's name, description, readers or graph."""
        body = change.model_dump(mode="json", exclude_none=True)
        return self.one(GraphTemplate, "PATCH", f"graph/templates/{segment(template)}", json=body)

    def delete_graph_template(self, template: str) -> None:
        """Delete a template; what was made by it stays."""
        self.send("DELETE", f"graph/templates/{segment(template)}")
