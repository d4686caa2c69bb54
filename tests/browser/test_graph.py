"""The preprocessing graph in the browser: "double one class, keep the rest" by mouse and by keyboard alone, counted and run.

Of the dataset's 24 pictures 6 are taken at night and 18 by day.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from .again import clear_away
from .conftest import GROUP, People
from .pictures import COUNT
from .test_keyboard import press, tab_to
from .visitor import PHONE, WIDE, Visitor

NIGHT, DAY = 6, 18
FORGET = "localStorage.clear()"  # the graph that was drawn before


@pytest.fixture
def drawing(people: People, own_dataset: str) -> Page:
    """Ana's graph of her dataset, as it is at first: input and output."""
    page = people.ana.open("overview")
    page.evaluate(FORGET)
    page = people.ana.open(f"graph?id={own_dataset}")
    expect(page.locator(".react-flow__node")).to_have_count(2)
    expect(count_of(page, "Output")).to_have_text(str(COUNT))
    return page


def node(page: Page, name: str) -> Locator:
    """A node by its name."""
    return page.locator(f'.react-flow__node[data-id="{name}"]')


def count_of(page: Page, name: str) -> Locator:
    """How many pictures leave a node, as it is written on it."""
    return node(page, name).locator(".ty-node-count")


def tool(page: Page, name: str) -> Locator:
    """A button above the drawing."""
    return page.locator(".ty-toolbar").get_by_role("button", name=name)


def tick(page: Page, name: str) -> Locator:
    """The box before a class in the panel of a filter."""
    return page.locator(".ty-side-panel .ty-class-tick", has_text=name).locator("input")


def by_mouse(page: Page) -> None:
    """The worked example: night twice, through mirroring, and day as it is."""
    node(page, "Input").click()
    tool(page, "Filter").click()
    tick(page, "night").check()
    tool(page, "Random process").click()
    page.locator("[name=multiple]").fill("2")
    page.get_by_role("button", name="Add operation").click()
    page.locator("[data-operation=flop]").click()
    node(page, "Input").click()
    tool(page, "Filter").click()
    expect(node(page, "Filter 2")).to_have_attribute("aria-pressed", "true")
    tick(page, "day").check()


def by_keyboard(page: Page) -> None:
    """The same without a mouse."""
    tab_to(page, node(page, "Input"))
    page.keyboard.press("f")
    expect(node(page, "Filter")).to_be_focused()
    page.keyboard.press("Enter")
    press(page, tick(page, "night"), "Space")
    page.keyboard.press("Escape")
    expect(node(page, "Filter")).to_be_focused()
    page.keyboard.press("a")
    expect(node(page, "Random process")).to_be_focused()
    page.keyboard.press("Enter")
    press(page, page.locator("[data-add=operation]"))
    press(page, page.locator("[data-operation=flop]"))
    expect(page.locator(".ty-op-title")).to_be_focused()
    page.keyboard.press("Escape")
    for name in ("Filter", "Input"):
        page.keyboard.press("ArrowUp")
        expect(node(page, name)).to_be_focused()
    page.keyboard.press("f")
    expect(node(page, "Filter 2")).to_be_focused()
    page.keyboard.press("Enter")
    press(page, tick(page, "day"), "Space")
    page.keyboard.press("Escape")
    expect(node(page, "Filter 2")).to_be_focused()


def is_counted(page: Page) -> None:
    """What the example must count at every node, and class by class at the output."""
    counts = {"Input": COUNT, "Filter": NIGHT, "Random process": 2 * NIGHT, "Filter 2": DAY, "Output": DAY + 2 * NIGHT}
    for name, count in counts.items():
        expect(count_of(page, name)).to_have_text(str(count))
    expect(page.locator(".ty-head")).to_contain_text(f"{DAY + 2 * NIGHT} pictures will come out, {NIGHT} of them new")
    node(page, "Output").click()
    expect(page.locator(".ty-compared li", has_text="night")).to_contain_text(f"{NIGHT} → {2 * NIGHT}")
    expect(page.locator(".ty-compared li", has_text="day")).to_contain_text(f"{DAY} → {DAY}")


def classes_of(visitor: Visitor, dataset: str) -> dict[str, int]:
    """Pictures by time of day, as the service counts them."""
    detail: Any = visitor.call("GET", f"/datasets/{dataset}")
    times = next(labels for labels in detail["label_sets"] if labels["name"] == "time")
    return dict(times["classes"])


def test_the_worked_example_by_mouse_is_counted_shown_and_run(people: People, drawing: Page, own_dataset: str) -> None:
    by_mouse(drawing)
    is_counted(drawing)
    node(drawing, "Random process").click()
    expect(drawing.locator(".ty-preview-one")).to_have_count(8)
    expect(drawing.locator(".ty-preview-strip .ty-after-several").first).to_be_visible()
    expect(drawing.locator(".ty-preview-strip svg.ty-boxes polygon").first).to_be_attached()
    people.ana.shoot("graph-double")
    drawing.get_by_role("button", name="Make the dataset").click()
    drawing.locator("dialog [name=name]").fill("街景 twice at night")
    people.ana.shoot("graph-run", whole=False)
    drawing.locator("dialog").get_by_role("button", name="Begin").click()
    drawing.wait_for_url("**/dataset?id=*")
    expect(drawing.locator("[data-state=ready]").first).to_be_visible(timeout=120_000)
    made = people.ana.identity()
    assert made != own_dataset
    assert classes_of(people.ana, made) == {"night": 2 * NIGHT, "day": DAY}
    assert classes_of(people.ana, own_dataset) == {"night": NIGHT, "day": DAY}


def test_the_worked_example_by_keyboard_alone_is_counted_and_run(people: People, drawing: Page) -> None:
    by_keyboard(drawing)
    is_counted(drawing)
    drawing.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    press(drawing, drawing.get_by_role("button", name="Make the dataset"))
    expect(drawing.locator("dialog [name=name]")).to_be_focused()
    drawing.keyboard.press("Control+a")
    drawing.keyboard.type("by keys alone")
    drawing.keyboard.press("Enter")
    drawing.wait_for_url("**/dataset?id=*")
    expect(drawing.locator("[data-state=ready]").first).to_be_visible(timeout=120_000)
    assert classes_of(people.ana, people.ana.identity()) == {"night": 2 * NIGHT, "day": DAY}


def resting(place: Locator) -> FloatRect:
    """Where it is once the drawing moves no more."""
    before, now = None, place.bounding_box()
    while now is None or now != before:
        place.page.wait_for_timeout(300)
        before, now = now, place.bounding_box()
    return now


def test_nodes_are_connected_by_dragging_and_by_keys_and_parted_again(drawing: Page) -> None:
    node(drawing, "Input").click()
    tool(drawing, "Filter").click()
    expect(node(drawing, "Filter")).to_be_focused()
    source = resting(node(drawing, "Input").locator(".react-flow__handle.source"))
    target = resting(node(drawing, "Output").locator(".react-flow__handle.target"))
    drawing.mouse.move(source["x"] + 4, source["y"] + 4)
    drawing.mouse.down()
    drawing.mouse.move(target["x"] + 4, target["y"] + 4, steps=6)
    drawing.mouse.up()
    expect(drawing.locator(".react-flow__edge")).to_have_count(3)
    node(drawing, "Input").focus()
    for key in ("x", "ArrowDown", "Enter"):
        drawing.keyboard.press(key)
    expect(drawing.locator(".react-flow__edge")).to_have_count(2)
    for key in ("c", "Enter"):
        drawing.keyboard.press(key)
    expect(drawing.locator(".react-flow__edge")).to_have_count(3)
    drawing.locator(".react-flow__edge").last.locator(".react-flow__edge-interaction").dispatch_event("click")
    resting(cut := drawing.locator(".ty-edge-cut"))
    cut.click()
    expect(drawing.locator(".react-flow__edge")).to_have_count(2)


def test_every_change_is_undone_and_done_again_by_its_name(drawing: Page) -> None:
    node(drawing, "Input").click()
    tool(drawing, "Random process").click()
    node(drawing, "Random process").focus()
    drawing.keyboard.press("Control+z")
    expect(drawing.locator(".react-flow__node")).to_have_count(2)
    expect(drawing.locator(".ty-said")).to_have_text("Undone: Add a random process")
    expect(tool(drawing, "Redo")).to_have_attribute("title", "Redo – Add a random process")
    drawing.keyboard.press("Control+Shift+Z")
    expect(drawing.locator(".react-flow__node")).to_have_count(3)


def test_what_may_not_be_added_says_why(drawing: Page) -> None:
    node(drawing, "Output").click()
    expect(tool(drawing, "Filter")).to_have_attribute("aria-disabled", "true")
    expect(tool(drawing, "Filter")).to_have_attribute("title", re.compile("Nothing comes behind the output"))
    drawing.keyboard.press("o")
    expect(drawing.locator(".ty-said")).to_contain_text("exactly one")


def test_problems_stand_at_their_node_and_in_a_list_that_leads_there(people: People, drawing: Page) -> None:
    node(drawing, "Input").click()
    tool(drawing, "Filter").click()
    expect(node(drawing, "Filter").locator(".ty-node-problem")).to_contain_text("lets nothing through")
    expect(drawing.get_by_role("button", name="Make the dataset")).to_be_disabled()
    node(drawing, "Output").click()
    drawing.get_by_role("button", name="1 problem").click()
    people.ana.shoot("graph-problems")
    drawing.locator(".ty-problems-list").get_by_role("button", name="Filter").click()
    expect(node(drawing, "Filter")).to_be_focused()
    expect(drawing.locator(".ty-panel-problem")).to_contain_text("Tick classes")


def test_an_unfinished_graph_is_there_after_a_reload_and_other_dice_are_thrown(drawing: Page) -> None:
    drawing.locator("[data-recipe=mirror]:visible").click()
    expect(count_of(drawing, "Output")).to_have_text(str(2 * COUNT))
    seed = drawing.locator("[name=seed]")
    before = seed.input_value()
    drawing.get_by_role("button", name="Other dice").click()
    expect(seed).not_to_have_value(before)
    thrown = seed.input_value()
    drawing.wait_for_function("seed => Object.values(localStorage).some((kept) => kept.includes(seed))", arg=thrown)
    drawing.reload()
    expect(count_of(drawing, "Output")).to_have_text(str(2 * COUNT))
    expect(seed).to_have_value(thrown)


def test_a_template_is_renamed_shared_with_a_group_replaced_and_deleted(people: People, drawing: Page) -> None:
    graph = {"version": 1, "nodes": [{"id": "in", "type": "input"}, {"id": "out", "type": "output"}], "edges": [["in", "out"]]}
    clear_away(people.ana, "graph/templates", "nothing yet", "夜里两倍")
    people.ana.call("POST", "/graph/templates", {"name": "nothing yet", "graph": graph})
    drawing.reload()
    people.ana.settle()
    drawing.locator("[data-recipe=double]:visible").click()
    drawing.get_by_role("button", name="Templates").click()
    drawing.get_by_role("tab", name="Kept templates").click()
    kept = drawing.locator(".ty-templates li")
    more = kept.filter(has_text="nothing yet").get_by_role("button", name="More for nothing yet")
    more.click()
    drawing.get_by_role("menuitem", name="Replace by the graph").click()
    drawing.get_by_role("dialog", name="Replace the graph of nothing yet?").get_by_role("button", name="Replace").click()
    expect(kept.filter(has_text="nothing yet")).to_contain_text("5 nodes")
    more.click()
    drawing.get_by_role("menuitem", name="Rename, describe and share").click()
    form = drawing.get_by_role("dialog", name="Change nothing yet")
    form.locator("[name=name]").fill("夜里两倍")
    form.locator("[name=visibility]").select_option("group")
    people.ana.shoot("graph-template-change", whole=False)
    form.get_by_role("button", name="Save").click()
    row = kept.filter(has_text="夜里两倍")
    expect(row).to_contain_text(GROUP)
    for width in (PHONE, WIDE):
        people.ana.shoot("graph-templates", width, whole=False)
    assert "夜里两倍" in [one["name"] for one in people.bob.call("GET", "/graph/templates")]
    row.get_by_role("button", name="More for 夜里两倍").click()
    drawing.get_by_role("menuitem", name="Delete").click()
    drawing.get_by_role("dialog", name="Delete the template").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_a_graph_leaves_as_a_file_and_as_a_template_and_comes_back(people: People, drawing: Page, tmp_path: Path) -> None:
    drawing.locator("[data-recipe=double]:visible").click()
    expect(count_of(drawing, "Output")).to_have_text(str(DAY + 2 * NIGHT))
    more = drawing.get_by_role("button", name="More for the graph")
    more.click()
    with drawing.expect_download() as download:
        drawing.get_by_role("menuitem", name="Export").click()
    file = tmp_path / "graph.json"
    download.value.save_as(file)
    assert json.loads(file.read_text())["version"] == 1
    more.click()
    drawing.get_by_role("menuitem", name="Save as template").click()
    drawing.locator("dialog [name=name]").fill("double the night")
    drawing.locator("dialog").get_by_role("button", name="Save").click()
    expect(drawing.locator("dialog")).to_have_count(0)
    drawing.get_by_role("button", name="Begin anew").click()
    drawing.locator("dialog").get_by_role("button", name="Begin anew").click()
    expect(drawing.locator(".react-flow__node")).to_have_count(2)
    drawing.get_by_role("button", name="Templates").click()
    drawing.locator("dialog").get_by_role("button", name="double the night").first.click()
    expect(drawing.locator(".react-flow__node")).to_have_count(5)
    drawing.keyboard.press("Control+z")
    expect(drawing.locator(".react-flow__node")).to_have_count(2)
    more.click()
    drawing.get_by_role("menuitem", name="Import").click()
    drawing.locator("dialog [name=text]").fill("{")
    drawing.locator("dialog").get_by_role("button", name="Import").click()
    expect(drawing.locator("dialog .ty-field-error")).to_contain_text("not JSON")
    drawing.locator("dialog input[type=file]").set_input_files(file)
    drawing.locator("dialog").get_by_role("button", name="Import").click()
    expect(drawing.locator(".react-flow__node")).to_have_count(5)


def test_on_a_phone_labels_and_settings_come_up_from_the_edge(people: People, drawing: Page) -> None:
    drawing.locator("[data-recipe=double]:visible").click()
    expect(count_of(drawing, "Output")).to_have_text(str(DAY + 2 * NIGHT))
    drawing.set_viewport_size({"width": PHONE, "height": 800})
    drawing.get_by_role("button", name="Settings of Filter").click()
    expect(drawing.locator("dialog .ty-class-tick", has_text="night").locator("input")).to_be_checked()
    people.ana.shoot("graph-sheet", PHONE, whole=False)
    drawing.keyboard.press("Escape")
    expect(drawing.locator("dialog")).to_have_count(0)
