"""What the administrator declares to be given out, on the page: packages, virtual clusters, guarantees, and what is refused."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from .again import clear_away
from .conftest import GROUP, People
from .running import RunningPlatform
from .visitor import PHONE, WIDE, Visitor


def fill(dialog: Locator, **texts: str) -> None:
    for name, text in texts.items():
        dialog.locator(f"[name={name}]").fill(text)
    dialog.get_by_role("button", name="Save").click()


def error_of(dialog: Locator, field: str) -> Locator:
    return dialog.locator(".ty-field", has=dialog.page.locator(f"[name={field}]")).locator(".ty-field-error")


def take_back(platform: RunningPlatform, what: str, *names: str) -> None:
    """What a first try has declared is declared no more."""
    for name in {one["name"] for one in platform.ask("GET", f"/{what}")} & set(names):
        platform.ask("DELETE", f"/{what}/{name}")


def opened(page: Page, button: str) -> Locator:
    page.get_by_role("button", name=button).first.click()
    return page.locator("dialog")


def test_a_package_is_declared_changed_and_taken_back(
    platform: RunningPlatform, administrator: Visitor, people: People
) -> None:
    take_back(platform, "packages", "1Core1.5G", "64GPU1Core1G")
    page = administrator.open("admin?tab=resources")
    row = page.get_by_role("row", name="1Core1.5G")
    dialog = opened(page, "New package")
    fill(dialog)
    expect(error_of(dialog, "cpu")).to_have_text("This must be more than 0.")
    fill(dialog, cpu="1", memory="some")
    expect(error_of(dialog, "memory")).to_contain_text("not a number")
    fill(dialog, memory="1,5", name="small one")
    expect(error_of(dialog, "name")).to_contain_text("letters, digits")
    fill(dialog, name="")  # without one it is called after its size
    expect(row).to_contain_text("1.5 GiB")
    page.get_by_role("button", name="Change 1Core1.5G").click()
    fill(dialog, memory="1")
    expect(row).to_contain_text("1 GiB")
    dialog = opened(page, "New package")
    fill(dialog, cpu="1", memory="1", gpu="64")
    expect(page.get_by_role("row", name="64GPU1Core1G")).to_contain_text("more than this machine has")
    for name in ("1Core1.5G", "64GPU1Core1G"):
        page.get_by_role("button", name=f"Delete {name}").click()
        page.locator("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_role("row", name=name)).to_have_count(0)


def test_a_virtual_cluster_is_declared_for_a_group_and_offered_in_the_wizard(
    platform: RunningPlatform, administrator: Visitor, people: People
) -> None:
    take_back(platform, "clusters", "night")
    page = administrator.open("admin?tab=resources")
    dialog = opened(page, "New virtual cluster")
    dialog.get_by_label(GROUP).check()
    fill(dialog, name="夜", cpu="1", memory="2", hours="200")
    expect(error_of(dialog, "name")).to_contain_text("letters, digits")
    fill(dialog, name="night", cpu="1000")
    expect(error_of(dialog, "cpu")).to_contain_text("1000 asked for")
    fill(dialog, cpu="1", person_cpu="1", person_memory="0,5")
    tile = page.locator(".ty-tile", has=page.get_by_role("heading", name="night"))
    expect(tile).to_contain_text(f"{GROUP} · 200 h at most")
    fill(opened(page, "Change night"), description="for long ones")
    expect(tile).to_contain_text("for long ones")
    expect(tile).to_contain_text(re.compile(r"each person 1 cores?, 512 MiB"))
    administrator.shoot("admin-resources")
    administrator.shoot("admin-resources", PHONE)
    wizard = people.ana.open("training_new?step=resources&cluster=night")
    expect(wizard.locator("[name=hours]")).to_have_value("200")
    for width in (WIDE, PHONE):
        people.ana.shoot("training-new-cluster", width)
    page.get_by_role("button", name="Delete night").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(tile).to_have_count(0)


def test_a_guarantee_above_the_quota_is_refused_at_its_field(administrator: Visitor, people: People) -> None:
    page = administrator.open("admin?tab=resources")
    dialog = opened(page, f"Guarantee of {GROUP}")
    fill(dialog, cpu="64")
    expect(error_of(dialog, "cpu")).to_contain_text("Raise the quota first")
    fill(dialog, cpu="1")
    expect(page.get_by_text("1 guaranteed")).to_be_visible()
    fill(opened(page, f"Guarantee of {GROUP}"), cpu="0")
    tile = page.locator(".ty-tile", has=page.get_by_role("heading", name=GROUP, exact=True))
    expect(tile).to_contain_text("Nothing is guaranteed.")


def test_a_package_that_something_runs_with_stays(
    platform: RunningPlatform, administrator: Visitor, people: People, training_image: str
) -> None:
    body = {
        "name": "holds-its-package",
        "group": GROUP,
        "image": training_image,
        "package": "1Core6G",
        "entry": "python -c 'import time; time.sleep(600)'",
    }
    clear_away(people.ana, "trainings", body["name"])
    people.ana.call("POST", "/trainings", body)
    page = administrator.open("admin?tab=resources")
    page.get_by_role("button", name="Delete 1Core6G").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The package 1Core6G is used by holds-its-package.")).to_be_visible()
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    clear_away(people.ana, "trainings", body["name"])
