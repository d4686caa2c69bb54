"""The platform, a browser, and three people: Ana and Bob in the group vision, Eve in none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from .main_job import format_dataset, let_in, start_training, upload_dataset
from .pictures import write_archive, write_list
from .running import RunningPlatform
from .visitor import Visitor, open_browser
from .watching import taken

GROUP = "vision"


@dataclass(frozen=True)
class People:
    """Who walks through the pages."""

    ana: Visitor
    bob: Visitor
    eve: Visitor


# the walk's order: what is watched while it trains comes before what takes longer than the training
WALK = (
    "datasets", "sources", "graph", "training", "searches", "workspace", "workspace_origin", "resources", "trainings",
    "distributed", "storage", "looks", "late", "late_log", "merged_log", "late_refusals", "first_steps", "hours", "charts",
    "search_plots", "without_mouse", "in_notebook", "media", "keyboard", "people", "mishaps", "command_line",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [place for place, item in enumerate(items) if Path(__file__).parent in item.path.parents]
    walk = sorted((items[place] for place in places), key=lambda item: _place(item.path.stem.removeprefix("test_")))
    for place, item in zip(places, walk, strict=True):
        item.add_marker(pytest.mark.browser)
        item.add_marker(pytest.mark.timeout(1200))
        items[place] = item


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    yield from _with_its_problems()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    yield from _with_its_problems()
    assert not (found := taken()), "\n\n".join(["errors in the pages:", *map(str, found)])


def _with_its_problems() -> Iterator[None]:
    """A failure tells what went wrong in the pages before."""
    try:
        yield
    except BaseException as failure:
        for problem in taken(ask=False):
            failure.add_note(str(problem))
        raise


def _place(module: str) -> int:
    return WALK.index(module) if module in WALK else WALK.index("keyboard")


@pytest.fixture(scope="package")
def platform() -> Iterator[RunningPlatform]:
    """The whole platform with its public dataset and its training image."""
    running = RunningPlatform()
    try:
        running.share("workspace")
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """It ends with these tests."""
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def people(platform: RunningPlatform, chromium: Browser) -> People:
    """Three people who applied on the page; the administrator made a group and approved them, Eve into none."""
    if not any(one["name"] == GROUP for one in platform.ask("GET", "/groups")):
        platform.ask("POST", "/groups", {"name": GROUP, "quota": {"cpu": 4, "memory": 8 << 30, "jobs": 2}})
    walkers = People(
        ana=Visitor(chromium, platform.address, "安娜"),
        bob=Visitor(chromium, platform.address, "bob", "zh"),
        eve=Visitor(chromium, platform.address, "Eve Müller"),
    )
    for visitor, group in ((walkers.ana, GROUP), (walkers.bob, GROUP), (walkers.eve, None)):
        let_in(platform, visitor, group)
    return walkers


@pytest.fixture(scope="package")
def administrator(platform: RunningPlatform, chromium: Browser) -> Visitor:
    """The first administrator's browser."""
    visitor = Visitor(chromium, platform.address, "admin")
    visitor.sign_in(platform.secret("administrator-password"))
    return visitor


@pytest.fixture(scope="package")
def stranger(platform: RunningPlatform, chromium: Browser) -> Visitor:
    """Somebody who never signed in."""
    return Visitor(chromium, platform.address, "nobody")


@pytest.fixture(scope="package")
def digits(platform: RunningPlatform) -> str:
    """The id of the public dataset ``digits``."""

    def ready() -> Any:
        found = platform.ask("GET", "/datasets", visibility="public", search="digits")["items"]
        return found and found[0]["state"] == "ready" and found[0]["id"]

    identity: str = platform.wait_for("the public dataset digits", ready)
    return identity


def left_over(visitor: Visitor, what: str, name: str) -> list[str]:
    """The ids of this name's, where a fixture got so far before it failed; it is set up once more for the second try."""
    found = visitor.call("GET", f"/{what}?search={quote(name)}")["items"]
    return [one["id"] for one in found if one["name"] == name]


@pytest.fixture(scope="package")
def own_dataset(people: People, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of a dataset that Ana uploaded in her browser: a list with one broken line, and an archive of pictures."""
    for old in left_over(people.ana, "datasets", "街景 street"):
        people.ana.call("DELETE", f"/datasets/{old}")
    folder = tmp_path_factory.mktemp("upload")
    return upload_dataset(people.ana, write_list(folder / "街景 street.jsonl"), write_archive(folder / "pictures.zip"))


@pytest.fixture(scope="package")
def bucket(people: People, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the bucket that Ana connected on the page, with one file that she uploaded there."""
    page = people.ana.open("storage")
    form, path = page.locator("[name=bucket]"), page.locator(".ty-path")
    expect(form.or_(path)).to_be_visible()
    if form.is_visible():
        page.get_by_role("button", name="Connect").click()
    name = path.inner_text().strip()
    put_in_bucket(page, write_list(tmp_path_factory.mktemp("bucket") / "街景 list.jsonl"))
    return name


def put_in_bucket(page: Page, file: Path) -> None:
    """Upload a file on the page of the bucket."""
    page.get_by_role("button", name="Upload").click()
    page.locator("dialog input[type=file]").set_input_files(file)
    expect(page.locator("dialog")).to_contain_text("1 uploaded.")
    page.get_by_role("button", name="Done").click()
    expect(page.locator("table")).to_contain_text(file.name)


@pytest.fixture(scope="package")
def formatted(people: People, digits: str) -> str:
    """The public digits, which Ana formatted in both formats with one press; the dataset's id."""
    format_dataset(people.ana, digits, "lmdb")
    return digits


@pytest.fixture(scope="package")
def training_image(platform: RunningPlatform) -> str:
    """The training image, built: its name and version."""

    def ready() -> Any:
        found = [one for one in platform.ask("GET", "/images") if one["name"] == "mxnet" and one["state"] == "ready"]
        return found and f"{found[0]['name']}:{found[0]['version']}"

    found: str = platform.wait_for("the image mxnet", ready, 400)
    return found


@pytest.fixture(scope="package")
def training(people: People, formatted: str, training_image: str) -> str:
    """The id of a training that Ana made with the wizard from her pair of sets."""
    for begun in left_over(people.ana, "trainings", "digits-cnn"):
        return begun
    return start_training(people.ana, "digits-cnn", tab="Public", dataset="digits")
