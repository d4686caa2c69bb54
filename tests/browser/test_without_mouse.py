"""Pages for those who use no mouse or see no screen; no platform, the test is the service.

Trainings are chosen, compared, zoomed into and filled in with the keyboard alone, and buttons of a row name it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from trainyard.jobs.states import JobState
from trainyard.records.accounts import Quota, Use
from trainyard.records.base import Page as Listing
from trainyard.records.trainings import Curves, SeriesPoints, Training
from trainyard.words import messages
from trainyard_widgets.views import trainings
from trainyard_widgets.views.monitor import curves_view, monitor_view

from tests.widgets.views.records import a_training, an_instance

from .by_hand import ByHand
from .test_late import RESOURCES, listed, wizard


def tab_to(page: Page, what: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if what in str(page.evaluate("(document.activeElement.ariaLabel || document.activeElement.textContent || '').trim()")):
            return
    raise AssertionError(f"no way to {what!r} by Tab")


def test_two_of_the_list_are_ticked_and_compared(chromium: Browser) -> None:
    page = ByHand(chromium, "trainings", view=listed("first", "second", "third")).page
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    for name in ("third", "first"):
        tab_to(page, f"Tick {name} to compare it")
        page.keyboard.press("Space")
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.textContent") == "Compare 2":
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/monitor?runs={3:016x},{1:016x}")
    page.close()


def curve(steps: range) -> dict[str, Any]:
    """A loss at these steps."""
    times = [60.0 * step for step in steps]
    loss = SeriesPoints(tag="loss/train", steps=list(steps), times=times, values=[1.0] * len(steps), total=len(steps))
    return curves_view(Curves(instance=an_instance().id, series=[loss], snapshots=[]))


@pytest.fixture
def monitor(chromium: Browser) -> Iterator[ByHand]:
    """A training with one curve of a hundred steps."""
    training = a_training(JobState.FINISHED, instances=[an_instance()])
    view: dict[str, Any] = monitor_view(training, None, "en") | {"waiting": None, "attempts": [], "replicas": []}
    by_hand = ByHand(chromium, "monitor", view=view, curves=curve(range(100)))
    by_hand.page.route("**/api/v1/**", lambda route: route.fulfill(json={}))
    expect(by_hand.page.locator(".ty-curve canvas")).to_be_visible()
    yield by_hand
    by_hand.page.close()


def zooms(monitor: ByHand) -> list[dict[str, float]]:
    found: list[dict[str, float]] = monitor.page.evaluate("asked.filter((one) => one.action === 'zoom').map((one) => one.args)")
    return found


def test_a_chart_is_zoomed_moved_and_shown_whole(monitor: ByHand) -> None:
    page = monitor.page
    whole = page.get_by_role("button", name="Whole run")
    tab_to(page, "Loss: training 1")
    page.keyboard.press("+")
    expect(whole).to_be_enabled()
    assert zooms(monitor)[-1] == {"first": 24.75, "last": 74.25, "axis": "step"}
    monitor.push(curves=curve(range(24, 76)))  # in full detail, and nothing else
    page.keyboard.press("ArrowRight")
    page.wait_for_function("asked.filter((one) => one.action === 'zoom').length === 2")
    assert zooms(monitor)[-1] == {"first": 37.125, "last": 86.625, "axis": "step"}
    page.keyboard.press("0")
    expect(whole).to_be_disabled()
    assert zooms(monitor)[-1] == {}


def test_the_wizards_last_step_is_filled_in_and_sent(chromium: Browser) -> None:
    by_hand = ByHand(chromium, "training_new", query=RESOURCES, view=wizard({}))
    page = by_hand.page
    page.locator("[name=name]").focus()
    page.keyboard.type("by keys")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "several":
            break
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(page.locator("[name=workers]")).to_be_focused()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("3")
    tab_to(page, "Start training")
    page.keyboard.press("Enter")
    page.wait_for_function("asked.some((one) => one.action === 'create')")
    asked = by_hand.query()
    assert (asked["name"], asked["workers"]) == ("by keys", "3")
    by_hand.answer("create", "f" * 16)
    page.wait_for_url("**/monitor?id=ffffffffffffffff")
    page.close()


@pytest.fixture
def one_ended(chromium: Browser) -> Iterator[ByHand]:
    """A list of one ended training."""
    found: Listing[Training] = Listing(items=[a_training(JobState.FINISHED)], total=1, offset=0)
    by_hand = ByHand(chromium, "trainings", view=trainings.list_view(found, trainings.list_query({}), "en"))
    yield by_hand
    by_hand.page.close()


def test_tab_closes_a_menu_and_goes_on_from_its_button(one_ended: ByHand) -> None:
    page = one_ended.page
    menu = page.get_by_role("button", name="More for digits")
    for key, expected in (("Shift+Tab", page.get_by_role("link", name="Watch")), ("Escape", menu)):
        menu.click()
        expect(page.get_by_role("menuitem").first).to_be_focused()
        page.keyboard.press(key)
        expect(page.get_by_role("menu")).to_have_count(0)
        expect(expected).to_be_focused()


def test_a_closed_dialog_leads_back_to_what_opened_it(one_ended: ByHand) -> None:
    page = one_ended.page
    page.get_by_role("button", name="More for digits").click()
    page.get_by_role("menuitem", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="More for digits")).to_be_focused()


def test_what_a_dialog_is_refused_is_read_and_closed_without_leaving_it(one_ended: ByHand) -> None:
    page = one_ended.page
    page.get_by_role("button", name="More for digits").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    one_ended.refuse("delete", "It is read by a search.")
    message = page.get_by_role("status").filter(has_text="It is read by a search.")
    expect(message).to_be_visible()
    tab_to(page, "Close")  # behind the button that was pressed comes the message
    page.keyboard.press("Enter")
    expect(message).to_have_count(0)
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_message_stays_when_its_dialog_is_closed(one_ended: ByHand) -> None:
    page = one_ended.page
    page.get_by_role("button", name="More for digits").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    one_ended.refuse("delete", "It is read by a search.")
    page.get_by_text("It is read by a search.").wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("status").filter(has_text="It is read by a search.")).to_be_visible()


QUOTA = Quota().model_dump()
USE = Use().model_dump()


def person(number: int, name: str) -> dict[str, Any]:
    return {
        "id": number, "name": name, "state": "active", "administrator": False, "email": "", "groups": ["vision"],
        "created": "2026-03-01T08:00:00Z", "last_seen": None,
    }  # fmt: skip


def group(name: str, *members: str) -> dict[str, Any]:
    inside = [{"person": {"id": place, "name": one}, "quota": QUOTA, "use": USE} for place, one in enumerate(members)]
    return {"name": name, "description": "", "quota": QUOTA, "use": USE, "measured": None, "members": inside}


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("en", ["Manage Ana", "Quota of vision", "Members of vision", "Limit of Ana", "Take out Ana"]),
        ("zh", ["管理 Ana", "vision 的配额", "vision 的成员", "Ana 的限额", "移出 Ana"]),
    ],
)
def test_buttons_of_a_row_name_the_row(chromium: Browser, language: str, names: list[str]) -> None:
    words = messages("trainyard_widgets", language)
    common = {"me": 1, "waiting": 0}
    people = {"items": [person(2, "Ana"), person(3, "Bob")], "total": 2, "offset": 0}
    vision = group("vision", "Ana", "Bob")
    views = {
        "people": common | {"tab": "people", "people": people, "groups": ["vision"], "page": 50},
        "groups": common
        | {"tab": "groups", "groups": [vision, group("speech")], "group": vision, "people": [], "default_quota": QUOTA},
    }
    for tab, wanted in {"people": names[:1], "groups": names[1:]}.items():
        query = {"tab": tab, "group": "vision"}
        by_hand = ByHand(chromium, "admin", query=query, view=views[tab], language=language, words=words)
        for name in wanted:
            expect(by_hand.page.get_by_role("button", name=name, exact=True)).to_have_count(1)
        by_hand.page.close()
