"""The bucket in the browser: what was uploaded is there, can be renamed into a folder, fetched and deleted."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import expect

from .conftest import People, put_in_bucket
from .pictures import write_list

FILE = "街景 list.jsonl"


def test_a_file_is_renamed_into_a_folder_downloaded_and_deleted(people: People, bucket: str, tmp_path: Path) -> None:
    listed = people.ana.call("GET", "/bucket?prefix=lists/")["entries"]
    for key in [one["key"] for one in listed]:  # of a first try
        people.ana.call("DELETE", f"/bucket/object?key={quote(key)}")
    page = people.ana.open("storage")
    expect(page.locator(".ty-path")).to_have_text(bucket)
    if FILE not in [one["key"] for one in people.ana.call("GET", "/bucket")["entries"]]:
        put_in_bucket(page, write_list(tmp_path / FILE))
    page.get_by_role("button", name=f"Rename {FILE}").click()
    page.locator("dialog [name=to]").fill(f"lists/{FILE}")
    page.locator("dialog").get_by_role("button", name="Rename").click()
    page.get_by_role("link", name="lists").click()
    expect(page.locator(".ty-path")).to_contain_text("lists")
    page.reload()
    people.ana.settle()
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Download {FILE}").click()
    assert '"url": ""' in Path(download.value.path()).read_text(encoding="utf-8")
    people.ana.shoot("storage-folder")
    page.get_by_role("button", name=f"Delete {FILE}").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#ty-root .ty-empty")).to_be_visible()


def test_a_bucket_is_its_owners_alone(people: People, bucket: str) -> None:
    page = people.bob.open("storage")
    expect(page.locator("#ty-root form")).to_be_visible()
    expect(page.locator("#ty-root")).not_to_contain_text(FILE)
