"""How pages are laid out: with colours of the reader's own, on paper, in wide and narrow windows; no platform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect
from trainyard.jobs.states import JobState
from trainyard_widgets.views import datasets
from trainyard_widgets.views.monitor import monitor_view
from trainyard_widgets.views.wizard import Offer, wizard_view

from tests.widgets.views.records import a_dataset, a_package, a_set, a_training, an_image, an_instance

from .by_hand import ByHand
from .visitor import PHONE, WIDE

PAPER = 740  # A4 at 96 dots an inch, without its edges


@pytest.fixture
def monitor(chromium: Browser) -> Iterator[ByHand]:
    """A training that is half through."""
    training = a_training(JobState.RUNNING, instances=[an_instance(elapsed=30.0, remaining=30.0)])
    view: dict[str, Any] = monitor_view(training, None, "en") | {"waiting": None, "attempts": [], "replicas": []}
    by_hand = ByHand(chromium, "monitor", view=view)
    by_hand.page.route("**/api/v1/**", lambda route: route.fulfill(json={}))
    yield by_hand
    by_hand.page.close()


def colour(place: Locator, name: str) -> str:
    """A colour as it is drawn."""
    found: str = place.evaluate("(element, name) => getComputedStyle(element)[name]", name)
    return found


def test_how_far_it_is_shows_with_colours_of_the_readers_own(monitor: ByHand) -> None:
    bar = monitor.page.get_by_role("progressbar")
    monitor.page.emulate_media(forced_colors="active")
    assert colour(bar, "backgroundColor") != colour(bar.locator("div"), "backgroundColor")


def test_the_chosen_tab_alone_is_underlined_with_colours_of_the_readers_own(chromium: Browser) -> None:
    nothing: dict[str, Any] = {
        "batches": [],
        "groups": [],
        "colours": {},
        "statistics": None,
        "examination": None,
        "administrator": False,
    }
    by_hand = ByHand(chromium, "dataset", view={"dataset": datasets.row(a_dataset(), "en")} | nothing)
    by_hand.page.emulate_media(forced_colors="active")
    tabs = by_hand.page.get_by_role("tab")
    chosen, *others = (colour(tabs.nth(place), "borderBottomColor") for place in range(tabs.count()))
    assert chosen not in others
    by_hand.page.close()


def test_on_paper_stands_what_is_read_and_nothing_that_is_pressed(monitor: ByHand) -> None:
    page = monitor.page
    page.set_viewport_size({"width": PAPER, "height": 1000})
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name="digits")).to_be_visible()
    expect(page.locator(".ty-button:visible")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER


def test_the_three_parts_of_a_batch_stand_side_by_side_and_below_each_other_on_a_phone(chromium: Browser) -> None:
    sets = {"mine": [a_set(part) for part in ("train", "val", "test")], "group": [], "public": []}
    offer = Offer(sets=sets, images=[an_image()], packages=[a_package()], groups=["vision"], person="ana")
    by_hand = ByHand(chromium, "training_new", view=wizard_view(offer, {}, "en"))
    parts = by_hand.page.locator(".ty-pair .ty-set-choice")
    expect(parts).to_have_count(3)
    for width, across, down in ((WIDE, 3, 1), (PHONE, 1, 3)):
        by_hand.page.set_viewport_size({"width": width, "height": 900})
        expect(by_hand.page.locator("#ty-root.ty-slim")).to_have_count(0 if width == WIDE else 1)
        places = [parts.nth(place).evaluate("(part) => [part.offsetLeft, part.offsetTop]") for place in range(3)]
        assert (len({left for left, _ in places}), len({top for _, top in places})) == (across, down)
    by_hand.page.close()


def test_more_users_of_a_dataset_than_are_named_are_counted(chromium: Browser) -> None:
    nothing: dict[str, Any] = {"batches": [], "groups": [], "colours": {}, "statistics": None, "examination": None}
    used = a_dataset(used_by=[f"batch {number}" for number in range(5)])
    view = {"dataset": datasets.row(used, "en"), "administrator": False} | nothing
    by_hand = ByHand(chromium, "dataset", view=view)
    expect(by_hand.page.get_by_text("and 2 more")).to_be_visible()
    by_hand.page.close()
