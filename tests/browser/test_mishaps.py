"""What goes wrong while a page is open: names meant to break it, two tabs at once, an ended session, a service that is away."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from .again import clear_away
from .conftest import People
from .running import RunningPlatform
from .visitor import PASSWORD, PHONE, WIDE, Visitor

START = 180_000  # until a process of the stack that was started again has been noticed
NASTY = ("<img src=x onerror=alert(1)>\"'&amp;", "🚂🚃🚃 e\u0301 训练集" + "很" * 46, "W" * 63)


@pytest.mark.parametrize("name", NASTY, ids=("markup", "emoji", "long"))
def test_a_strange_name_is_shown_as_it_is_and_breaks_nothing(people: People, own_dataset: str, name: str) -> None:
    before = people.ana.call("GET", f"/datasets/{own_dataset}")["name"]
    shown = people.ana.call("PATCH", f"/datasets/{own_dataset}", {"name": name})["name"]
    try:
        for place in ("datasets", f"dataset?id={own_dataset}"):
            page = people.ana.open(place)
            expect(page.get_by_text(shown, exact=True).first).to_be_visible()
            people.ana.shoot(f"strange-{place.partition('?')[0]}", PHONE)
            people.ana.shoot(f"strange-{place.partition('?')[0]}", WIDE)
    finally:
        people.ana.call("PATCH", f"/datasets/{own_dataset}", {"name": before})


@pytest.mark.parametrize("name", ["x" * 300, "a/b", ".hidden", " "], ids=repr)
def test_a_name_against_the_rules_is_refused_with_the_rule(people: People, own_dataset: str, name: str) -> None:
    page = people.ana.open("datasets")
    page.get_by_role("button", name="More for 街景 street").click()
    page.get_by_role("menuitem", name="Rename and describe").click()
    field = page.locator("dialog [name=name]")
    field.evaluate("field => field.removeAttribute('maxlength')")
    field.fill(name)
    page.locator("dialog").get_by_role("button", name="Save").click()
    expect(page.locator("dialog .ty-field-error")).to_be_visible()


def test_of_two_tabs_that_delete_the_same_the_second_is_told(people: People, own_dataset: str) -> None:
    clear_away(people.ana, "datasets", "twice")
    copy = people.ana.call("POST", f"/datasets/{own_dataset}/copy", {"name": "twice"})["id"]
    first, second = people.ana.open("datasets"), people.ana.new_page()
    second.goto(first.url)
    for page in (first, second):
        page.get_by_role("button", name="More for twice").click()
        page.get_by_role("menuitem", name="Delete").click()
    for page in (first, second):
        page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(second.locator(".ty-toast-bad")).to_be_visible()
    for page in (first, second):
        expect(page.locator(f"table a[href='dataset?id={copy}']")).to_have_count(0)
    second.close()


def test_of_two_tabs_that_start_the_same_training_one_does(people: People, training: str) -> None:
    clear_away(people.ana, "trainings", "only-one")
    place = "training_new?step=resources&train=&name=only-one&entry=sh+-c+true&package=1Core2G"
    first, second = people.ana.open(place), people.ana.new_page()
    second.goto(first.url)
    for page in (first, second):
        expect(page.locator("[name=name]")).to_have_value("only-one")
    for page in (first, second):
        page.get_by_role("button", name="Start training").click()
    refused = [page for page in (first, second) if went_wrong(page)]
    assert len(refused) == 1
    expect(refused[0].locator(".ty-field-error")).to_contain_text("only-one")
    second.close()


def went_wrong(page: Page) -> bool:
    """Whether the wizard tells an error instead of leading to the monitor."""
    for _ in range(1200):
        if "/monitor" in page.url:
            return False
        if page.locator(".ty-field-error").count():
            return True
        page.wait_for_timeout(100)
    raise AssertionError(f"neither begun nor refused: {page.url}")


@pytest.fixture
def full_disk(platform: RunningPlatform) -> Iterator[None]:
    """Formatted sets are written to a disk with room for hardly anything."""
    place = platform.home / "volume" / "formatted"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k,mode=755", "tmpfs", str(place)], check=True)
    yield
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.root
def test_a_full_disk_is_said_in_words(people: People, own_dataset: str, full_disk: None) -> None:
    page = people.ana.open(f"dataset?id={own_dataset}&format=1")
    page.locator("dialog").get_by_role("button", name="Format").click()
    failed = page.locator(".ty-card", has=page.locator("[data-state=failed]")).first
    expect(failed).to_contain_text("disk is full")
    people.ana.shoot("dataset-disk-full")


@pytest.fixture
def guest(chromium: Browser, platform: RunningPlatform, people: People) -> Iterator[Visitor]:
    """Bob at another computer."""
    visitor = Visitor(chromium, platform.address, people.bob.name)
    visitor.sign_in()
    yield visitor
    visitor.context.close()


def test_who_signed_out_elsewhere_signs_in_and_is_back_where_they_were(guest: Visitor) -> None:
    page, other = guest.open("datasets?tab=public"), guest.new_page()
    other.goto(f"{guest.address}/hub/logout")
    other.close()
    page.get_by_role("tab", name="My datasets").click()
    page.locator("#username_input").wait_for()
    page.fill("#username_input", guest.name)
    page.fill("#password_input", PASSWORD)
    page.click("#login_submit")
    page.wait_for_url("**/services/pages/datasets**")
    guest.settle()


def test_a_page_says_that_the_service_is_slow_or_away_and_recovers_by_itself(people: People, platform: RunningPlatform) -> None:
    page = people.bob.open("datasets?tab=public")
    with platform.paused("service"):
        page.get_by_role("tab").nth(0).click()
        expect(page.locator(".ty-connection")).to_be_visible()
        people.bob.shoot("service-slow", whole=False)
    expect(page.locator(".ty-connection")).to_have_count(0, timeout=START)
    with platform.stopped("service"):
        page.get_by_role("tab").nth(2).click()
        expect(page.locator("#ty-root .ty-note-bad")).to_be_visible()
        people.bob.shoot("service-away")
    expect(page.locator("#ty-root .ty-note-bad")).to_have_count(0, timeout=START)
    expect(page.locator("table")).to_contain_text("digits")


def test_a_page_without_the_pages_service_says_so_and_comes_back_by_itself(people: People, platform: RunningPlatform) -> None:
    page = people.bob.open("datasets?tab=public&search=digits")
    with platform.stopped("pages"):
        expect(page.locator(".ty-connection")).to_be_visible()
        page.screenshot(path=people.bob.shot("pages-away"))
    expect(page.locator(".ty-connection")).to_have_count(0, timeout=START)
    people.bob.settle()
    expect(page.locator("table")).to_contain_text("digits")
    assert "search=digits" in page.url


def test_no_kernel_is_left_when_the_pages_are_closed(
    people: People, platform: RunningPlatform, administrator: Visitor, guest: Visitor
) -> None:
    def opened() -> int:
        return int(httpx.get(f"{platform.address}/services/pages/health", timeout=120).json()["open"])

    guest.open("overview")
    before = opened()
    for visitor in (people.ana, people.bob, people.eve, administrator, guest):
        for page in visitor.context.pages[1:]:
            page.close()
        visitor.page.goto("about:blank")
    assert before > 0
    platform.wait_for("the end of all kernels", lambda: opened() == 0)
