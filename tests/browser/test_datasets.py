"""Datasets in the browser: upload, problems, statistics, pictures, shares, format, and what is refused."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from .conftest import GROUP, People
from .pictures import BROKEN_LINE, COUNT, write_class_folders
from .visitor import PHONE, WIDE


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
    expect(page.locator(".ty-filter > button")).to_have_text("汽车")
    expect(page.locator(".ty-picture").first).to_be_visible()


def test_pictures_that_were_examined_are_drawn_by_size_and_one_that_comes_twice_is_shown(
    people: People, tmp_path: Path
) -> None:
    archive = write_class_folders(tmp_path / "形状 shapes.zip")
    page = people.ana.open("datasets?new=1")
    page.get_by_label("An archive of pictures").check()
    page.get_by_role("button", name="Next step").click()
    page.locator("dialog input[type=file]").set_input_files(archive)
    expect(page.locator("dialog .ty-transfer .ty-good")).to_have_count(1)
    page.get_by_role("button", name="Next step").click()
    page.get_by_role("button", name="Create dataset").click()
    page.wait_for_url("**/dataset?id=*")
    expect(page.locator("[data-state=ready]").first).to_be_visible()
    page = people.ana.open(f"dataset?id={people.ana.identity()}&tab=statistics")
    expect(page.locator(".ty-bars-row")).to_have_count(2)
    examine = page.get_by_role("button", name="Examine the pictures")
    expect(examine.or_(page.locator(".ty-sizemap")).first).to_be_visible()
    if examine.is_visible():
        examine.click()
    expect(page.locator(".ty-sizemap")).to_be_visible()
    expect(page.locator(".ty-duplicate .ty-picture")).to_have_count(2)
    expect(page.get_by_role("table", name="Files")).to_contain_text("broken")
    for width in (PHONE, WIDE):
        people.ana.shoot("dataset-examined", width)


def test_pictures_are_drawn_with_their_boxes_and_one_is_enlarged(people: People, own_dataset: str) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}&tab=pictures")
    expect(page.locator(".ty-picture")).to_have_count(COUNT)
    expect(page.locator(".ty-picture svg.ty-boxes rect").first).to_be_attached()
    people.ana.shoot("dataset-pictures")
    page.locator(".ty-picture").nth(2).click()
    expect(page.locator("dialog svg.ty-boxes text").first).to_be_visible()
    people.ana.shoot("dataset-picture-enlarged", whole=False)
    page.get_by_role("tab", name="Line of the list").click()
    expect(page.locator("dialog pre")).to_contain_text('"url": "street/02.jpg"')
    people.ana.shoot("dataset-picture-line", whole=False)
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_a_shared_dataset_appears_for_the_group_and_for_nobody_else(people: People, own_dataset: str) -> None:
    for shared in people.ana.call("GET", f"/datasets/{own_dataset}")["shares"]:  # by a first try
        people.ana.call("DELETE", f"/datasets/{own_dataset}/shares/{shared['group']}")
    page = people.ana.open("datasets")
    page.get_by_role("button", name="More for 街景 street").click()
    page.get_by_role("menuitem", name="Share with a group").click()
    page.locator("dialog").get_by_role("button", name="Share", exact=True).click()
    expect(page.locator("dialog .ty-shares")).to_contain_text(GROUP)
    expect(people.bob.open("datasets?tab=group").locator("table")).to_contain_text("街景 street")
    expect(people.eve.open("datasets?tab=group").locator(".ty-empty")).to_be_visible()
    people.eve.go(f"{people.eve.address}/services/pages/dataset?id={own_dataset}")
    expect(people.eve.page.locator("#ty-root [role=alert]")).to_be_visible()


def test_a_dataset_is_copied_and_deleted_on_its_own_page(people: People, own_dataset: str) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}")
    page.get_by_role("button", name="More for 街景 street").click()
    page.get_by_role("menuitem", name="Copy").click()
    page.locator("dialog [name=name]").fill("街景 once more")
    page.locator("dialog").get_by_role("button", name="Copy").click()
    expect(page.get_by_role("heading", name="街景 once more")).to_be_visible()
    expect(page.locator("[data-state=ready]").first).to_be_visible()
    page.get_by_role("button", name="More for 街景 once more").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/datasets")
    people.ana.settle()
    expect(page.locator("table")).not_to_contain_text("街景 once more")


def test_a_dataset_that_is_used_says_by_whom_instead_of_being_deleted(people: People, own_dataset: str) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}&format=1")
    page.locator("dialog").get_by_role("button", name="Format").click()
    expect(page.locator("[data-state=finished]").first).to_be_visible()
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
    page.locator(".ty-set-row").first.get_by_role("button", name="Code").click()
    expect(page.locator("dialog pre")).to_contain_text("import")


def test_a_batch_of_every_format_shows_its_parts_and_code_for_each_framework(people: People, own_dataset: str) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}&format=1")
    page.locator("dialog [name=label_set]").select_option("detection.road")
    for name in ("lmdb", "roidb", "pictures", "webdataset", "tfrecord"):
        page.locator(f"dialog [name={name}]").check()
    page.locator("dialog [name=test]").fill("10")
    page.locator("dialog summary").click()
    page.locator("dialog [name=max_per_class]").fill("1000")
    for width in (PHONE, WIDE):
        people.ana.shoot("dataset-format-advanced", width, whole=False)
    page.locator("dialog").get_by_role("button", name="Format", exact=True).click()
    card = page.locator(".ty-card", has=page.locator(".ty-set-row", has_text="TFRecord")).first
    expect(card.locator("[data-state=finished]")).to_be_visible(timeout=120_000)
    expect(card.locator(".ty-set")).to_have_count(18)
    people.ana.shoot("dataset-formats")
    card.locator(".ty-set-row", has_text="WebDataset").get_by_role("button", name="Code").click()
    expect(page.locator("dialog pre")).to_contain_text("webdataset")


def test_a_format_that_cannot_hold_the_labels_says_why(people: People, own_dataset: str) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}&format=1")
    page.locator("dialog [name=label_set]").select_option("classification.time")
    expect(page.locator("dialog [name=roidb]")).to_be_disabled()
    expect(page.locator("dialog label", has=page.locator("[name=roidb]"))).to_contain_text("boxes")


def test_the_bucket_is_browsed_for_a_list(people: People, bucket: str) -> None:
    page = people.ana.open("datasets?new=where")
    page.get_by_label("In my bucket").check()
    page.locator(".ty-browse-row", has_text="街景 list.jsonl").click()
    expect(page.locator("[name=list]")).to_have_value("街景 list.jsonl")
    people.ana.shoot("datasets-new-bucket", whole=False)
    page.get_by_role("button", name="Next step").click()
    expect(page.locator("[name=name]")).to_have_value("街景 list")


def test_the_name_of_a_new_dataset_is_refused_at_its_field(people: People) -> None:
    page = people.ana.open("datasets?new=where")
    page.get_by_label("On my group's share").check()
    page.locator("[name=list]").fill("lists/nothing.jsonl")
    page.get_by_role("button", name="Next step").click()
    page.locator("[name=name]").fill("a/b")
    page.get_by_role("button", name="Create dataset").click()
    expect(page.locator(".ty-field.ty-invalid .ty-field-error")).to_contain_text("slash")


def test_a_place_that_is_refused_leads_back_to_the_step_where_it_was_given(people: People) -> None:
    page = people.ana.open("datasets?new=where")
    page.get_by_label("On my group's share").check()
    page.locator("[name=list]").fill("../../etc/passwd")
    page.get_by_role("button", name="Next step").click()
    page.locator("[name=name]").fill("passwords")
    page.get_by_role("button", name="Create dataset").click()
    expect(page.locator(".ty-field.ty-invalid [name=list]")).to_be_focused()


def test_the_back_button_leads_one_step_back_and_keeps_what_was_filled_in(people: People) -> None:
    page = people.ana.open("datasets?new=1")
    page.get_by_label("An archive of pictures").check()
    page.get_by_role("button", name="Next step").click()
    page.get_by_label("On my group's share").check()
    page.locator("[name=archive]").fill("voc.zip")
    page.get_by_role("button", name="Next step").click()
    expect(page.locator("[name=name]")).to_have_value("voc")
    page.go_back()
    expect(page.locator("[name=archive]")).to_have_value("voc.zip")
    page.go_back()
    expect(page.get_by_label("An archive of pictures")).to_be_checked()


def test_pictures_are_filtered_by_several_classes_and_found_by_their_line(people: People, own_dataset: str) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}&tab=pictures&set=classification.time")
    page.locator(".ty-filter > button").click()
    page.get_by_label("night").check()
    expect(page.locator(".ty-picture")).to_have_count(COUNT // 4)
    page.get_by_label("day").check()
    expect(page.locator(".ty-picture")).to_have_count(COUNT)
    page.keyboard.press("Escape")
    page.get_by_label("Go to line").first.fill(str(BROKEN_LINE + 2))
    page.keyboard.press("Enter")
    expect(page.locator("dialog .ty-dialog-foot")).to_contain_text(f"line {BROKEN_LINE + 2}")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("dialog .ty-dialog-foot")).to_contain_text(f"line {BROKEN_LINE + 1}")


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
