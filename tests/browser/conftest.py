"""The platform, a browser, and three people: Ana and Bob in the group vision, Eve in none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from .pictures import write_archive, write_list
from .running import RunningPlatform
from .visitor import Visitor

GROUP = "vision"
expect.set_options(timeout=10_000)


@dataclass(frozen=True)
class People:
    """Who walks through the pages."""

    ana: Visitor
    bob: Visitor
    eve: Visitor


# the walk's order: what is watched while it trains comes before what takes longer than the training
WALK = (
    "datasets", "training", "workspace", "workspace_origin", "storage",
    "looks", "keyboard", "people", "mishaps", "command_line",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [place for place, item in enumerate(items) if Path(__file__).parent in item.path.parents]
    walk = sorted((items[place] for place in places), key=lambda item: _place(item.path.stem.removeprefix("test_")))
    for place, item in zip(places, walk, strict=True):
        item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.timeout(600))
        items[place] = item


def _place(module: str) -> int:
    return WALK.index(module) if module in WALK else WALK.index("keyboard")


@pytest.fixture(scope="package")
def platform() -> Iterator[RunningPlatform]:
    """The whole platform with its public dataset and its training image."""
    running = RunningPlatform()
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or Playwright's own where there is none. It ends with these tests: its event loop blocks others'."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def people(platform: RunningPlatform, chromium: Browser) -> Iterator[People]:
    """Three people who applied on the page; the administrator made a group and approved them, Eve into none."""
    platform.ask("POST", "/groups", {"name": GROUP, "quota": {"cpu": 4, "memory": 8 << 30, "jobs": 2}})
    walkers = People(
        ana=Visitor(chromium, platform.address, "安娜"),
        bob=Visitor(chromium, platform.address, "bob", "zh"),
        eve=Visitor(chromium, platform.address, "Eve Müller"),
    )
    for visitor, group in ((walkers.ana, GROUP), (walkers.bob, GROUP), (walkers.eve, None)):
        visitor.sign_up()
        waiting = platform.ask("GET", "/accounts", state="applied")["items"]
        account = next(one for one in waiting if one["name"] == visitor.name)
        platform.ask("POST", f"/accounts/{account['id']}/approve", {"group": group})
        visitor.sign_in()
    yield walkers
    for visitor in (walkers.ana, walkers.bob, walkers.eve):
        assert visitor.problems == [], f"errors in {visitor.name}'s browser"


@pytest.fixture(scope="package")
def administrator(platform: RunningPlatform, chromium: Browser) -> Iterator[Visitor]:
    """The first administrator's browser."""
    visitor = Visitor(chromium, platform.address, "admin")
    visitor.sign_in(platform.secret("administrator-password"))
    yield visitor
    assert visitor.problems == [], "errors in the administrator's browser"


@pytest.fixture(scope="package")
def stranger(platform: RunningPlatform, chromium: Browser) -> Iterator[Visitor]:
    """Somebody who never signed in."""
    visitor = Visitor(chromium, platform.address, "nobody")
    yield visitor
    assert visitor.problems == []


@pytest.fixture(scope="package")
def digits(platform: RunningPlatform) -> str:
    """The id of the public dataset ``digits``."""

    def ready() -> Any:
        found = platform.ask("GET", "/datasets", visibility="public", search="digits")["items"]
        return found and found[0]["state"] == "ready" and found[0]["id"]

    identity: str = platform.wait_for("the public dataset digits", ready)
    return identity


@pytest.fixture(scope="package")
def own_dataset(people: People, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of a dataset that Ana uploaded in her browser: a list with one broken line, and an archive of pictures."""
    folder = tmp_path_factory.mktemp("upload")
    page = people.ana.open("datasets?new=1")
    inputs = page.locator("dialog input[type=file]")
    inputs.nth(0).set_input_files(write_list(folder / "街景 street.jsonl"))
    inputs.nth(1).set_input_files(write_archive(folder / "pictures.zip"))
    expect(page.locator("dialog .ty-transfer .ty-good")).to_have_count(2)
    expect(page.locator("dialog [name=name]")).to_have_value("街景 street")
    people.ana.shoot("datasets-new", whole=False)
    page.get_by_role("button", name="Create dataset").click()
    page.wait_for_url("**/dataset?id=*")
    expect(page.locator("[data-state=ready]").first).to_be_visible(timeout=60_000)
    return people.ana.identity()


@pytest.fixture(scope="package")
def bucket(people: People, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the bucket that Ana connected on the page, with one file that she uploaded there."""
    page = people.ana.open("storage")
    name = page.locator("[name=bucket]").input_value()
    page.get_by_role("button", name="Connect").click()
    page.get_by_role("button", name="Upload").click(timeout=30_000)
    file = tmp_path_factory.mktemp("bucket") / "街景 list.jsonl"
    page.locator("dialog input[type=file]").set_input_files(write_list(file))
    expect(page.locator("dialog")).to_contain_text("1 uploaded.")
    page.get_by_role("button", name="Done").click()
    expect(page.locator("table")).to_contain_text(file.name)
    return name


@pytest.fixture(scope="package")
def formatted(people: People, digits: str) -> str:
    """The public digits, which Ana formatted in both formats with one press; the dataset's id."""
    page = people.ana.open(f"dataset?id={digits}&format=1")
    page.locator("dialog [name=lmdb]").check()
    page.locator("dialog [name=seed]").fill("7")
    people.ana.shoot("dataset-format", whole=False)
    page.locator("dialog").get_by_role("button", name="Format").click()
    expect(page.locator("[data-state=finished]").first).to_be_visible(timeout=120_000)
    return digits


@pytest.fixture(scope="package")
def training(platform: RunningPlatform, people: People, formatted: str) -> str:
    """The id of a training that Ana made with the wizard from her pair of sets."""

    def image_ready() -> bool:
        return any(one["name"] == "mxnet" and one["state"] == "ready" for one in platform.ask("GET", "/images"))

    platform.wait_for("the image mxnet", image_ready, 400)
    page = people.ana.open("training_new")
    page.get_by_role("tab", name="Public").click()
    pair = page.locator(".ty-dataset-sets", has_text="digits").locator(".ty-pair", has_text="RecordIO").first
    pair.locator("input[name=train]").check()
    people.ana.shoot("training-new-pair", whole=False)
    page.get_by_role("button", name="Take both").click()
    expect(pair.locator("input[name=val]")).to_be_checked()
    people.ana.shoot("training-new-sets")
    page.get_by_role("button", name="Next step").click()
    people.ana.shoot("training-new-image")
    page.get_by_role("button", name="Next step").click()
    page.locator("[name=name]").fill("digits-cnn")
    expect(page).to_have_url(re.compile("name=digits-cnn"))
    people.ana.shoot("training-new-resources")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/monitor?id=*")
    return people.ana.identity()
