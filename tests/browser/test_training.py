"""Training in the browser: wizard, monitor with live curves, log, console, models; reloads keep everything."""

from __future__ import annotations

import re
import shutil
import tarfile
from pathlib import Path

from playwright.sync_api import expect

from .again import clear_away
from .conftest import People
from .main_job import keep_model, see_curves_grow
from .running import RunningPlatform
from .visitor import PHONE, SHOTS, WIDE

README_PICTURE = Path(__file__).parents[2] / "docs" / "screenshot.png"


def test_curves_grow_while_it_trains_and_stay_after_a_reload(people: People, training: str) -> None:
    page = see_curves_grow(people.ana, training)
    page.reload()
    people.ana.settle()
    expect(page.locator(".ty-curve").first).to_be_visible()


def test_a_command_typed_into_the_console_runs_inside_the_training(
    people: People, training: str, platform: RunningPlatform
) -> None:
    page = people.ana.open(f"console?id={training}")
    expect(page.locator(".ty-console-state .ty-good")).to_be_visible()
    page.locator(".xterm-helper-textarea").focus()
    page.keyboard.type("echo inside-$((40+2)); ls /workspace/mnt/data\n")
    expect(page.locator(".xterm-accessibility")).to_contain_text("inside-42")
    expect(page.locator(".xterm-accessibility")).to_contain_text("train")
    people.ana.shoot("console", whole=False)


def test_it_finishes_with_an_accuracy_worth_having(people: People, training: str) -> None:
    page = people.ana.open(f"monitor?id={training}")
    expect(page.locator(".ty-tile [data-state=finished]")).to_be_visible(timeout=540_000)
    # the last points may come a moment after the end
    curve = page.locator(".ty-curve-place").first
    expect(curve).to_have_attribute("aria-label", re.compile(r"validation (9[6-9]|100)(\.\d+)?%"))
    lines = page.locator(".ty-curve").first.locator(".ty-legend line")
    told_apart = {(line.get_attribute("stroke"), line.get_attribute("stroke-dasharray") is None) for line in lines.all()}
    assert len(told_apart) == 2 and {plain for _, plain in told_apart} == {True, False}  # by more than their colours
    people.ana.shoot("monitor")
    people.ana.shoot("monitor", PHONE)
    page.set_viewport_size({"width": WIDE, "height": 860})
    page.screenshot(path=SHOTS / "readme.png")
    shutil.copyfile(SHOTS / "readme.png", README_PICTURE)


def test_the_log_is_searched_and_downloaded(people: People, training: str) -> None:
    page = people.ana.open(f"monitor?id={training}")
    box = page.get_by_role("searchbox", name="Search the whole log")
    box.fill("Epoch")
    box.press("Enter")
    expect(page.locator(".ty-log-found")).to_contain_text(re.compile(r"\d+ of \d+"))
    with page.expect_download() as download:
        page.locator(".ty-log").get_by_text("Download").click()
    assert "Epoch" in Path(download.value.path()).read_text()


def test_snapshots_are_listed_with_their_training_and_download(people: People, training: str, tmp_path: Path) -> None:
    expect(people.ana.open(f"monitor?id={training}").locator(".ty-tile [data-state=finished]")).to_be_visible(timeout=540_000)
    page = people.ana.open("models")
    row = page.get_by_role("row", name=re.compile("digits-cnn")).first
    expect(row).to_be_visible()
    people.ana.shoot("models")
    with page.expect_download() as download:
        row.get_by_text("Download").click()
    file = tmp_path / "model.tar.gz"
    download.value.save_as(file)
    with tarfile.open(file) as archive:
        assert any(name.endswith(".params") for name in archive.getnames())


def test_a_clone_opens_the_wizard_filled_in_under_the_next_name(people: People, training: str) -> None:
    page = people.ana.open(f"monitor?id={training}")
    page.get_by_role("link", name="Clone").click()
    people.ana.settle()
    page.get_by_role("button", name=re.compile("Resources and script")).click()
    expect(page.locator("[name=name]")).to_have_value("digits-cnn-2")


def test_the_wizard_tells_every_problem_at_its_field_and_creates_nothing(people: People, formatted: str) -> None:
    page = people.ana.open("training_new?step=resources&name=a%2Fb&entry=start.sh")
    expect(page.locator(".ty-invalid .ty-field-error")).to_have_count(2)
    page.get_by_role("button", name="Start training").click()
    assert "training_new" in page.url


def test_a_missing_script_is_refused_before_anything_starts(people: People, training: str, formatted: str) -> None:
    page = people.ana.open("training_new?step=resources&name=nothing&entry=/workspace/examples/none.sh")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".ty-field-error", has_text="none.sh")).to_be_visible()


def test_an_own_model_is_uploaded_and_deleted(people: People, tmp_path: Path) -> None:
    file = tmp_path / "我的模型.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        archive.add(__file__, "model.py")
    clear_away(people.ana, "models", "我的模型")
    page = keep_model(people.ana, file)
    page.get_by_role("button", name="More for 我的模型").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#ty-root .ty-empty")).to_be_visible()


def test_somebody_outside_the_group_sees_neither_training_nor_log_nor_model(
    people: People, training: str, platform: RunningPlatform
) -> None:
    page = people.eve.page
    people.eve.go(f"{people.eve.address}/services/pages/monitor?id={training}")
    expect(page.locator("#ty-root [role=alert]")).to_be_visible()
    job = platform.ask("GET", f"/trainings/{training}")["job"]["id"]
    # her own session with the service, so that it is her rights that are looked at and not their absence
    people.eve.go(f"{people.eve.address}/services/trainyard/login")
    people.eve.open("trainings")
    status = page.evaluate(
        "(path) => fetch(path).then((answer) => answer.status)", f"/services/trainyard/api/v1/jobs/{job}/log"
    )
    assert status in {403, 404}
    expect(people.eve.open("models").locator(".ty-empty")).to_be_visible()
