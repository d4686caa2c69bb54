"""The main job as a person does it, step by step: one machine's walk and the cluster's are made of these."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from playwright.sync_api import Page, Route, WebSocket, expect

from .visitor import PHONE, Visitor

TILES = '.jp-LauncherCard[data-category="Trainyard"]'


class Terminal:
    """What a terminal shows; its picture is a canvas, so its websocket is listened to."""

    def __init__(self, page: Page) -> None:
        self.page, self.heard = page, ""
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        if "/terminals/" in socket.url:
            socket.on("framereceived", self._hear)

    def _hear(self, frame: str | bytes) -> None:
        self.heard += frame if isinstance(frame, str) else frame.decode(errors="replace")

    def type(self, line: str, answer: str) -> None:
        """Type a line, wait for ``answer`` to come after it."""
        while not self.heard:  # what is typed before the shell is there may be lost
            self.page.wait_for_timeout(100)
        before = len(self.heard)
        self.page.keyboard.type(line + "\n")
        for _ in range(900):
            if answer in self.heard[before:]:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{answer} did not come; the terminal said {self.heard[-1500:]}")


class Administered(Protocol):
    """A platform, wherever it runs."""

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One call of the service as its administrator."""
        ...


def let_in(platform: Administered, who: Visitor, group: str | None) -> None:
    """Somebody applies on the page, the administrator approves, and they sign in; whoever applied before only signs in."""
    if who.name not in {one["name"] for one in platform.ask("GET", "/accounts")["items"]}:
        who.sign_up()
    waiting = platform.ask("GET", "/accounts", state="applied")["items"]
    for account in (one for one in waiting if one["name"] == who.name):
        platform.ask("POST", f"/accounts/{account['id']}/approve", {"group": group})
    who.sign_in()


def start_workspace(who: Visitor) -> Page:
    """From the overview through the form to JupyterLab with our tiles."""
    page = who.open("overview")
    who.shoot("overview")
    who.shoot("overview", PHONE)
    page.get_by_role("link", name="Workspace", exact=True).click()
    expect(page.locator("#spawn_form")).to_be_visible()
    who.shoot("spawn")
    who.shoot("spawn", PHONE)
    with _kept_waiting(page, "**/server/progress*"):
        page.locator("#spawn_form [type=submit]").click()
        expect(page.locator("#progress")).to_be_visible()
        who.shoot("spawn-pending")
    expect(page.locator(TILES)).to_have_count(5, timeout=240_000)
    expect(page.locator(".Toastify__toast, .jp-Notification-Toast")).to_have_count(0)
    page.screenshot(path=who.shot("lab"))
    return page


@contextmanager
def _kept_waiting(page: Page, pattern: str) -> Iterator[None]:
    """What the page asks for there meanwhile is sent afterwards: it does not hear that it should lead away."""
    waiting: list[Route] = []

    def keep(route: Route) -> None:
        waiting.append(route)

    page.route(pattern, keep)
    try:
        yield
    finally:
        for route in waiting:
            route.continue_()
        page.unroute(pattern)


def open_terminal(who: Visitor) -> Terminal:
    """A terminal of this person's JupyterLab, which runs; its shell has answered."""
    terminal = Terminal(who.page)
    lab = who.open_lab()
    lab.locator('.jp-LauncherCard[data-category="Other"]', has_text="Terminal").click()
    lab.locator(".jp-Terminal .xterm").wait_for()
    terminal.type("echo ready-$((40+2))", "ready-42")
    return terminal


def upload_dataset(who: Visitor, listed: Path, archive: Path) -> str:
    """The id of the dataset made of a list and an archive of its pictures, once it is ready."""
    page = who.open("datasets?new=1")
    who.shoot("datasets-new-what", whole=False)
    page.get_by_role("button", name="Next step").click()
    inputs = page.locator("dialog input[type=file]")
    inputs.nth(0).set_input_files(listed)
    inputs.nth(1).set_input_files(archive)
    expect(page.locator("dialog .ty-transfer .ty-good")).to_have_count(2)
    who.shoot("datasets-new-where", whole=False)
    page.get_by_role("button", name="Next step").click()
    expect(page.locator("dialog [name=name]")).to_have_value(listed.stem)
    who.shoot("datasets-new", whole=False)
    page.get_by_role("button", name="Create dataset").click()
    page.wait_for_url("**/dataset?id=*")
    expect(page.locator("[data-state=ready]").first).to_be_visible(timeout=120_000)
    return who.identity()


def format_dataset(who: Visitor, dataset: str, *formats: str) -> Page:
    """A pair of sets in RecordIO and in ``formats``, made with one press."""
    page = who.open(f"dataset?id={dataset}&format=1")
    for name in formats:
        page.locator(f"dialog [name={name}]").check()
    page.locator("dialog [name=seed]").fill("7")
    who.shoot("dataset-format", whole=False)
    page.locator("dialog").get_by_role("button", name="Format").click()
    expect(page.locator("[data-state=finished]").first).to_be_visible(timeout=120_000)
    return page


def start_training(who: Visitor, name: str, *, tab: str, dataset: str, parameters: Mapping[str, Any] | None = None) -> str:
    """The id of a training made with the wizard from the newest pair in RecordIO of ``dataset``, which lies under ``tab``."""
    page = who.open("training_new")
    page.get_by_role("tab", name=tab).click()
    pair = page.locator(".ty-dataset-sets", has_text=dataset).locator(".ty-pair", has_text="RecordIO").first
    pair.locator("input[name=train]").check()
    who.shoot("training-new-pair", whole=False)
    page.get_by_role("button", name="Take both").click()
    expect(pair.locator("input[name=val]")).to_be_checked()
    who.shoot("training-new-sets")
    page.get_by_role("button", name="Next step").click()
    who.shoot("training-new-image")
    page.get_by_role("button", name="Next step").click()
    page.locator("[name=name]").fill(name)
    expect(page).to_have_url(re.compile(f"name={name}"))
    for parameter, value in (parameters or {}).items():
        page.get_by_role("button", name="Add a parameter").click()
        fields = page.locator(".ty-parameter").last.locator("input")
        fields.nth(0).fill(parameter)
        fields.nth(1).fill(str(value))
    who.shoot("training-new-resources")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/monitor?id=*")
    return who.identity()


def see_curves_grow(who: Visitor, training: str) -> Page:
    """The monitor page of a running training, whose curves and log grow."""
    page = who.open(f"monitor?id={training}")
    expect(page.locator(".ty-curve").first).to_be_visible(timeout=120_000)
    chart = page.locator(".ty-curve-place").first
    expect(chart).not_to_have_attribute("aria-label", chart.get_attribute("aria-label") or "")
    expect(page.locator(".ty-log-line").first).to_contain_text(re.compile(r"\S"))
    who.shoot("monitor-running")
    return page


def stop_training(page: Page) -> None:
    """Stop it on its monitor page."""
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator("dialog").get_by_role("button", name="Stop").click()
    expect(page.locator(".ty-tile [data-state=stopped]")).to_be_visible()


def keep_model(who: Visitor, file: Path, group: str = "") -> Page:
    """Upload a packed model under the name of its file, for this person alone or for a group."""
    page = who.open("models?new=1")
    page.locator("dialog input[type=file]").set_input_files(file)
    expect(page.locator("dialog [name=name]")).to_have_value(file.name.removesuffix(".tar.gz"))
    page.locator("dialog [name=group]").select_option(group)
    page.get_by_role("button", name="Keep the model").click()
    expect(page.locator("table")).to_contain_text(file.name.removesuffix(".tar.gz"))
    return page
