"""Trainings on their pages: why one waits and what would start, its log, its curves and their exports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .again import clear_away, end
from .conftest import GROUP, People
from .main_job import stop_training
from .running import RunningPlatform
from .test_graph import resting
from .visitor import PHONE, WIDE, Visitor

# reports and prints until it has done its steps; asked to stop it saves, and with a checkpoint it goes on
SCRIPT = r"""
import sys, time
from pathlib import Path
from trainyard.training import Moment, TrainInstance
run = TrainInstance(resume=True)
run.stop_request.cooperative = True
for step in range(int(sys.argv[1])):
    run.log("loss/train", 1 / (1 + step), step)
    run.log("accuracy/train", 1 - 1 / (2 + step), step)
    print(f"\x1b[32mstep {step}\x1b[0m is done", flush=True)
    print("\rbar 10%\rbar 50%\rbar 100%", flush=True)
    if run.stopping:
        Path("/tmp/weights").write_bytes(b"x")
        run.save_snapshot({"weights": Path("/tmp/weights")}, Moment(1, step))
        break
    time.sleep(float(sys.argv[2]))
run.done()
"""


def entry(steps: int, pause: float) -> str:
    """The script on one line, as a field of a form holds it."""
    return f"python -u -c \"exec(bytes.fromhex('{SCRIPT.encode().hex()}'))\" {steps} {pause}"


def submit(who: Visitor, name: str, steps: int, pause: float, **more: Any) -> str:
    clear_away(who, "trainings", name)
    body = {"name": name, "group": GROUP, "image": "mxnet:1.9.1", "package": "1Core2G", "entry": entry(steps, pause)}
    return str(who.call("POST", "/trainings", body | more)["id"])


def state(page: Page, wanted: str) -> None:
    expect(page.locator(f".ty-tile [data-state={wanted}]")).to_be_visible()


@pytest.fixture(scope="module")
def slow(platform: RunningPlatform, people: People, training_image: str) -> Iterator[str]:
    """A training of Ana's that runs until it is asked to stop."""
    identity = submit(people.ana, "slow", 100_000, 0.05, parameters={"rate": 0.1, "batch": 32})
    state(people.ana.open(f"monitor?id={identity}"), "running")
    yield identity
    platform.ask("POST", f"/trainings/{identity}/stop")
    platform.wait_for("its end", lambda: platform.ask("GET", f"/trainings/{identity}")["job"]["ended"])


@pytest.fixture(scope="module")
def quick(people: People, slow: str) -> str:
    """One that has finished beside it."""
    identity = submit(people.ana, "quick", 30, 0, parameters={"rate": 0.2, "batch": 32})
    state(people.ana.open(f"monitor?id={identity}"), "finished")
    return identity


def test_a_training_that_waits_says_why_in_numbers_and_takes_the_package_that_would_start(
    platform: RunningPlatform, people: People, quick: str
) -> None:
    cores = min(4, platform.ask("GET", "/usage")["capacity"]["cpu"])  # what the group may use, at most
    platform.ask("PUT", "/packages/AllCores2G", {"cpu": cores, "memory": 2 << 30})
    page = people.ana.open(f"monitor?id={submit(people.ana, 'wide 很宽的', 5, 0, package='AllCores2G')}")
    note = page.locator(".ty-note", has_text="Waits for its turn: place 1 of 1")
    expect(note).to_contain_text(re.compile(rf"Asked for\s*{cores:g} cores"))
    expect(note).to_contain_text("Starts at the latest")
    people.ana.shoot_everywhere("monitor-waiting", ".ty-wait")
    note.get_by_role("button", name="Take it").click()
    state(page, "finished")
    page.get_by_role("button", name="More for wide 很宽的").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url("**/trainings")
    expect(page.get_by_role("link", name="wide 很宽的")).to_have_count(0)
    platform.ask("DELETE", "/packages/AllCores2G")


def test_its_log_is_followed_searched_and_read_with_times(people: People, slow: str) -> None:
    page = people.ana.open(f"monitor?id={slow}")
    log = page.locator(".ty-log")
    last = log.locator(".ty-log-line", has_text="is done").last
    expect(last).to_contain_text("step")
    before = last.inner_text()
    expect(last).not_to_have_text(before)  # it follows
    bars = log.locator(".ty-log-line", has_text="bar").all_inner_texts()
    assert {bar.strip() for bar in bars[:-1]} == {"bar 100%"}  # of the last one a part may be there
    box = page.get_by_role("searchbox", name="Search the whole log")
    box.fill("step 1")
    box.press("Enter")
    expect(page.locator(".ty-log-found")).to_contain_text(re.compile(r"\d+ of \d+"))
    expect(log.get_by_label("Follow the end")).not_to_be_checked()
    place = page.locator(".ty-log-found").inner_text()
    log.get_by_role("button", name="Previous").click()
    expect(page.locator(".ty-log-found")).not_to_have_text(place)
    expect(log.locator(".ty-log-hit")).to_contain_text("step 1")
    log.get_by_label("Times").check()
    expect(log.locator(".ty-log-hit .ty-log-time")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    people.ana.shoot("log-searched")
    log.get_by_label("Follow the end").click()
    expect(log.locator(".ty-log-hit")).to_have_count(0)


def test_its_curves_are_zoomed_and_exported_as_a_picture_or_a_table(people: People, slow: str) -> None:
    page = people.ana.open(f"monitor?id={slow}&x=time&smooth=0.5&log=1")
    chart = page.locator(".ty-curve .u-over").first
    chart.scroll_into_view_if_needed()
    box = resting(chart)
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 60, steps=5)
    page.mouse.up()
    whole = page.get_by_role("button", name="Whole run")
    expect(whole).to_be_enabled()
    whole.click()
    expect(whole).to_be_disabled()
    for word, begins in (("PNG", b"\x89PNG"), ("SVG", b"<?xml"), ("CSV", b"tag,step,time,value")):
        with page.expect_download() as download:
            page.get_by_role("button", name=word, exact=True).click()
        assert download.value.suggested_filename == f"slow.{word.lower()}"
        assert Path(download.value.path()).read_bytes().startswith(begins)
    expect(page.locator(".ty-card", has_text="What the job uses").locator(".ty-curve")).not_to_have_count(0)


def test_two_are_compared_side_by_side_and_tensorboard_opens_on_both(people: People, slow: str, quick: str) -> None:
    page = people.ana.open(f"monitor?id={slow}")
    page.get_by_role("link", name="Compare").click()
    page.locator("select[name=add]").select_option(quick)
    table = page.locator(".ty-compare")
    expect(table.get_by_role("link", name="quick")).to_be_visible()
    expect(table.get_by_role("row", name="rate differs")).to_contain_text("0.2")
    expect(page.locator(".ty-curve", has_text="loss/train").locator(".ty-legend li")).to_have_count(2)
    people.ana.shoot_everywhere("compare", ".ty-curve")
    with people.ana.context.expect_page() as opened:
        page.get_by_role("button", name="TensorBoard").click()
    board = opened.value
    for name in ("slow", "quick"):
        expect(board.locator("body")).to_contain_text(f"{name}/")
    board.close()
    page.get_by_role("button", name="Leave out quick").click()
    expect(table.get_by_role("link", name="quick")).to_have_count(0)


def test_it_is_paused_goes_on_is_stopped_started_edited_and_tells_every_attempt(
    platform: RunningPlatform, people: People, slow: str
) -> None:
    end(people.ana, slow)  # its core is needed
    training = submit(people.ana, "tried and tired", 100_000, 0.05)
    page = people.ana.open(f"monitor?id={training}")
    expect(page.locator(".ty-log-line", has_text="is done").first).to_be_visible()
    dialog = page.locator("dialog")
    page.get_by_role("button", name="Pause").click()
    expect(dialog).to_contain_text("It has saved no checkpoint yet.")
    dialog.get_by_role("button", name="Pause").click()
    state(page, "stopped")
    expect(page.locator(".ty-note", has_text="Paused by")).to_be_visible()
    page.get_by_role("button", name="Continue from the last checkpoint").click()
    state(page, "running")
    page.get_by_role("button", name="More for tried and tired").click()
    expect(page.get_by_role("menuitem", name="Edit and run")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("Escape")
    stop_training(page)
    people.ana.shoot("monitor-stopped")
    page.get_by_role("button", name="Start again").click()
    state(page, "running")
    people.ana.call("POST", f"/trainings/{training}/stop")
    state(page, "stopped")
    page.get_by_role("button", name="More for tried and tired").click()
    page.get_by_role("menuitem", name="Edit and run").click()
    expect(page.locator("[name=name]")).to_be_disabled()
    page.locator("[name=priority]").fill("900")
    expect(page.locator(".ty-field-error")).to_have_text("A whole number from 100 to 200.")
    page.locator("[name=priority]").fill("120")
    page.locator("[name=entry]").fill(entry(3, 0))
    expect(page).to_have_url(re.compile("priority=120"))
    page.get_by_role("button", name="Save and start").click()
    page.wait_for_url("**/monitor?id=*")
    state(page, "finished")
    attempts = page.get_by_role("table", name="Attempts").locator("tbody tr")
    expect(attempts).to_have_count(4)
    expect(attempts.nth(0)).to_contain_text("Finished.")
    expect(attempts.nth(3)).to_contain_text("Paused by")
    people.ana.shoot_everywhere("monitor-attempts", ".ty-log-line")


def test_it_is_checked_and_one_batch_is_tried_before_it_is_started(people: People, quick: str) -> None:
    page = people.ana.open("training_new?step=resources&name=tried")
    page.locator("[name=entry]").fill("/workspace/examples/nothing.sh")
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".ty-note", has_text="It would not run:")).to_contain_text("nothing.sh")
    page.locator("[name=entry]").fill(entry(20, 0))
    expect(page).to_have_url(re.compile("entry=python"))
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Nothing keeps it from running.")).to_be_visible()
    people.ana.shoot("training-new-checked")
    page.get_by_role("button", name="Try one batch").click()
    page.wait_for_url("**/monitor?id=*")
    state(page, "finished")
    expect(page.locator(".ty-note", has_text="The dry run ended without an error.")).to_be_visible()
    people.ana.shoot("monitor-tried")
    page.get_by_role("link", name="Go on to the training").click()
    expect(page.locator("[name=name]")).to_have_value("tried")


def test_a_failure_is_explained_in_the_list_and_mended_from_the_overview(
    platform: RunningPlatform, people: People, quick: str
) -> None:
    failing = submit(people.ana, "fails", 1, 0, entry="python -c 'raise MemoryError'")
    page = people.ana.open("trainings?search=fails")
    expect(page.locator("[data-state=failed]")).to_be_visible()
    page.get_by_role("button", name="Instances of fails").click()
    expect(page.locator(".ty-detail")).to_contain_text("Last lines of the output")
    for width in (PHONE, WIDE):
        people.ana.shoot("trainings-failed", width)
    people.ana.open(f"monitor?id={failing}")
    people.ana.shoot_everywhere("monitor-failed", ".ty-note-bad")
    overview = people.ana.open("overview")
    row = overview.get_by_role("row", name="fails")
    expect(row.get_by_role("link", name="fails")).to_have_attribute("href", f"monitor?id={failing}")
    row.get_by_role("button", name="Start again with twice the memory").click()
    platform.wait_for("the second attempt", lambda: platform.ask("GET", f"/trainings/{failing}")["job"]["attempt"] == 2)
    assert platform.ask("GET", f"/trainings/{failing}")["job"]["package"] != "1Core2G"
