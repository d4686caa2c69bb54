"""What is refused, lost or gone by the time its answer comes is said, and is no error of the page; the test is the service."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect
from trainyard.jobs.states import JobState
from trainyard.records.base import Page as Listing
from trainyard.records.datasets import SampleView
from trainyard.records.trainings import Training
from trainyard_widgets.views import datasets, trainings
from trainyard_widgets.views.samples import PAGE_SIZE, sample_view

from tests.widgets.views.records import a_dataset, a_training

from .by_hand import ADDRESS, STATIC, ByHand
from .watching import Problem, watch

HOSTED = """<!doctype html><html lang="en"><div id="ty-root"></div>
<script type="application/json" id="ty-page">{"bundle": "/static/trainings.js", "socket": "/socket", "language": "en"}</script>
<script type="module" src="/static/host.js"></script></html>"""


def samples(page: int, total: int) -> dict[str, Any]:
    """One page of pictures, numbered by their lines."""
    first = (page - 1) * PAGE_SIZE
    lines = range(first + 1, min(total, first + PAGE_SIZE) + 1)
    found = [SampleView(line=line, url=f"s3://a/{line}.png", picture=f"/pictures/{line}", labels=[]) for line in lines]
    return {"items": [sample_view(one) for one in found], "total": total, "offset": first}


def test_what_a_menu_asked_for_and_was_refused_is_said(chromium: Browser) -> None:
    found: Listing[Training] = Listing(items=[a_training(JobState.FINISHED)], total=1, offset=0)
    by_hand = ByHand(chromium, "trainings", view=trainings.list_view(found, trainings.list_query({}), "en"))
    by_hand.page.get_by_role("button", name="More for digits").click()
    by_hand.page.get_by_role("menuitem", name="Start again").click()
    by_hand.refuse("start", "The group's quota is used up.")
    expect(by_hand.page.locator(".ty-toast")).to_contain_text("The group's quota is used up.")
    by_hand.page.close()


def test_the_field_of_the_page_before_is_taken_away_while_one_is_in_it(chromium: Browser) -> None:
    nothing: dict[str, Any] = {
        "batches": [],
        "groups": [],
        "colours": {},
        "statistics": None,
        "examination": None,
        "administrator": False,
    }
    view = {"dataset": datasets.row(a_dataset(), "en")} | nothing
    by_hand = ByHand(chromium, "dataset", query={"tab": "pictures"}, view=view)
    by_hand.page.route("**/api/v1/**", lambda route: route.fulfill(status=404, json={}))
    by_hand.answer("samples", samples(1, 300))
    field = by_hand.page.get_by_label("Page", exact=True).first
    field.fill("2")
    field.press("Enter")
    by_hand.wait_for_query("page", "2")
    by_hand.page.wait_for_function("asked.filter((one) => one.action === 'samples').length === 2")
    by_hand.answer("samples", samples(2, 300))
    expect(by_hand.page.get_by_text("121–240 of 300").first).to_be_visible()
    expect(field).to_have_value("2")
    by_hand.page.close()


def test_a_console_without_an_answer_says_so_and_connects_again(chromium: Browser) -> None:
    by_hand = ByHand(chromium, "console")
    page = by_hand.page
    away = [True]

    def answer(route: Route) -> None:
        if away[0]:
            route.abort()
        else:
            route.fulfill(json={})

    page.route("**/api/v1/me", answer)
    page.route_web_socket("**/console?*", lambda socket: None)
    view = {"training": trainings.row(a_training(JobState.RUNNING), "en"), "attempt": 1}
    by_hand.push(view=view)
    expect(page.get_by_text("The platform does not answer right now.")).to_be_visible()
    away[0] = False
    page.get_by_role("button", name="Connect again").click()
    expect(page.get_by_text("Connected.")).to_be_visible()
    for attempt in (2, 3):  # the terminals of before are gone while they still draw
        by_hand.push(view=view | {"attempt": attempt})
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
    expect(page.get_by_text("Connected.")).to_be_visible()
    page.close()


def test_a_page_whose_script_is_lost_on_the_way_comes_when_the_service_is_well(chromium: Browser) -> None:
    page = chromium.new_page()
    watch(page.context, "nobody", ADDRESS)
    asked: list[str] = []

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(f"{ADDRESS}/")
        asked.append(path)
        if path == "static/trainings.js" and asked.count(path) == 1:
            route.abort()
        elif path.startswith("static/"):
            route.fulfill(path=STATIC / path.removeprefix("static/"), content_type="text/javascript")
        else:
            route.fulfill(body=HOSTED, content_type="text/html")

    page.route_web_socket("**/socket", lambda socket: None)
    page.route(f"{ADDRESS}/**", answer)
    page.goto(f"{ADDRESS}/")
    expect(page.get_by_role("heading", name="Training")).to_be_visible()
    assert asked.count("static/trainings.js") == 2
    page.close()


@pytest.mark.parametrize(
    ("address", "stack", "ours"),
    [
        ("http://a/services/pages/monitor?id=1", "at f (http://a/services/pages/static/monitor.js:1:2)", True),
        ("http://a/services/pages/monitor?id=1", "", True),
        ("http://a/user/u1/lab", "at f (http://a/user/u1/static/lab/main.js:1:2)", False),
        ("http://a/user/u1/lab", "", False),
        ("http://a/user/u1/lab", "at f (blob:http://a/0-1:1:2)\nat g (http://a/user/u1/static/lab/main.js:1:2)", True),
        ("http://a/services/trainyard/api/v1/trainings/1/tensorboard/", "", False),
        ("http://a/services/pages/overview", "at f (http://a/user/u1/static/lab/main.js:1:2)", False),
    ],
    ids=[
        "our script",
        "our page",
        "JupyterLab",
        "in JupyterLab",
        "our widget in JupyterLab",
        "TensorBoard",
        "left",
    ],
)
def test_an_error_is_ours_when_our_scripts_are_in_it(address: str, stack: str, ours: bool) -> None:
    assert Problem("nobody", address, "no", stack).is_ours is ours
