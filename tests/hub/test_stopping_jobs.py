"""What ``make stop JOBS=1`` asks of the service, and what it says where the service refuses."""

from __future__ import annotations

import httpx
import pytest
from trainyard.records.searches import SearchState
from trainyard_hub.settings import Settings
from trainyard_hub.stack import launches
from trainyard_hub.stack.console import Terminal

SEARCHES = [{"id": "a" * 16, "name": "shades"}, {"id": "b" * 16, "name": "colours"}]
REFUSED = {"error": {"code": "search-state", "message": "The search colours has failed already.", "hint": "", "field": None}}


def test_a_search_that_is_not_paused_is_told_with_the_reason_and_jobs_are_stopped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped = []

    def answer(request: httpx.Request) -> httpx.Response:
        match request.method, request.url.path.split("/")[1:]:
            case "GET", ["searches"]:
                assert request.url.params["state"] == SearchState.RUNNING
                return httpx.Response(200, json={"items": SEARCHES, "total": 2})
            case "POST", ["searches", identifier, "pause"]:
                return httpx.Response(200) if identifier == "a" * 16 else httpx.Response(409, json=REFUSED)
            case "GET", ["jobs"]:
                return httpx.Response(200, json={"items": [{"id": "c" * 16}], "total": 1})
            case "POST", ["jobs", identifier, "stop"]:
                stopped.append(identifier)
                return httpx.Response(200)
        return httpx.Response(404)

    client = httpx.Client(base_url="http://service", transport=httpx.MockTransport(answer))
    monkeypatch.setattr(launches, "_service", lambda settings, language: client)
    assert launches.ask_to_stop_jobs(Settings(), Terminal())
    told = capsys.readouterr().out
    assert "Paused searches: 1." in told
    assert "The search colours was not paused: The search colours has failed already." in told
    assert stopped == ["c" * 16]
