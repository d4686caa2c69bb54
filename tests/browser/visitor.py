"""A person with a browser: signs up, signs in, opens pages, takes screenshots, and notices what went wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from .watching import watch

CALL = """async ([method, path, body]) => {
  const ask = () => fetch("/services/trainyard/api/v1" + path, {
    method, headers: { "Content-Type": "application/json" }, body: body === null ? undefined : JSON.stringify(body),
  });
  const me = "/services/trainyard/api/v1/me";
  if ((await fetch(me)).status === 401) await fetch(`/services/trainyard/login?next=${me}`);
  const answer = await ask();
  return [answer.status, await answer.json().catch(() => null)];
}"""
# two frames after which no movement is under way that ends by itself
CALM = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(async () => {
  const ends = (one) => one.playState === "running" && one.effect?.getComputedTiming().endTime !== Infinity;
  const ended = Promise.allSettled(document.getAnimations().filter(ends).map((one) => one.finished));
  await Promise.race([ended, new Promise((late) => setTimeout(late, 5000))]);
  done();
})))"""
RULES = (Path(__file__).parent / "rules.js").read_text()
SHOTS = Path(__file__).parents[2] / "test-output" / "screenshots"
PASSWORD = "a long enough sentence"
WIDE, PHONE = 1280, 390
expect.set_options(timeout=60_000)  # a limit costs nothing where all is well, and a busy machine takes its time


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Debian's Chromium, or Playwright's own where there is none; until its end its event loop blocks others'."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


class Visitor:
    """One person's browser window in one language."""

    def __init__(self, browser: Browser, address: str, name: str, language: str = "en") -> None:
        self.name, self.address, self.language = name, address, language
        self.album = SHOTS
        self.context = browser.new_context(viewport={"width": WIDE, "height": 800}, accept_downloads=True)
        self.context.set_default_timeout(60_000)
        self.speak(language)
        watch(self.context, name, address)
        self.page: Page = self.new_page()

    def new_page(self) -> Page:
        """One more tab."""
        return self.context.new_page()

    def go(self, address: str) -> None:
        """Type an address; a page that was about to lead elsewhere by itself is left for good by the second time."""
        try:
            self.page.goto(address)
        except Error as other:
            if not any(sign in other.message for sign in ("interrupted by another navigation", "ERR_ABORTED")):
                raise
            self.page.goto(address)

    def speak(self, language: str) -> None:
        """Choose the language of all pages."""
        self.language = language
        self.context.add_cookies([{"name": "trainyard_language", "value": language, "url": self.address}])

    @contextmanager
    def speaking(self, language: str) -> Iterator[None]:
        """That language until the end of the block, and also when it ends before its time."""
        own = self.language
        self.speak(language)
        try:
            yield
        finally:
            self.speak(own)

    def sign_up(self) -> None:
        """Apply for an account on the Hub's page."""
        self.go(f"{self.address}/hub/signup")
        for field, value in (
            ("name", self.name),
            ("password", PASSWORD),
            ("password_again", PASSWORD),
            ("affiliation", "Vision lab"),
            ("reason", "I want to train on pictures."),
        ):
            self.page.fill(f"#{field}", value)
        self.page.click("#signup_submit")
        expect(self.page.locator("#signup_submit")).to_have_count(0)

    def sign_in(self, password: str = PASSWORD) -> None:
        """Sign in and arrive at the pages."""
        self.go(f"{self.address}/hub/login")
        self.page.fill("#username_input", self.name)
        self.page.fill("#password_input", password)
        self.page.click("#login_submit")
        expect(self.page.locator("#username_input")).to_have_count(0)

    def open(self, place: str) -> Page:
        """Open one of the pages and wait until it is drawn with its data."""
        self.go(f"{self.address}/services/pages/{place}")
        self.settle()
        return self.page

    def open_lab(self) -> Page:
        """This person's JupyterLab, which runs, with its launcher."""
        hub_name = f"u{self.call('GET', '/me')['id']}"
        self.go(f"{self.address}/user/{hub_name}/lab?reset")
        self.page.locator(".jp-LauncherCard").first.wait_for()
        return self.page

    def stop_workspace(self) -> None:
        """Stop it on the overview, so that its cores are there for others."""
        card = self.open("overview").locator(".ty-card", has=self.page.get_by_role("heading", name="Workspace"))
        card.get_by_role("button", name="Stop").click()
        self.page.locator("dialog").get_by_role("button", name="Stop").click()
        expect(card.get_by_role("button", name="Start again")).to_be_visible()

    def settle(self) -> None:
        """Wait until the page shows its data instead of grey bars."""
        expect(self.page.locator("#ty-root h1").first).to_be_visible()
        expect(self.page.locator("#ty-root .ty-skeleton")).to_have_count(0)

    def shoot(self, name: str, width: int = WIDE, whole: bool = True) -> None:
        """A screenshot, and the rules every page keeps: nothing wider than the window, nothing unnamed, nothing too faint."""
        self.page.set_viewport_size({"width": width, "height": 800})
        try:
            self.page.evaluate("scrollTo(0, 0)")
            self.page.evaluate(CALM)
            told = self.page.evaluate(RULES)
            assert not told, f"{name}: {told}"
            self.page.screenshot(path=self.shot(name, width), full_page=whole)
            wide = self.page.evaluate("document.documentElement.scrollWidth")
        finally:
            self.page.set_viewport_size({"width": WIDE, "height": 800})
        assert wide <= width, f"{name} is {wide} pixels wide in a window of {width}"

    def shoot_everywhere(self, name: str, *seen: str) -> None:
        """The page as it is now in both languages, on a phone and on a desk, once all places in ``seen`` are there."""
        for language in ("zh", "en"):
            with self.speaking(language):
                self.page.reload()
                self.settle()
                for place in seen:
                    expect(self.page.locator(place).first).to_be_visible()
                for width in (PHONE, WIDE):
                    self.shoot(name, width)

    def shot(self, name: str, width: int = WIDE) -> Path:
        """Where a screenshot goes."""
        self.album.mkdir(parents=True, exist_ok=True)
        return self.album / f"{name}-{self.language}-{width}.png"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One REST call with this person's rights, made by the browser from one of our pages; the answer's JSON."""
        if "/services/pages/" not in self.page.url:
            self.open("overview")
        status, answer = self.page.evaluate(CALL, [method, path, body])
        assert status < 400, f"{method} {path}: {status} {answer}"
        return answer

    def identity(self, pattern: str = r"id=([0-9a-f]{16})") -> str:
        """The id in the address bar."""
        found = re.search(pattern, self.page.url)
        assert found, self.page.url
        return found.group(1)
