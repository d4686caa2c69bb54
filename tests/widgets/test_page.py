"""The base of every page: loads, actions, refusals, addresses and events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from trainyard.errors import Conflict
from trainyard_widgets.admin import AdminPage
from trainyard_widgets.live import Follower
from trainyard_widgets.page import Page, action
from trainyard_widgets.viewer import Viewer


class Quiet:
    """A service that tells ``/me`` and, when asked to, that something changed."""

    def __init__(self) -> None:
        self.topics: list[dict[str, Any]] = []
        self.ended = Event()

    def get(self, path: str, answer: Any, **query: Any) -> Any:
        raise Conflict("busy", "Not now.")

    def events(self) -> Iterator[dict[str, Any]]:
        while not self.ended.wait(0.02):
            yield from self.topics
            self.topics = []

    def close(self) -> None:
        self.ended.set()


class Counter(Page):
    """Counts its loads; adds numbers."""

    topics = frozenset({"job"})
    loads = 0

    def load(self) -> dict[str, Any]:
        self.loads += 1
        return {"loads": self.loads, "tab": self.query.get("tab")}

    @action
    def add(self, one: int, other: int) -> int:
        return one + other

    @action("look", reloads=False)
    def peek(self) -> int:
        return self.loads

    @action
    def fail(self) -> None:
        raise Conflict("in-use", "It is used by {who}.", hint="Ask {who}.", field="name", who="bob")

    @action
    def burst(self) -> None:
        raise ZeroDivisionError("a secret detail")

    def not_for_the_browser(self) -> int:
        return 1


class Seat:
    """A page with what it sent to its browser."""

    def __init__(self) -> None:
        self.client = Quiet()
        self.page = Counter(Viewer("http://nowhere", "tell-nobody", language="zh", query={"tab": "a"}), self.client)  # type: ignore[arg-type]
        self.sent: list[Any] = []
        self.page.send = self.sent.append
        wait_for(lambda: self.page.view)

    def ask(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Do what the page's JavaScript does; answers the reply."""
        self.page._received(self.page, {"action": name, "id": 7, "args": arguments}, [])
        wait_for(lambda: [message for message in self.sent if message.get("reply") == 7])
        return dict(next(message for message in self.sent if message.get("reply") == 7))


def wait_for(condition: Callable[[], Any]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


@pytest.fixture
def seat() -> Iterator[Seat]:
    seat = Seat()
    yield seat
    seat.page.close()


def test_the_view_is_loaded_once_at_the_start(seat: Seat) -> None:
    time.sleep(0.1)
    assert seat.page.view == {"loads": 1, "tab": "a"}


def test_an_action_answers_with_its_result(seat: Seat) -> None:
    assert seat.ask("add", one=1, other=2) == {"reply": 7, "result": 3}


def test_an_action_loads_the_view_again_before_it_answers(seat: Seat) -> None:
    seat.ask("add", one=1, other=2)
    assert seat.page.view["loads"] == 2


def test_an_action_may_leave_the_view_alone(seat: Seat) -> None:
    assert seat.ask("look")["result"] == 1
    assert seat.page.view["loads"] == 1


def test_a_refusal_reaches_the_field(seat: Seat) -> None:
    error = seat.ask("fail")["error"]
    assert error == {"code": "in-use", "message": "It is used by bob.", "hint": "Ask bob.", "field": "name"}


def test_a_bug_is_told_by_a_number_and_nothing_else(seat: Seat, caplog: pytest.LogCaptureFixture) -> None:
    error = seat.ask("burst")["error"]
    assert error["code"] == "unexpected"
    assert "secret" not in str(error)


@pytest.mark.parametrize("name", ["not_for_the_browser", "close", "load", "_load"])
def test_only_marked_methods_can_be_called(seat: Seat, name: str) -> None:
    assert seat.ask(name)["error"]["code"] == "no-such-action"


def test_a_changed_address_loads_again(seat: Seat) -> None:
    seat.page.query = {"tab": "b"}
    wait_for(lambda: seat.page.view["tab"] == "b")


def test_an_event_of_its_topic_loads_again(seat: Seat) -> None:
    seat.client.topics = [{"topic": "job", "id": 1}, {"topic": "job", "id": 1}]
    wait_for(lambda: seat.page.view["loads"] >= 2)


def test_an_event_of_another_topic_does_not(seat: Seat) -> None:
    seat.client.topics = [{"topic": "dataset", "id": 1}]
    time.sleep(0.4)
    assert seat.page.view["loads"] == 1


def test_what_happens_while_a_page_rests_is_told_once_when_it_rests_no_more() -> None:
    source, told, resting, over = Quiet(), list[tuple[str, str | None]](), Event(), Event()

    def rest() -> float:
        resting.set()
        return 0.0 if over.is_set() else 600.0

    follower = Follower(source, lambda topic, which: told.append((topic, which)), rest)
    follower.start()
    source.topics = [{"topic": "job", "id": 1}]
    assert resting.wait(60)
    for _ in range(3):
        source.topics = [{"topic": "job", "id": 2}]
        wait_for(lambda: not source.topics)
    assert told == [("job", "1")]
    over.set()
    source.topics = [{"topic": "job", "id": 2}]
    wait_for(lambda: len(told) > 1)
    follower.stop()
    source.close()
    assert told == [("job", "1"), ("job", "2")]


@pytest.mark.parametrize(("tab", "rests"), [("usage", True), ("people", False)])
def test_only_usage_is_not_counted_again_at_every_event(tab: str, rests: bool) -> None:
    assert (AdminPage.rest(SimpleNamespace(query={"tab": tab})) > 0) is rests  # type: ignore[arg-type]


def test_the_words_come_along_where_no_server_sends_them(seat: Seat) -> None:
    assert seat.page.words["running"] == "运行中"


def test_a_hello_is_answered_with_the_whole_state(seat: Seat) -> None:
    seat.page._received(seat.page, {"hello": True}, [])
    assert seat.sent[-1]["state"]["view"] == seat.page.view


def test_the_token_is_in_no_state(seat: Seat) -> None:
    assert "tell-nobody" not in str(seat.page.get_state())
