"""A training on several processes, walked in the browser: filled in, followed process by process, and ended by one of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from trainyard.home import Home

from .again import clear_away, end
from .conftest import GROUP, People
from .running import RunningPlatform

# says who it is again and again; when somebody wishes so the second process dies
SCRIPT = r"""
import os, sys, time
from pathlib import Path
me = os.environ["TRAINYARD_REPLICA"]
for step in range(100_000):
    print(f"{me} of {os.environ['WORLD_SIZE']} at step {step}", flush=True)
    if me == "worker1" and Path(sys.argv[1]).exists():
        print("worker1 has had enough", flush=True)
        sys.exit(3)
    time.sleep(0.2)
"""


@pytest.fixture(scope="module")
def enough(platform: RunningPlatform, people: People) -> Path:
    """The file on the group's share that ends the second process once it is there; the script lies beside it."""
    me = people.ana.call("GET", "/me")
    group = next(one for one in me["groups"] if one["name"] == GROUP)
    own: Path = Home(Path(platform.home)).group_share(group["id"]) / me["name"]
    own.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        os.chown(own, 20_000 + me["id"], 30_000 + group["id"])
    (own / "pair.py").write_text(SCRIPT)
    return own / "enough"


@pytest.fixture(scope="module")
def pair(people: People, enough: Path, training_image: str) -> Iterator[str]:
    """The id of a training on two processes that Ana filled in and started."""
    clear_away(people.ana, "trainings", "pair")
    enough.unlink(missing_ok=True)
    page = people.ana.open(f"training_new?step=resources&image={training_image}&package=1Core2G")
    page.locator("[name=name]").fill("pair")
    inside = f"/workspace/mnt/group/{GROUP}/{enough.parent.name}"
    page.locator("[name=entry]").fill(f"python -u {inside}/pair.py {inside}/enough")
    page.get_by_label("Train on several processes together").check()
    kind = page.locator("select[name=distributed]")
    expect(kind).to_have_value("mxnet")  # by the framework of the image
    page.locator("[name=servers]").fill("0")
    expect(page.locator(".ty-field-error")).to_have_text("A whole number from 1 to 16.")
    page.locator("[name=servers]").fill("2")
    expect(page).to_have_url(re.compile("servers=2"))
    page.locator("select[name=server_package]").select_option("1Core6G")
    expect(page).to_have_url(re.compile("server_package=1Core6G"))
    people.ana.shoot_everywhere("training-new-distributed", "[name=servers]")
    expect(page.locator("[name=servers]")).to_have_value("2")  # a reload keeps everything
    kind.select_option("pytorch")
    expect(page.locator("[name=servers]")).to_have_count(0)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/monitor?id=*")
    identity = people.ana.identity()
    yield identity
    end(people.ana, identity)


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def test_each_process_is_told_apart_and_its_output_is_followed(people: People, pair: str) -> None:
    page = people.ana.open(f"monitor?id={pair}")
    rows = page.get_by_role("table", name="Processes").locator("tbody tr")
    expect(rows).to_have_count(2)
    for row in (rows.nth(0), rows.nth(1)):
        expect(row.locator("[data-state=running]")).to_be_visible(timeout=120_000)
        expect(row).to_contain_text("1Core2G")
    lines = page.locator(".ty-log-line")
    for name in ("worker0", "worker1"):  # all of them as one, at first
        expect(lines.filter(has=page.locator(".ty-log-replica", has_text=name)).first).to_contain_text("of 2 at step")
    page.get_by_label("Search the whole log").fill("worker1 of 2 at step 3")
    page.get_by_label("Search the whole log").press("Enter")
    expect(page.locator(".ty-log-hit")).to_contain_text("worker1 │ worker1 of 2 at step 3")
    page.get_by_label("Times").check()
    expect(page.locator(".ty-log-hit .ty-log-time")).to_have_text(re.compile(r"\d+:\d\d:\d\d"))
    page.get_by_label("Follow the end").check()
    expect(lines.filter(has=page.locator(".ty-log-replica", has_text="worker0")).last).to_contain_text("of 2 at step")
    for name in ("worker1", "worker0"):
        tab(page, name)
        expect(page.locator(".ty-log-line", has_text=f"{name} of 2 at step").first).to_be_visible()
        if name == "worker0":
            expect(page.locator(".ty-log-line", has_text="worker1 of")).to_have_count(0)
    people.ana.shoot_everywhere("monitor-distributed", ".ty-log-line")


def test_the_process_that_died_first_is_named_and_its_output_shown(people: People, pair: str, enough: Path) -> None:
    enough.touch()
    page = people.ana.open(f"monitor?id={pair}")
    expect(page.locator(".ty-tile [data-state=failed]")).to_be_visible(timeout=120_000)
    expect(page.locator(".ty-note-bad")).to_contain_text("The replica worker1 ended first")
    dead = page.get_by_role("table", name="Processes").locator("tbody tr").nth(1)
    expect(dead).to_contain_text("exit code 3")
    expect(dead).to_contain_text("ended first")
    people.ana.open(f"monitor?id={pair}")
    expect(page.get_by_role("tab", name="worker1")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".ty-log-line", has_text="worker1 has had enough")).to_be_visible()
    people.ana.shoot_everywhere("monitor-distributed-failed", ".ty-log-line")
