"""Without a mouse: every control is reached with Tab, shows where one is, and works with Enter and Space."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from .again import clear_away
from .conftest import People

# what is focused, and whether a ring, a border or a shadow tells it
FOCUSED = """() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  return [at.outerHTML.slice(0, 120), style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}"""


def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    """Press Tab until ``wanted`` has the focus; on the way the focus must always be seen."""
    for _ in range(most):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
        what, seen = page.evaluate(FOCUSED)
        assert seen or what.startswith("<body"), f"the focus is not seen on {what}"
    raise AssertionError(f"{wanted} was not reached with {most} tabs")


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    """Go to a control and press ``key``."""
    tab_to(page, wanted)
    page.keyboard.press(key)


def test_a_training_is_made_with_the_keyboard_alone(people: People, training: str) -> None:
    clear_away(people.ana, "trainings", "by-keyboard")
    page = people.ana.open("training_new?package=1Core2G")
    tab_to(page, page.locator("[role=tab][aria-selected=true]"))
    while page.get_by_role("tab", name="Public").get_attribute("aria-selected") == "false":
        page.keyboard.press("ArrowRight")
        expect(page.locator("[role=tab]:focus")).to_have_attribute("aria-selected", "true")
    pair = page.locator(".ty-dataset-sets", has_text="digits").locator(".ty-pair", has_text="RecordIO").first
    press(page, pair.locator("input[name=train]"), "Space")
    press(page, page.locator("dialog").get_by_role("button", name="Take both"))
    expect(pair.locator("input[name=val]")).to_be_checked()
    press(page, page.get_by_role("button", name="Next step"))
    expect(page.get_by_role("radio", name="MXNet")).to_be_checked()
    press(page, page.get_by_role("button", name="Next step"))
    tab_to(page, page.locator("[name=name]"))
    page.keyboard.type("by-keyboard")
    tab_to(page, page.locator("[name=entry]"))
    page.keyboard.press("Control+a")
    page.keyboard.type("sh -c true")
    expect(page).to_have_url(re.compile(r"entry=sh\+-c\+true"))
    press(page, page.get_by_role("button", name="Start training"))
    page.wait_for_url("**/monitor?id=*")
    people.ana.settle()
    expect(page.locator("h1")).to_have_text("by-keyboard")


def test_the_first_tab_leads_past_the_navigation(people: People) -> None:
    page = people.ana.open("datasets")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#ty-root")).to_be_focused()
