"""All processes' output as one log: its times, and its places when answers come late; the test is the service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect
from trainyard.jobs.states import JobState
from trainyard_widgets.views.monitor import monitor_view

from tests.widgets.views.records import a_training

from .by_hand import ByHand

LINES, PAGE = 4000, 500
HITS = (2000, 3000)


class Merged:
    """A log whose cursors are the numbers of lines; answers from ``held_back`` on wait until they are released."""

    def __init__(self, chromium: Browser, language: str = "en") -> None:
        self.held_back: str | None = None
        self.held: list[Route] = []
        self.by_hand = ByHand(chromium, "monitor", language=language)
        self.page = self.by_hand.page
        self.page.route("**/api/v1/**", lambda route: route.fulfill(json={}))
        self.page.route("**/log?*", self._asked)
        self.page.route("**/log/search?*", _searched)
        self.page.route_web_socket("**/log/follow?*", lambda _: None)
        view = monitor_view(a_training(JobState.RUNNING), None, language)
        view["training"] |= {"replicas": ["worker-0", "worker-1"]}
        self.by_hand.push(view=view | {"waiting": None, "attempts": [], "replicas": []})
        self.box = self.page.locator(".ty-log-box")
        expect(self.line(LINES - 1)).to_be_visible()

    def line(self, number: int) -> Any:
        """A line of the log on the page."""
        return self.page.get_by_text(f"this is line {number:06}")

    def release(self) -> None:
        """The answers that were held back come now."""
        while not self.held:
            self.page.wait_for_timeout(20)
        for route in self.held:
            _answer(route)
        self.held.clear()

    def _asked(self, route: Route) -> None:
        if self.held_back and f"since={self.held_back}" in route.request.url:
            self.held.append(route)
        else:
            _answer(route)


def _answer(route: Route) -> None:
    query = {name: one for name, [one] in parse_qs(urlsplit(route.request.url).query).items()}
    if "until" in query:
        begin = max(0, int(query["until"]) - PAGE)
    else:
        begin = int(query.get("since", str(LINES - PAGE)).replace("start", "0"))
    end = int(query.get("until", min(LINES, begin + PAGE)))
    lines = [f"2026-11-22T00:05:07Z worker-{number % 2} | this is line {number:06}\n" for number in range(begin, end)]
    headers = {"Log-Next": str(end)} | ({"Log-From": str(begin)} if begin else {})
    route.fulfill(body="".join(lines), headers=headers)


def _searched(route: Route) -> None:
    matches = [{"at": str(line), "offset": 0, "line": line, "text": "this"} for line in HITS]
    route.fulfill(json={"matches": matches, "next": None, "next_line": 0, "since": None})


@pytest.fixture
def log(chromium: Browser) -> Iterator[Merged]:
    """A running training's, followed at its end."""
    log = Merged(chromium)
    yield log
    log.page.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_after_midnight_the_hour_is_zero(chromium: Browser, language: str) -> None:
    log = Merged(chromium, language)
    log.page.locator(".ty-log-bar input[type=checkbox]").first.check()
    expect(log.page.locator(".ty-log-time").last).to_have_text("00:05:07")
    log.page.close()


def find(log: Merged) -> None:
    log.page.get_by_role("searchbox", name="Search the whole log").fill("this")
    log.page.get_by_role("button", name="Find").click()
    expect(log.page.locator(".ty-log-found")).to_have_text("2 of 2")


def test_the_end_that_was_asked_for_is_followed_when_a_found_line_comes_late(log: Merged) -> None:
    find(log)
    expect(log.line(HITS[1])).to_be_visible()
    log.held_back = str(HITS[0])
    log.page.get_by_role("button", name="Previous").click()
    log.page.get_by_role("button", name="End").click()
    expect(log.line(LINES - 1)).to_be_visible()
    log.release()
    log.page.wait_for_load_state("networkidle")
    expect(log.page.get_by_label("Follow the end")).to_be_checked()
    expect(log.line(LINES - 1)).to_be_visible()


def test_above_a_line_that_was_found_from_the_beginning_one_reads_on(log: Merged) -> None:
    find(log)
    log.page.get_by_role("button", name="Beginning").click()
    expect(log.line(0)).to_be_visible()
    log.page.get_by_role("button", name="Next").click()
    expect(log.line(HITS[0])).to_be_visible()
    log.page.wait_for_function("(box) => box.scrollTop > 0", arg=log.box.element_handle())
    log.box.evaluate("(box) => { box.scrollTop -= 40; }")
    expect(log.line(HITS[0] - 1)).to_be_visible()
