"""Searching hyper-parameters in the browser: begun from a form, watched, followed in plots and table, its parameters kept."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect
from trainyard.home import Home

from .again import clear_away
from .conftest import GROUP, People, left_over
from .running import RunningPlatform
from .visitor import PHONE, WIDE, Visitor

# the nearer lr is to 0.01 the better, and the more layers the better
SCRIPT = """
import math
from pathlib import Path
from trainyard.training import Moment, TrainInstance, params
run = TrainInstance()
chosen = params.get_all()
distance = abs(math.log10(chosen["optimizer"]["lr"]) + 2) / 4 + (0.1 if chosen["optimizer"]["kind"] == "sgd" else 0)
for step in range(1, 4):
    run.log("accuracy/validation", 1 - distance - 0.05 / step - 0.01 * (4 - chosen["layers"]), step=step)
Path("/tmp/weights").write_bytes(b"x")
run.save_snapshot({"weights": Path("/tmp/weights")}, Moment(1, step))
run.done()
"""
LARGE = {"optimizer": {"lr": 0.01, "kind": "sgd"}, "layers": 2}


@pytest.fixture(scope="module")
def entry(platform: RunningPlatform, people: People) -> str:
    """A script of Ana's on the group's share, as if written in her workspace."""
    me = people.ana.call("GET", "/me")
    group = next(one for one in me["groups"] if one["name"] == GROUP)
    own = Home(Path(platform.home)).group_share(group["id"]) / me["name"]
    own.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(own, 20_000 + me["id"], 30_000 + group["id"])
    (own / "tune.py").write_text(SCRIPT)
    return f"python /workspace/mnt/group/{GROUP}/{me['name']}/tune.py"


@pytest.fixture(scope="module")
def search(people: People, entry: str, training_image: str) -> str:
    """The id of a search that Ana filled in and began on the page; it has finished."""
    query = {"image": training_image, "entry": entry, "package": "1Core2G", "parameters": json.dumps(LARGE)}
    clear_away(people.ana, "searches", "shades")
    page = people.ana.open(f"search_new?{urlencode(query)}")
    page.locator("[name=name]").fill("shades")
    page.get_by_role("button", name="Begin the search").click()
    expect(page.get_by_text("Say which parameter is varied")).to_be_visible()
    page.get_by_role("button", name="optimizer.lr").click()
    rate = page.get_by_role("group", name="optimizer.lr")
    expect(rate.get_by_label("from", exact=True)).to_have_value("0.001")
    rate.get_by_label("from", exact=True).fill("0.0001")
    rate.get_by_label("to", exact=True).fill("often")
    page.get_by_role("button", name="layers").click()
    page.get_by_role("button", name="Add a parameter").click()
    page.get_by_label("Name of the parameter").last.fill("optimizer.kind")
    kind = page.get_by_role("group", name="optimizer.kind")
    kind.get_by_label("What it may be").select_option("choice")
    kind.get_by_label("Values, with commas").fill("sgd, adam")
    page.locator("[name=sampler][value=random]").check()
    page.locator("[name=trials]").fill("8")
    page.get_by_role("button", name="Begin the search").click()
    expect(rate.get_by_role("alert")).to_contain_text("often is not a number")
    rate.get_by_label("to", exact=True).fill("1")
    expect(page).to_have_url(re.compile("high%22%3A%221%22"))  # the address knows it when the typing pauses
    for language in ("zh", "en"):
        for width in (PHONE, WIDE):
            with people.ana.speaking(language):
                page.reload()
                people.ana.settle()
                people.ana.shoot("search-new", width)
    expect(page.locator("[name=name]")).to_have_value("shades")  # a reload keeps everything
    page.get_by_role("button", name="Begin the search").click()
    page.wait_for_url("**/searches?id=*")
    expect(page.locator(".ty-tile [data-state=finished]")).to_be_visible(timeout=120_000)
    return people.ana.identity()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_search_shows_its_trials_its_plots_and_its_best(people: People, search: str, language: str) -> None:
    with people.ana.speaking(language):
        page = people.ana.open(f"searches?id={search}")
        expect(page.locator("table tbody tr")).to_have_count(8)
        expect(page.locator("figure.ty-plot svg[role=img]")).to_have_count(2)
        expect(page.locator(".ty-importance")).to_have_count(3)
        for width in (PHONE, 1024, WIDE, 2560):
            people.ana.shoot("search", width)
        people.ana.open("searches")
        for width in (PHONE, WIDE):
            people.ana.shoot("searches", width)


def test_a_trial_is_followed_by_keyboard_from_the_table_into_the_plots(people: People, search: str) -> None:
    page = people.ana.open(f"searches?id={search}")
    number = page.locator("table tbody tr").nth(2).get_by_role("button")
    number.focus()
    page.keyboard.press("Enter")
    expect(number).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".ty-plot-line.ty-chosen")).to_have_count(1)
    page.locator("th button", has_text="accuracy/validation").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("accuracy/validation")


def test_the_best_opens_the_wizard_filled_in_and_the_trials_come_as_files(people: People, search: str) -> None:
    page = people.ana.open(f"searches?id={search}")
    for name, begins in (("CSV", b"trial,state,"), ("PNG", b"\x89PNG"), ("SVG", b"<?xml")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        assert Path(download.value.path()).read_bytes().startswith(begins)
    page.get_by_role("link", name="Train again with it").click()
    people.ana.settle()
    expect(page.locator("[name=name]")).to_have_value("shades-best")


def test_the_model_of_the_best_is_kept_under_a_name_of_its_own(people: People, search: str) -> None:
    for old in left_over(people.ana, "models", "best shades"):
        people.ana.call("DELETE", f"/models/{old}")
    page = people.ana.open(f"searches?id={search}")
    page.get_by_role("button", name="Keep its model").click()
    page.locator("dialog [name=name]").fill("best shades")
    page.locator("dialog").get_by_role("button", name="Keep the model").click()
    page.wait_for_url("**/models?tab=custom")
    expect(page.locator("table")).to_contain_text("best shades")


def test_parameters_are_kept_taken_and_brought_as_a_file(people: People, search: str, tmp_path: Path) -> None:
    clear_away(people.ana, "parameter-sets", "good start")
    page = people.ana.open(f"training_new?step=resources&{urlencode({'parameters': json.dumps(LARGE)})}")
    page.get_by_role("button", name="Keep these").click()
    page.locator("dialog [name=name]").fill("good start")
    page.locator("dialog").get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)
    brought = tmp_path / "other.json"
    brought.write_text('{"epochs": 7}')
    page.get_by_role("button", name="Take kept parameters").click()
    page.locator("dialog input[type=file]").set_input_files(brought)
    people.ana.shoot("parameter-sets", whole=False)
    people.ana.shoot("parameter-sets", PHONE, whole=False)
    page.get_by_role("button", name="Take other").click()
    expect(page).to_have_url(re.compile("epochs"))
    expect(page.get_by_label("Value of epochs")).to_have_value("7")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_a_search_the_page_says_what_to_do_next(people: People, language: str) -> None:
    visitor: Visitor = people.eve
    with visitor.speaking(language):
        for place in ("searches", "search_new"):
            page = visitor.open(place)
            expect(page.locator("#ty-root .ty-empty")).to_be_visible()
            visitor.shoot(f"empty-{place}", PHONE)


def test_a_search_is_deleted_with_its_trainings(people: People, search: str) -> None:
    page = people.ana.open(f"searches?id={search}")
    page.get_by_role("button", name="More for shades").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.locator("dialog [name=trials]").check()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Hyper-parameter search")).to_be_visible()
    assert people.ana.call("GET", "/trainings?search=shades")["total"] == 0
