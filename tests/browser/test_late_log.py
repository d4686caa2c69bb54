"""A log whose pieces come late: no press is lost, nothing that was written is missing; the test is the service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Route, WebSocketRoute, expect
from trainyard.jobs.states import JobState
from trainyard_widgets.views.monitor import monitor_view

from tests.widgets.views.records import a_training

from .by_hand import ByHand

LINES = 40_000
ALL = "".join(f"2026-11-22T09:35:1{second}Z worker-{second} | {word}\n" for second, word in enumerate(("one", "two")))


class Log:
    """A log of which the page has the end; answers are held back while ``holding`` says so."""

    def __init__(self, chromium: Browser) -> None:
        self.bytes = b"".join(b"this is line %06d\n" % number for number in range(LINES))
        self.holding, self.held = False, list[tuple[Route, bytes, int, int]]()
        self.sockets: list[WebSocketRoute] = []
        self.by_hand = ByHand(chromium, "monitor")
        self.page = self.by_hand.page
        self.page.route("**/api/v1/**", lambda route: route.fulfill(json={}))
        self.page.route("**/log?*", self._asked)
        self.page.route_web_socket("**/log/follow?*", self._connected)
        self.box = self.page.locator(".ty-log-box")
        self.show(JobState.RUNNING)

    def _connected(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)

    def show(self, state: JobState, **training: object) -> None:
        """The monitor of a training in that state, with what else is told of it."""
        view = monitor_view(a_training(state), None, "en")
        view["training"] |= training
        self.by_hand.push(view=view | {"waiting": None, "attempts": [], "replicas": []})

    def write(self, text: str) -> None:
        """The program writes, the socket tells."""
        self.bytes += text.encode()
        self.sockets[-1].send(text.encode())

    def release(self) -> None:
        """The answers that were held back come now, as they were when they were asked for."""
        self.holding = False
        for held in self.held:
            _answer(*held)
        self.held.clear()

    def _asked(self, route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        if query.get("replica") == ["all"]:
            route.fulfill(body=ALL.encode(), headers={"Log-From": "", "Log-Next": ""})
            return
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        begin = max(0, len(self.bytes) + offset) if offset < 0 else min(offset, len(self.bytes))
        answer = (route, self.bytes[begin : begin + limit], begin, len(self.bytes))
        if self.holding:
            self.held.append(answer)
        else:
            _answer(*answer)

    def wait_for_held(self) -> None:
        """Until the page has asked for something that is held back."""
        while not self.held:
            self.page.wait_for_timeout(20)


def _answer(route: Route, piece: bytes, begin: int, size: int) -> None:
    route.fulfill(body=piece, headers={"Log-Size": str(size), "Log-Offset": str(begin)})


@pytest.fixture
def log(chromium: Browser) -> Iterator[Log]:
    """A running training's log, followed at its end."""
    log = Log(chromium)
    expect(log.page.get_by_text(f"this is line {LINES - 1:06}")).to_be_visible()
    while not log.sockets:
        log.page.wait_for_timeout(20)
    yield log
    log.page.close()


def test_the_end_that_was_asked_for_while_older_lines_come_is_shown(log: Log) -> None:
    follow = log.page.get_by_label("Follow the end")
    log.holding = True
    log.box.evaluate("(box) => { box.scrollTop = 0; }")
    log.wait_for_held()
    expect(follow).not_to_be_checked()
    follow.click()
    log.release()
    expect(follow).to_be_checked()
    expect(log.page.get_by_text(f"this is line {LINES - 1:06}")).to_be_visible()


def test_what_is_written_while_the_end_is_on_its_way_is_not_missing(log: Log) -> None:
    log.box.evaluate("(box) => { box.scrollTop = box.scrollHeight / 2; }")
    expect(log.page.get_by_label("Follow the end")).not_to_be_checked()
    log.holding = True
    log.page.get_by_label("Follow the end").click()
    log.wait_for_held()
    log.write("written meanwhile\n")
    log.release()
    expect(log.page.get_by_text("written meanwhile")).to_be_visible()
    log.write("and afterwards\n")
    lines = log.page.locator(".ty-log-line")
    expect(lines.last).to_have_text("and afterwards")
    assert lines.all_inner_texts()[-3:-1] == [f"this is line {LINES - 1:06}", "written meanwhile"]


def test_whoever_reads_stays_there_when_the_training_ends(log: Log) -> None:
    log.box.evaluate("(box) => { box.scrollTop = box.scrollHeight / 2; }")
    expect(log.page.get_by_label("Follow the end")).not_to_be_checked()
    log.page.get_by_role("searchbox", name="Search the whole log").fill("not yet")
    read = log.page.locator(".ty-log-line").nth(15).inner_text()
    log.bytes += b"the last words\n"
    log.show(JobState.FINISHED)
    expect(log.page.locator(".ty-tile [data-state=finished]")).to_be_visible()
    expect(log.page.get_by_text(read)).to_be_visible()
    expect(log.page.get_by_role("searchbox", name="Search the whole log")).to_have_value("not yet")
    log.page.get_by_label("Follow the end").click()
    expect(log.page.get_by_text("the last words")).to_be_visible()


@pytest.mark.parametrize("replicas", [[], ["worker-0", "worker-1"]], ids=["one log", "all processes as one"])
def test_a_scroll_told_of_after_the_log_is_gone_is_no_error(log: Log, replicas: list[str]) -> None:
    problems: list[str] = []
    log.page.on("pageerror", lambda error: problems.append(str(error)))
    log.show(JobState.RUNNING, replicas=replicas)
    if replicas:
        log.page.get_by_role("tab", name="All as one").click()
        expect(log.page.get_by_text("two")).to_be_visible()
    gone = log.box.element_handle()
    log.show(JobState.RUNNING, replicas=replicas, job="another")
    log.page.wait_for_function("(box) => !box.isConnected", arg=gone)
    gone.evaluate("(box) => box.dispatchEvent(new Event('scroll'))")
    assert problems == []


def looks(log: Log) -> int:
    """How often the page has asked since it was last answered."""
    return int(log.page.evaluate("asked.filter((one) => one.action === 'reload_page').length"))


def answer_looks(log: Log) -> None:
    """What it has asked so far is answered and forgotten; it may have asked before its clock was the test's."""
    log.page.evaluate(
        "{ if (asked.some((one) => one.action === 'reload_page')) answer('reload_page', null); asked.length = 0; }"
    )


def test_the_last_output_is_what_the_log_brings(log: Log) -> None:
    quiet = monitor_view(a_training(last_output=datetime.now(UTC) - timedelta(minutes=5)), None, "en")
    log.by_hand.push(view=quiet | {"waiting": None, "attempts": [], "replicas": []})
    tile = log.page.locator(".ty-tile", has_text="Last output")
    expect(tile).to_contain_text("5 min")
    log.write("still here\n")
    expect(tile).to_contain_text(re.compile(r"\b\d s ago"))


def test_a_page_that_hears_nothing_asks_and_waits_for_the_answer_before_it_asks_again(log: Log) -> None:
    log.page.clock.install()
    log.show(JobState.RUNNING, name="after its clock")
    expect(log.page.locator("h1")).to_have_text("after its clock")
    for _ in range(2):
        answer_looks(log)
        log.page.clock.fast_forward(11_000)
        log.page.clock.fast_forward(11_000)
        assert looks(log) == 1


def test_near_its_time_limit_it_counts_down_at_the_top(log: Log) -> None:
    note = log.page.locator(".ty-note", has_text="Time left")
    log.show(JobState.RUNNING, deadline=(datetime.now(UTC) + timedelta(hours=3)).isoformat())
    expect(log.page.get_by_text("Ends at the latest")).to_be_visible()
    expect(note).to_have_count(0)
    log.show(JobState.RUNNING, deadline=(datetime.now(UTC) + timedelta(minutes=100)).isoformat())
    expect(note).to_contain_text(re.compile("1 h (39|40) min"))
