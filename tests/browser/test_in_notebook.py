"""A page's widget in JupyterLab: its links and buttons open the other pages beside the notebook; no platform."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from .by_hand import ADDRESS, ByHand
from .test_late import listed

# what JupyterLab's document holds
LAB = "document.body.append(Object.assign(document.createElement('script'), { id: 'jupyter-config-data', type: 'text/json' }))"
PAGES = f"{ADDRESS}/services/pages"


@pytest.fixture
def notebook(chromium: Browser) -> Iterator[ByHand]:
    """The list of trainings, placed in a notebook."""
    by_hand = ByHand(chromium, "trainings", view=listed("first", "second"))
    by_hand.page.evaluate(LAB)
    by_hand.page.context.route(f"{PAGES}/**", lambda route: route.fulfill(body="beside"))
    yield by_hand
    by_hand.page.close()


def test_a_link_opens_its_page_beside_the_notebook(notebook: ByHand) -> None:
    with notebook.page.context.expect_page() as opened:
        notebook.page.get_by_role("link", name="first").click()
    expect(opened.value).to_have_url(f"{PAGES}/monitor?id={1:016x}")
    expect(notebook.page).to_have_title("By hand")


def test_a_button_that_leads_on_leaves_the_notebook_where_it_is(notebook: ByHand) -> None:
    for name in ("first", "second"):
        notebook.page.get_by_label(f"Tick {name} to compare it").check()
    with notebook.page.context.expect_page() as opened:
        notebook.page.get_by_role("button", name="Compare 2").click()
    expect(opened.value).to_have_url(f"{PAGES}/monitor?runs={1:016x},{2:016x}")
    expect(notebook.page).to_have_title("By hand")


def test_a_table_in_a_narrow_column_is_a_row_of_cards_and_a_table_again_in_a_wide_one(notebook: ByHand) -> None:
    place, box = notebook.page.locator("#ty-root"), notebook.page.locator(".ty-table-box")
    cell = box.locator("td[data-label=Resources]").first
    place.evaluate("(place) => (place.style.width = '480px')")
    expect(cell).to_have_css("display", "flex")
    assert box.evaluate("(box) => box.scrollWidth <= box.clientWidth"), "its columns are reached by scrolling only"
    place.evaluate("(place) => (place.style.width = '')")
    expect(cell).to_have_css("display", "table-cell")
