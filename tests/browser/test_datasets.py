"""Datasets in the browser: upload, problems, statistics, pictures, shares, format, and what is refused."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import GROUP, People
from .pictures import BROKEN_LINE, COUNT
from .visitor import PHONE


def test_an_uploaded_list_counts_its_pictures_and_names_the_line_that_is_wrong(people: People, own_dataset: str) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}&tab=problems")
    row = page.get_by_role("row").nth(1)
    expect(row.locator("td").nth(0)).to_have_text(str(BROKEN_LINE))
    expect(row.locator("td").nth(2)).to_contain_text("url")
    expect(page.locator("dl")).to_contain_text(str(COUNT))
    people.ana.shoot("dataset-problems")


def test_statistics_count_objects_class_by_class_and_lead_to_their_pictures(people: People, own_dataset: str) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}&tab=statistics&set=detection.road")
    expect(page.locator(".ty-bars-row")).to_have_count(3)
    people.ana.shoot("dataset-statistics")
    page.locator(".ty-bars-row", has_text="汽车").click()
    expect(page.locator("select[name=class]")).to_have_value("汽车")
    expect(page.locator(".ty-picture").first).to_be_visible()


def test_pictures_are_drawn_with_their_boxes_and_one_is_enlarged(people: People, own_dataset: str) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}&tab=pictures")
    expect(page.locator(".ty-picture")).to_have_count(COUNT)
    expect(page.locator(".ty-picture svg.ty-boxes rect").first).to_be_attached()
    people.ana.shoot("dataset-pictures")
    page.locator(".ty-picture").nth(2).click()
    expect(page.locator("dialog svg.ty-boxes text").first).to_be_visible()
    people.ana.shoot("dataset-picture-enlarged", whole=False)
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_a_shared_dataset_appears_for_the_group_and_for_nobody_else(people: People, own_dataset: str) -> None:
    page = people.ana.open("datasets")
    page.get_by_role("button", name="More for 街景 street").click()
    page.get_by_role("menuitem", name="Share with a group").click()
    page.locator("dialog").get_by_role("button", name="Share", exact=True).click()
    expect(page.locator("dialog .ty-shares")).to_contain_text(GROUP)
    expect(people.bob.open("datasets?tab=group").locator("table")).to_contain_text("街景 street")
    expect(people.eve.open("datasets?tab=group").locator(".ty-empty")).to_be_visible()
    page = people.eve.page
    page.goto(f"{people.eve.address}/services/pages/dataset?id={own_dataset}")
    expect(page.locator("#ty-root [role=alert]")).to_be_visible()


def test_a_dataset_that_is_used_says_by_whom_instead_of_being_deleted(people: People, own_dataset: str) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}&format=1")
    page.locator("dialog").get_by_role("button", name="Format").click()
    expect(page.locator("[data-state=finished]").first).to_be_visible(timeout=60_000)
    page = people.ana.open("datasets")
    page.get_by_role("button", name="More for 街景 street").click()
    item = page.get_by_role("menuitem", name="Delete")
    expect(item).to_have_attribute("aria-disabled", "true")
    expect(item).to_contain_text("in use")
    people.ana.shoot("datasets", whole=False)


def test_one_press_writes_a_pair_in_both_formats(people: People, formatted: str) -> None:
    page = people.ana.open(f"dataset?id={formatted}")
    expect(page.locator(".ty-set")).to_have_count(4)
    expect(page.locator(".ty-set.ty-paired")).to_have_count(4)
    people.ana.shoot("dataset")
    people.ana.shoot("dataset", PHONE)
    page.locator(".ty-set").first.get_by_role("button", name="Code").click()
    expect(page.locator("dialog pre")).to_contain_text("import")


def test_the_name_of_a_new_dataset_is_refused_at_its_field(people: People) -> None:
    page = people.ana.open("datasets?new=1")
    page.locator("input[name=kind]").nth(2).check()
    page.locator("[name=path]").fill("../../etc/passwd")
    page.locator("[name=name]").fill("a/b")
    page.get_by_role("button", name="Create dataset").click()
    expect(page.locator(".ty-field.ty-invalid .ty-field-error")).to_contain_text("slash")


def test_dialogs_and_menus_work_by_keyboard_alone(people: People, own_dataset: str) -> None:
    page = people.ana.open("datasets")
    page.get_by_role("button", name="More for 街景 street").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename and describe")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("dialog [name=name]")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("Two schemas, three classes")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("table")).to_contain_text("Two schemas, three classes")
