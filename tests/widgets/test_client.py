"""A page's way to the service: typed answers, refusals as the service worded them, events."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from trainyard.errors import Conflict, UserError
from trainyard.records.monitoring import TENSORBOARD_SECONDS
from trainyard.records.storage import StorageOffer
from trainyard_widgets.client import PageClient, refusal
from trainyard_widgets.monitor import MonitorPage
from trainyard_widgets.storage import steps
from trainyard_widgets.viewer import Viewer


def client(answer: httpx.Response | Exception) -> tuple[PageClient, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    viewer = Viewer("http://service/services/trainyard", "secret", language="zh")
    return PageClient(viewer, httpx.MockTransport(handle)), seen


def test_an_answer_is_a_record() -> None:
    page, seen = client(httpx.Response(200, json={"endpoint": "http://x", "bucket": "b"}))
    assert page.get("/storage/offer", StorageOffer) == StorageOffer(endpoint="http://x", bucket="b")
    assert seen[0].url.path == "/services/trainyard/api/v1/storage/offer"


@pytest.mark.parametrize(
    "told", ["http://127.0.0.1:8000", "http://127.0.0.1:8000/", "http://127.0.0.1:8000/services/trainyard"]
)
def test_a_workspace_may_name_the_platform_or_its_service(told: str) -> None:
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(204)

    PageClient(Viewer(told, "secret"), httpx.MockTransport(handle)).delete("/tokens/1")
    assert seen == ["/services/trainyard/api/v1/tokens/1"]


def test_the_token_and_the_language_go_in_headers() -> None:
    page, seen = client(httpx.Response(204))
    page.delete("/tokens/1")
    assert (seen[0].headers["Authorization"], seen[0].headers["Accept-Language"]) == ("Bearer secret", "zh")
    assert "secret" not in str(seen[0].url)


def test_a_missing_query_value_is_left_out() -> None:
    page, seen = client(httpx.Response(200, json=None))
    page.get("/bucket", object, prefix="", after=None)
    assert str(seen[0].url.query, "ascii") == "prefix="


def test_a_refusal_keeps_its_words() -> None:
    body = {"error": {"code": "dataset-in-use", "message": "由 digits {x} 使用。", "hint": "先删除它。", "field": None}}
    page, _ = client(httpx.Response(409, json=body))
    with pytest.raises(Conflict) as refused:
        page.delete("/datasets/1")
    assert refused.value.to_json("zh") == body


def test_who_reads_a_page_is_told_to_load_it_again_not_which_header_to_send() -> None:
    told = {"code": "not-signed-in", "message": "Nobody is signed in.", "hint": "Send 'Authorization: Bearer <token>'."}
    error = refusal(401, json.dumps({"error": told}).encode())
    assert (error.text("en"), error.hint_text("en")) == ("Nobody is signed in.", "Load the page again and sign in.")


def test_an_answer_of_something_else_is_told_in_a_sentence() -> None:
    assert "502" in refusal(502, b"<html>Bad gateway").text("en")


def test_a_service_that_is_away_is_told_in_a_sentence() -> None:
    page, _ = client(httpx.ConnectError("refused"))
    with pytest.raises(UserError) as refused:
        page.get("/me", object)
    assert refused.value.code == "service-unreachable"


def test_events_are_read_as_they_come() -> None:
    lines = ": hello\n\n" + "".join(f"data: {json.dumps({'topic': topic, 'id': 1})}\n\n" for topic in ("job", "model"))
    page, _ = client(httpx.Response(200, text=lines, headers={"Content-Type": "text/event-stream"}))
    assert [event["topic"] for event in page.events()] == ["job", "model"]


def test_a_tensorboard_is_waited_for_longer_than_the_service_waits_for_it() -> None:
    page, seen = client(httpx.Response(200, json={"address": "/it/"}))
    monitor: Any = SimpleNamespace(client=page, _runs=list, _id=lambda: "1")
    assert MonitorPage.tensorboard(monitor) == "/it/"
    assert seen[0].extensions["timeout"]["read"] > TENSORBOARD_SECONDS


def test_a_viewer_never_prints_its_token() -> None:
    assert "secret" not in repr(Viewer("http://x", "secret"))


def test_the_way_to_a_folder_names_each_step() -> None:
    assert steps("a/b c/") == [{"name": "a", "prefix": "a/"}, {"name": "b c", "prefix": "a/b c/"}]
