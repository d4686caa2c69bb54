"""Who gets in: the administrator decides on the page, both sides are told, and two who decide at once hear of each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from .conftest import GROUP, People
from .running import RunningPlatform
from .visitor import PASSWORD, PHONE, Visitor

TABS = ("inbox", "people", "groups", "usage", "audit", "machine")


@pytest.fixture
def applicant(
    platform: RunningPlatform, chromium: Browser, people: People, request: pytest.FixtureRequest
) -> Iterator[Visitor]:
    """Somebody who has just applied."""
    known = {one["name"] for one in platform.ask("GET", "/accounts")["items"]}
    name = next(name for name in (request.param, f"{request.param} II") if name not in known)
    visitor = Visitor(chromium, platform.address, name)
    visitor.sign_up()
    yield visitor
    visitor.context.close()


def application(page: Page, name: str) -> Locator:
    """The card of ``name``'s application."""
    return page.locator(".ty-card", has=page.get_by_role("heading", name=name, exact=True))


@pytest.mark.parametrize("applicant", ["Dora"], indirect=True)
def test_an_application_is_approved_into_a_group_and_both_sides_are_told(
    platform: RunningPlatform, administrator: Visitor, applicant: Visitor
) -> None:
    applicant.shoot("application-sent")
    page = administrator.open("overview")
    page.get_by_role("button", name="Notices").click()
    page.locator(".ty-notice", has_text=f"{applicant.name} asks for an account").click()
    administrator.settle()
    administrator.shoot("admin-inbox")
    card = application(page, applicant.name)
    card.locator("select[name=group]").select_option(GROUP)
    card.get_by_role("button", name="Approve").click()
    expect(card).to_have_count(0)
    applicant.sign_in()
    own = applicant.open("overview")
    own.get_by_role("button", name="Notices").click()
    expect(own.locator(".ty-notices")).to_contain_text("was approved")
    expect(own.locator(".ty-notices")).to_contain_text(f"member of the group {GROUP}")
    expect(own.locator(".ty-card", has_text="In use now")).to_contain_text(GROUP)


@pytest.mark.parametrize("applicant", ["Mallory"], indirect=True)
def test_a_refused_applicant_reads_the_reason_and_may_apply_again(administrator: Visitor, applicant: Visitor) -> None:
    page = administrator.open("admin?tab=inbox")
    card = application(page, applicant.name)
    card.get_by_role("button", name="Refuse").click()
    page.locator("dialog [name=reason]").fill("We know no Mallory.")
    page.locator("dialog").get_by_role("button", name="Refuse").click()
    expect(card).to_have_count(0)
    own = applicant.page
    applicant.go(f"{applicant.address}/hub/login")
    own.fill("#username_input", applicant.name)
    own.fill("#password_input", PASSWORD)
    own.click("#login_submit")
    expect(own.locator("[role=alert]")).to_contain_text("We know no Mallory.")
    applicant.shoot("login-refused")
    applicant.sign_up()


@pytest.mark.parametrize("applicant", ["Ivy"], indirect=True)
def test_of_two_administrators_who_decide_at_once_the_second_is_told(administrator: Visitor, applicant: Visitor) -> None:
    first, second = administrator.open("admin?tab=inbox"), administrator.new_page()
    second.goto(first.url)
    refuse = application(second, applicant.name).get_by_role("button", name="Refuse")
    refuse.click()
    application(first, applicant.name).get_by_role("button", name="Approve").click()
    expect(application(first, applicant.name)).to_have_count(0)
    second.locator("dialog").get_by_role("button", name="Refuse").click()
    expect(second.locator("dialog [role=alert]")).to_contain_text(applicant.name)
    second.close()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("tab", TABS)
def test_the_administration_is_drawn(administrator: Visitor, people: People, tab: str, language: str) -> None:
    with administrator.speaking(language):
        administrator.open(f"admin?tab={tab}")
        administrator.shoot(f"admin-{tab}")
        if language == "en":
            administrator.shoot(f"admin-{tab}", PHONE)


def test_the_machine_is_told_as_the_doctor_tells_it(administrator: Visitor) -> None:
    page = administrator.open("admin?tab=machine")
    found = page.locator(".ty-finding")
    expect(found.filter(has_text="Sandboxes can be built.")).to_be_visible()
    expect(found.filter(has_text="GiB are free at")).to_be_visible()


def test_the_administration_is_for_administrators(people: People) -> None:
    page = people.ana.open("admin?tab=people")
    expect(page.get_by_text("For administrators only")).to_be_visible()
