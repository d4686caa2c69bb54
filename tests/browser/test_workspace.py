"""The workspace in the browser: start it, work in JupyterLab, enter a job from its terminal, renew, stop and start again."""

from __future__ import annotations

import re
import shlex
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from .again import clear_away, have_no_workspace, have_workspace, named
from .conftest import GROUP, People
from .main_job import TILES, open_terminal, start_workspace, stop_training
from .running import RunningPlatform

REPORTS = (
    "import sys, time; from trainyard.training import TrainInstance; run = TrainInstance(); "
    "[run.log('loss/train', float(sys.argv[1]), step) for step in range(30)]; time.sleep(float(sys.argv[2])); run.done()"
)
FETCH = "(path) => fetch(path).then((answer) => answer.json())"


@pytest.fixture
def reporting(platform: RunningPlatform, people: People, training: str) -> str:
    """The id of a training of Ana's that reports a few numbers and then runs until it is stopped; one that runs is kept."""
    ana = people.ana

    def told(identity: str) -> Any:
        return ana.call("GET", f"/trainings/{identity}")

    running = [one["id"] for one in named(ana, "trainings", "two-instances") if told(one["id"])["job"]["state"] == "running"]
    if not running:
        clear_away(ana, "trainings", "two-instances")
        entry = f"python -c {shlex.quote(REPORTS)} 0.75 600"
        body = {"name": "two-instances", "group": GROUP, "image": "mxnet:1.9.1", "package": "1Core2G", "entry": entry}
        running = [ana.call("POST", "/trainings", body)["id"]]
    platform.wait_for("the first instance", lambda: told(running[0])["instances"])
    return str(running[0])


def test_it_is_started_from_its_page_and_opens_jupyterlab_with_our_tiles(people: People) -> None:
    have_no_workspace(people.ana)
    start_workspace(people.ana)


def test_a_tile_opens_its_page(people: People) -> None:
    lab = people.ana.open_lab()
    with people.ana.context.expect_page() as opened:
        lab.locator(TILES, has_text="Datasets").click()
    expect(opened.value.locator("h1")).to_have_text("Datasets")
    opened.value.close()


def test_a_page_placed_in_a_notebook_shows_what_the_page_shows(people: People, digits: str) -> None:
    lab = people.ana.open_lab()
    lab.locator('.jp-LauncherCard[data-category="Notebook"]').first.click()
    expect(lab.get_by_role("button", name="| Idle")).to_be_visible()  # what is run before, JupyterLab leaves out
    lab.locator(".jp-Notebook .cm-content").first.click()
    cell = f"from trainyard_widgets.dataset import DatasetPage\npage = DatasetPage()\npage.query = {{'id': '{digits}'}}\npage"
    lab.keyboard.insert_text(cell)
    lab.keyboard.press("Shift+Enter")
    shown = lab.locator(".jp-OutputArea-output")
    expect(shown.get_by_role("heading", name="digits", level=1)).to_be_visible()
    expect(shown).to_contain_text("5,000")
    lab.screenshot(path=people.ana.shot("lab-dataset"))


def test_its_terminal_enters_a_running_training(people: People, reporting: str) -> None:
    terminal = open_terminal(people.ana)
    terminal.type("trainyard console two-instances", "bash-")  # the prompt of the other shell
    terminal.type("echo inside-$TRAINYARD_TRAINING", f"inside-{reporting}")
    people.ana.page.screenshot(path=people.ana.shot("lab-terminal"))


def test_a_second_instance_started_in_the_console_shows_its_own_curves(people: People, reporting: str) -> None:
    page = people.ana.open(f"console?id={reporting}")
    expect(page.locator(".ty-console-state .ty-good")).to_be_visible()
    page.locator(".xterm-helper-textarea").focus()
    page.keyboard.type(f"python -c {shlex.quote(REPORTS)} 0.25 0 && echo second-$((40+2))\n")
    expect(page.locator(".xterm-accessibility")).to_contain_text("second-42")
    page = people.ana.open(f"monitor?id={reporting}")
    choice = page.locator("select[name=instance]")
    expect(choice.locator("option").nth(1)).to_be_attached()
    older, *_, newer = sorted(people.ana.call("GET", f"/trainings/{reporting}")["instances"], key=lambda one: one["started"])
    for instance, loss in ((newer, "0.25"), (older, "0.75")):
        choice.select_option(instance["id"])
        expect(page.locator(".ty-curve-place").first).to_have_attribute("aria-label", f"Loss: training {loss}")
    people.ana.shoot("monitor-two-instances")
    stop_training(page)


def test_tensorboard_shows_the_numbers_of_the_page_with_one_click(people: People, training: str) -> None:
    page = people.ana.open(f"monitor?id={training}")
    expect(page.locator(".ty-tile [data-state=finished]")).to_be_visible(timeout=540_000)
    said = page.locator(".ty-curve", has_text="Loss").locator(".ty-curve-place").get_attribute("aria-label") or ""
    shown = re.search(r"validation ([\d.]+)", said)
    with people.ana.context.expect_page() as opened:
        page.get_by_role("button", name="TensorBoard").click()
    board = opened.value
    board.get_by_text("/validation").first.wait_for()
    board.screenshot(path=people.ana.shot("tensorboard"))
    run = next(name for name, tags in board.evaluate(FETCH, "data/plugin/scalars/tags").items() if "loss/validation" in tags)
    points = board.evaluate(FETCH, f"data/plugin/scalars/scalars?tag=loss%2Fvalidation&run={quote(run, safe='')}")
    assert shown and float(shown.group(1)) == pytest.approx(points[-1][2], rel=1e-3)
    board.close()


def test_the_workspaces_own_tensorboard_opens_from_its_tile(people: People) -> None:
    lab = people.ana.open_lab()
    with people.ana.context.expect_page() as opened:
        lab.locator(TILES, has_text="TensorBoard").click()
    expect(opened.value).to_have_title("TensorBoard")
    opened.value.close()


def test_it_is_renewed_stopped_and_started_again_from_the_page(people: People, platform: RunningPlatform) -> None:
    have_workspace(people.ana)
    page = people.ana.open("overview")
    card = page.locator(".ty-card", has=page.get_by_role("heading", name="Workspace"))
    expect(card).to_contain_text(re.compile(r"23 h \d+ min|24 h"))
    before = people.ana.call("GET", "/workspace")["ends"]
    card.get_by_role("button", name="Renew").click()
    expect(page.locator(".ty-toast")).to_contain_text("full time")
    assert people.ana.call("GET", "/workspace")["ends"] > before
    people.ana.shoot("overview-running")
    card.get_by_role("button", name="Stop").click()
    page.locator("dialog").get_by_role("button", name="Stop").click()
    card.get_by_role("button", name="Start again").click()
    expect(card.get_by_role("link", name="Open JupyterLab")).to_be_visible(timeout=240_000)
    people.ana.stop_workspace()
