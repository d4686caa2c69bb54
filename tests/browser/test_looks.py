"""Every page in both languages, from a phone to a wall, full and empty: drawn without an error and legible."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .conftest import People
from .running import RunningPlatform
from .visitor import PHONE, WIDE, Visitor

PAGES = (
    "overview", "datasets", "dataset", "dataset-pictures", "graph", "trainings", "training_new", "monitor", "models", "storage",
    "account", "account-tokens",
)  # fmt: skip
EMPTY = ("overview", "datasets", "trainings", "training_new", "models", "storage", "account-tokens")
WIDTHS = {"en": (PHONE, 1024, WIDE, 2560), "zh": (PHONE, WIDE)}
# how far things jumped while the page loaded; 0.1 is the most that is called good
SHIFTS = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => (sum += entry.hadRecentInput ? 0 : entry.value)))
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 50);
})"""
STEADY = 0.1
TABS = {"account-tokens": "account?tab=tokens"}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PAGES)
def test_a_full_page_fits_every_window(
    people: People, own_dataset: str, bucket: str, training: str, name: str, language: str
) -> None:
    place = TABS | {
        "dataset": f"dataset?id={own_dataset}",
        "dataset-pictures": f"dataset?id={own_dataset}&tab=pictures",
        "graph": f"graph?id={own_dataset}",
        "monitor": f"monitor?id={training}",
    }
    shoot_all(people.ana, f"full-{name}", place.get(name, name), language)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_page_says_what_to_do_next(people: People, name: str, language: str) -> None:
    with people.eve.speaking(language):
        page = people.eve.open(TABS.get(name, name))
        next_step = page.locator("#ty-root .ty-empty, #ty-root .ty-dataset-sets, #ty-root form")
        expect(next_step.first).to_be_visible()
        people.eve.shoot(f"empty-{name}")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("place", ["login", "signup", "logout"])
def test_the_way_in_fits_every_window(people: People, stranger: Visitor, place: str, language: str) -> None:
    stranger.speak(language)
    stranger.go(f"{stranger.address}/hub/{place}")
    for width in (PHONE, WIDE):
        stranger.shoot(place, width)


@pytest.mark.parametrize("place", ["datasets", "monitor?id=0123456789abcdef", "models", "console?id=0123456789abcdef"])
def test_nobody_sees_a_page_without_signing_in(platform: RunningPlatform, people: People, place: str) -> None:
    context = people.eve.context.browser.new_context()  # type: ignore[union-attr]
    page = context.new_page()
    page.goto(f"{platform.address}/services/pages/{place}")
    expect(page.locator("#username_input")).to_be_visible()
    context.close()


@pytest.mark.parametrize(
    "place", ["dataset?id=0123456789abcdef", "graph?id=0123456789abcdef", "monitor?id=0123456789abcdef", "nothing-of-the-kind"]
)
def test_what_is_not_there_says_so_and_leads_on(people: People, place: str) -> None:
    page = people.bob.page
    people.bob.go(f"{people.bob.address}/services/pages/{place}")
    page.locator("h1").first.wait_for()
    expect(page.get_by_role("link", name=re.compile("总览|Overview|To the overview")).first).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("500")
    people.bob.shoot(f"missing-{place.partition('?')[0]}")


def shoot_all(visitor: Visitor, name: str, place: str, language: str) -> None:
    """One page at every width of the language."""
    with visitor.speaking(language):
        page = visitor.open(place)
        shifted = page.evaluate(SHIFTS)
        assert shifted < STEADY, f"{name} moved by {shifted:.2f} while it loaded"
        for width in WIDTHS[language]:
            visitor.shoot(name, width)
