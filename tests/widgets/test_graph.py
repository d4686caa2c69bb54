"""The graph's page: what it asks the service for, and what it makes of an imported text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from pydantic import TypeAdapter
from trainyard.errors import Invalid
from trainyard.records.graphs import GraphCheck
from trainyard_widgets.graph import MOST_TEXT, GraphPage
from trainyard_widgets.viewer import Viewer

GRAPH: dict[str, Any] = {"version": 1, "nodes": [{"id": "in", "type": "input"}], "edges": []}


class Service:
    """Answers every ``POST`` with what it was told to, and remembers it."""

    def __init__(self) -> None:
        self.ended = Event()
        self.asked: list[tuple[str, Any]] = []
        self.answers: dict[str, Any] = {}
        self.answer: Any = {"problems": [], "graph": GRAPH, "counts": {}}

    def get(self, path: str, answer: Any, **query: Any) -> Any:
        if path in self.answers:
            return TypeAdapter(answer).validate_python(self.answers[path])
        raise Invalid("later", "Not now.")

    def post(self, path: str, answer: Any, body: Any = None) -> Any:
        self.asked.append((path, body))
        return TypeAdapter(answer).validate_python(self.answer)

    def events(self) -> Iterator[dict[str, Any]]:
        self.ended.wait()
        yield from ()

    def close(self) -> None:
        self.ended.set()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def page(service: Service) -> Iterator[GraphPage]:
    page = GraphPage(Viewer("http://nowhere", "token", query={"id": "d" * 16}), service)  # type: ignore[arg-type]
    yield page
    page.close()


def test_a_graph_is_checked_on_the_dataset_that_the_address_names(page: GraphPage, service: Service) -> None:
    told = page.check(GRAPH, 7)
    path, question = service.asked[-1]
    assert path == f"/datasets/{'d' * 16}/graph/check"
    assert (question.graph, question.seed) == (GRAPH, 7)
    assert told == {"problems": [], "counts": {}, "estimate": None}


def test_an_imported_graph_comes_back_as_the_service_understood_it(page: GraphPage, service: Service) -> None:
    mix = {"ops": [{"name": "a", "type": "input"}]}
    assert page.understand(json.dumps(mix)) == {"graph": GRAPH, "problems": []}
    assert service.asked[-1][1].graph == mix


def test_a_graph_that_is_not_whole_may_be_imported_and_completed(page: GraphPage, service: Service) -> None:
    problem = {"node": None, "code": "graph-no-output", "message": "The graph has no output.", "hint": "", "field": None}
    service.answer = {"problems": [problem], "graph": GRAPH}
    assert page.understand("{}") == {"graph": GRAPH, "problems": []}


def test_an_imported_text_that_is_no_graph_tells_its_problems(page: GraphPage, service: Service) -> None:
    problem = {"node": None, "code": "graph-shape", "message": "A graph is an object.", "hint": "", "field": "nodes"}
    service.answer = GraphCheck.model_validate({"problems": [problem]}).model_dump()
    told = page.understand('{"knots": []}')
    assert told["graph"] is None
    assert told["problems"][0]["code"] == "graph-shape"


@pytest.mark.parametrize("text", ["", "{", '{"nodes": [}', "[1]", '"a graph"', "[" * 50_000, " " * (MOST_TEXT + 1)])
def test_what_cannot_be_a_graph_is_refused_at_the_field(page: GraphPage, service: Service, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        page.understand(text)
    assert refused.value.field == "text"
    assert service.asked == []


def test_a_broken_line_is_named(page: GraphPage) -> None:
    with pytest.raises(Invalid) as refused:
        page.understand('{"nodes": [],\n "edges": [}')
    assert refused.value.values["line"] == 2


def test_the_graph_that_made_a_dataset_is_asked_of_that_dataset(service: Service) -> None:
    lineage = {"dataset": "d" * 16, "name": "digits", "list_sha256": "", "graph": GRAPH, "seed": 5, "quality": 95}
    service.answers["/datasets/eeee/graph"] = lineage | {"made": {"kept": 1, "new": 0, "bytes": 0}}
    page = GraphPage(Viewer("http://nowhere", "token", query={"id": "d" * 16, "made": "eeee"}), service)  # type: ignore[arg-type]
    assert page._made() == {"graph": GRAPH, "seed": 5}
    page.close()


def test_a_run_without_a_name_is_refused_before_anything_is_sent(page: GraphPage, service: Service) -> None:
    with pytest.raises(Invalid) as refused:
        page.run({"name": "", "graph": GRAPH, "seed": 0})
    assert refused.value.field == "name"
    assert service.asked == []


def test_a_template_for_a_group_carries_the_group(page: GraphPage, service: Service) -> None:
    owner = {"id": 3, "name": "安娜"}
    template = {
        "id": "1" * 16, "name": "double", "description": "", "visibility": "group", "group": "vision", "graph": GRAPH,
        "owner": owner, "created": "2026-11-21T04:00:00Z", "may_change": True,
    }  # fmt: skip
    service.answer = template
    page.keep({"name": "double", "description": "", "visibility": "group", "group": "vision", "graph": GRAPH})
    path, new = service.asked[-1]
    assert (path, new.group, new.visibility.value) == ("/graph/templates", "vision", "group")
