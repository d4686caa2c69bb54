"""Quotas and accounts as the administrator sets them on the page, and what people read of their disk space."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from .conftest import GROUP, People
from .running import RunningPlatform
from .visitor import PHONE, WIDE, Visitor


@pytest.fixture
def leaving(platform: RunningPlatform, chromium: Browser, people: People) -> Iterator[Visitor]:
    """A member of the group whose account is going to be deleted."""
    for before in [one for one in platform.ask("GET", "/accounts")["items"] if one["name"] == "Leonie"]:
        platform.ask("DELETE", f"/accounts/{before['id']}")
    visitor = Visitor(chromium, platform.address, "Leonie")
    visitor.sign_up()
    account = next(one for one in platform.ask("GET", "/accounts", state="applied")["items"] if one["name"] == visitor.name)
    platform.ask("POST", f"/accounts/{account['id']}/approve", {"group": GROUP})
    visitor.sign_in()
    yield visitor
    visitor.context.close()


def test_deleting_an_account_says_first_what_goes_and_what_stays(
    platform: RunningPlatform, administrator: Visitor, leaving: Visitor
) -> None:
    number = leaving.call("GET", "/me")["id"]
    page = administrator.open("admin?tab=people&search=Leonie")
    page.get_by_role("button", name="Manage").click()
    page.get_by_role("button", name="Delete account").click()
    question = page.get_by_role("dialog", name="Delete the account Leonie?")
    expect(question).to_contain_text("the private home")
    expect(question).to_contain_text(f"Stays as Leonie~{number}")
    expect(question).to_contain_text(f"folders on the shares of {GROUP}")
    for width in (WIDE, PHONE):
        administrator.shoot("admin-delete-account", width, whole=False)
    delete = question.get_by_role("button", name="Delete account")
    expect(delete).to_be_disabled()
    question.locator("[name=typed]").fill("Leonie")
    delete.click()
    expect(page.get_by_text("Nobody matches")).to_be_visible()
    leaving.go(f"{leaving.address}/services/pages/overview")
    expect(leaving.page.locator("#username_input")).to_be_visible()
    share = platform.home / "volume" / "groups"
    assert not list(share.glob("*/Leonie"))
    assert list(share.glob(f"*/Leonie~{number}"))


def test_what_a_new_group_gets_is_changed_on_the_page(platform: RunningPlatform, administrator: Visitor) -> None:
    page = administrator.open("admin?tab=groups")
    page.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Quota of new groups")
    dialog.locator("[name=jobs]").fill("3")
    administrator.shoot("admin-default-quota", whole=False)
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("3 jobs")).to_be_visible()
    assert platform.ask("GET", "/default-quota")["jobs"] == 3


@pytest.mark.parametrize("width", [WIDE, PHONE])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_people_read_what_they_have_on_the_disk(people: People, language: str, width: int) -> None:
    with people.ana.speaking(language):
        page = people.ana.open("account?tab=disk")
        expect(page.locator(".ty-card", has_text=GROUP).locator(".ty-meter")).to_have_count(2)
        people.ana.shoot("account-disk", width)
