"""What a person does is not undone by an answer of the service that comes late; no platform, the test is the service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect
from trainyard.jobs.states import JobState
from trainyard.records.base import Page as Listing
from trainyard.records.monitoring import ComparedRun, Comparison
from trainyard.records.trainings import Training
from trainyard_widgets.views import datasets
from trainyard_widgets.views.comparing import comparison_view
from trainyard_widgets.views.trainings import list_query, list_view
from trainyard_widgets.views.wizard import Offer, wizard_view

from tests.widgets.views.records import a_dataset, a_package, a_set, a_training, an_image

from .by_hand import ADDRESS, STATIC, ByHand

RESOURCES = {"step": "resources"}
HOSTED = """<!doctype html><html lang="en"><div id="ty-root"></div>
<script type="application/json" id="ty-page">CONFIG</script><script type="module" src="/static/host.js"></script></html>"""


def wizard(query: dict[str, str], *notes: str) -> dict[str, Any]:
    """The wizard's view of ``query``; ``notes`` show that it has arrived."""
    offer = Offer(
        sets={"mine": [a_set("train")], "group": [], "public": []}, images=[an_image()], packages=[a_package()],
        groups=["vision"], person="安娜",
    )  # fmt: skip
    view = wizard_view(offer, RESOURCES | query, "en")
    return view | {"notes": [*view["notes"], *notes]}


@pytest.fixture
def form(chromium: Browser) -> Iterator[ByHand]:
    """The wizard's last step."""
    by_hand = ByHand(chromium, "training_new", query=RESOURCES, view=wizard({}))
    expect(by_hand.page.locator("[name=name]")).to_be_visible()
    yield by_hand
    by_hand.page.close()


def arrived(page: Page, note: str) -> None:
    expect(page.get_by_text(note)).to_be_visible()


def test_a_view_of_a_moment_ago_does_not_change_what_was_typed_since(form: ByHand) -> None:
    name = form.page.locator("[name=name]")
    name.press_sequentially("ab")
    form.wait_for_query("name", "ab")
    form.push(view=wizard({"name": "a"}, "the first letter"))
    arrived(form.page, "the first letter")
    expect(name).to_have_value("ab")
    form.page.locator("[name=description]").focus()
    form.push(view=wizard({"name": "a"}, "once more"))
    arrived(form.page, "once more")
    expect(name).to_have_value("ab")


def test_a_field_that_was_emptied_is_not_filled_while_somebody_is_in_it(form: ByHand) -> None:
    hours = form.page.locator("[name=hours]")
    hours.fill("5")
    form.wait_for_query("hours", "5")
    hours.fill("")
    form.wait_for_query("hours", None)
    form.push(view=wizard({}, "the usual again"))
    arrived(form.page, "the usual again")
    expect(hours).to_have_value("")
    hours.press_sequentially("8")
    form.wait_for_query("hours", "8")
    hours.fill("")
    form.wait_for_query("hours", None)
    hours.blur()
    expect(hours).to_have_value("72")


def test_a_choice_shows_at_once_and_stays_until_the_service_knows_it(form: ByHand) -> None:
    several = form.page.get_by_label("Train on several processes together")
    several.click()
    expect(several).to_be_checked()
    kind = form.page.locator("[name=distributed]")
    kind.select_option("pytorch")
    form.push(view=wizard({}, "from before"))
    arrived(form.page, "from before")
    expect(several).to_be_checked()
    expect(kind).to_have_value("pytorch")
    form.push(view=wizard({"workers": "2", "distributed": "pytorch"}, "it knows"))
    arrived(form.page, "it knows")
    several.click()
    expect(several).not_to_be_checked()


def test_a_check_says_nothing_of_what_was_typed_meanwhile(form: ByHand) -> None:
    check = form.page.get_by_role("button", name="Check")
    check.click()
    form.page.locator("[name=entry]").fill("python other.py")
    form.wait_for_query("entry", "python other.py")
    form.answer("check", [])
    expect(check).to_have_attribute("aria-busy", "false")
    expect(form.page.get_by_text("Nothing keeps it from running.")).to_have_count(0)
    check.click()
    form.page.wait_for_function("asked.filter((one) => one.action === 'check').length === 2")
    form.answer("check", [])
    expect(form.page.get_by_text("Nothing keeps it from running.")).to_be_visible()


def test_parameters_keep_the_kind_and_every_digit_they_were_written_with(form: ByHand) -> None:
    written = '{"rate": 1.0, "big": 12345678901234567890, "none": null, "text": "10", "inside": {"a": [1, 2.50, true]}, "n": 3}'
    form.page.get_by_role("button", name="Edit as JSON").click()
    form.page.locator("[name=parameters]").fill(written)
    form.page.get_by_role("button", name="Edit as a table").click()
    rows = form.page.locator(".ty-parameter")
    expect(rows.locator(".ty-parameter-kind")).to_have_text(
        ["number", "whole number", "nothing", "text", "object", "whole number"]
    )
    form.page.get_by_label("Value of n", exact=True).fill("4")
    form.wait_for_query("parameters", written.replace('"n": 3', '"n": 4'))
    form.page.get_by_label("Value of inside").fill("[1, 2")
    expect(rows.nth(4).get_by_role("alert")).to_contain_text("begins like JSON")
    form.page.get_by_role("button", name="Add a parameter").click()
    form.page.get_by_label("Name", exact=True).last.fill("rate")
    expect(rows.last.get_by_role("alert")).to_have_text("This name is there twice.")


def listed(*names: str) -> dict[str, Any]:
    """The list of trainings with these names."""
    found = [a_training(JobState.FINISHED, id=f"{place:016x}", name=name) for place, name in enumerate(names, 1)]
    page: Listing[Training] = Listing(items=found[::-1], total=len(found), offset=0)
    return list_view(page, list_query({}), "en")


def test_rows_do_not_move_away_under_the_pointer(chromium: Browser) -> None:
    by_hand = ByHand(chromium, "trainings", view=listed("first", "second"))
    page = by_hand.page
    page.clock.set_fixed_time("2026-11-21T12:00:00Z")
    names = page.locator("tbody tr td:first-child a")
    expect(names).to_have_text(["second", "first"])
    page.get_by_role("link", name="second").hover()
    by_hand.push(view=listed("first", "second, renamed", "third"))
    expect(names).to_have_text(["second, renamed", "first"])
    page.clock.set_fixed_time("2026-11-21T12:01:00Z")
    expect(names).to_have_text(["third", "second, renamed", "first"])
    page.close()


def test_a_page_whose_rows_are_gone_leads_back_to_the_last_that_has_some(chromium: Browser) -> None:
    asked = list_query({"page": "9"})
    gone: Listing[Training] = Listing(items=[], total=21, offset=asked["offset"])
    by_hand = ByHand(chromium, "trainings", query={"page": "9"}, view=list_view(gone, asked, "en"))
    by_hand.wait_for_query("page", "2")
    by_hand.page.close()


def test_a_page_of_pictures_that_is_not_there_leads_to_the_last(chromium: Browser) -> None:
    nothing: dict[str, Any] = {
        "batches": [],
        "groups": [],
        "colours": {},
        "statistics": None,
        "examination": None,
        "administrator": False,
    }
    view = {"dataset": datasets.row(a_dataset(), "en")} | nothing
    by_hand = ByHand(chromium, "dataset", query={"tab": "pictures", "page": "99"}, view=view)
    by_hand.answer("samples", {"items": [], "total": 121, "offset": 98 * 120})
    by_hand.wait_for_query("page", "2")
    by_hand.page.close()


UPLOAD = {"id": "u" * 16, "size": 5, "offset": 0, "complete": False}


@pytest.fixture
def uploading(chromium: Browser) -> Iterator[tuple[ByHand, list[Route]]]:
    """A model on its way, and the requests with its bytes, which wait for their answers."""
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    by_hand = ByHand(chromium, "models", query={"new": "1"}, view={"tab": "custom", "empty": "custom", "groups": []})
    by_hand.page.route("**/api/v1/me", lambda route: route.fulfill(json={}))
    by_hand.page.route("**/api/v1/uploads", lambda route: route.fulfill(json=UPLOAD))
    by_hand.page.route(f"**/api/v1/uploads/{UPLOAD['id']}", keep)
    by_hand.page.locator("input[type=file]").set_input_files({"name": "net.tar.gz", "mimeType": "", "buffer": b"bytes"})
    expect(by_hand.page.get_by_role("button", name="Pause")).to_be_visible()
    yield by_hand, waiting
    by_hand.page.close()


def test_a_name_typed_while_the_file_is_on_its_way_stays(uploading: tuple[ByHand, list[Route]]) -> None:
    by_hand, waiting = uploading
    by_hand.page.locator("[name=name]").fill("the best one")
    while not waiting:
        by_hand.page.wait_for_timeout(50)
    waiting[0].fulfill(json=UPLOAD | {"offset": 5, "complete": True})
    expect(by_hand.page.get_by_role("button", name="Keep the model")).to_be_enabled()
    expect(by_hand.page.locator("[name=name]")).to_have_value("the best one")


def test_the_browser_asks_before_it_leaves_a_page_with_a_file_on_its_way(uploading: tuple[ByHand, list[Route]]) -> None:
    page = uploading[0].page
    asks = "() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert page.evaluate(asks)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    assert not page.evaluate(asks)


def test_what_is_compared_is_what_was_chosen_though_the_service_knows_less(chromium: Browser) -> None:
    found = Comparison(runs=[ComparedRun(training="a", name="a", instance=None, state="finished", owner="ana")], differing=[])
    view = {"comparison": comparison_view(found), "others": [{"id": one, "name": one} for one in "bc"]}
    by_hand = ByHand(chromium, "monitor", query={"runs": "a"}, view=view)
    by_hand.page.locator("select[name=add]").select_option("b")
    by_hand.page.locator("select[name=add]").select_option("c")
    by_hand.wait_for_query("runs", "a,b,c")
    expect(by_hand.page.locator("select[name=add]")).to_have_count(0)
    by_hand.page.close()


def test_what_the_service_knew_before_a_lost_connection_does_not_take_back_the_address(chromium: Browser) -> None:
    page = chromium.new_page()
    sockets: list[WebSocketRoute] = []
    config = {"bundle": "/static/training_new.js", "socket": "/socket", "query": RESOURCES, "language": "en"}
    body = HOSTED.replace("CONFIG", json.dumps(config))

    def connected(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.on_message(lambda text: said(socket, json.loads(str(text))))

    def said(socket: WebSocketRoute, message: dict[str, Any]) -> None:
        if "hello" in message.get("content", {}):
            view = wizard({}, f"connection {len(sockets)}")
            socket.send(json.dumps({"method": "custom", "content": {"state": {"view": view, "query": RESOURCES}}}))

    page.route_web_socket("**/socket", connected)
    page.route(f"{ADDRESS}/**", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.route(f"{ADDRESS}/static/*", lambda route: route.fulfill(path=STATIC / route.request.url.rpartition("/")[2]))
    page.goto(f"{ADDRESS}/")
    arrived(page, "connection 1")
    page.locator("[name=name]").fill("kept")
    page.wait_for_url("**name=kept")
    sockets[0].close()
    arrived(page, "connection 2")
    page.locator("[name=description]").fill("and more")
    page.wait_for_url("**description=and+more")
    assert "name=kept" in page.url
    page.close()
