"""A page whose service answers when the test says so: the real bundle, and a model as JupyterLab has it, driven by hand."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import trainyard_widgets
from playwright.sync_api import Browser, Page, Route

from .watching import watch

STATIC = Path(trainyard_widgets.__file__).parent / "static"
ADDRESS = "http://by-hand.test"
PAGE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>By hand</title><div id="ty-root"></div></html>'
MODEL = """async ({ bundle, traits }) => {
  const state = { view: {}, query: {}, language: "en", words: {}, person: {}, curves: {}, usage: {}, ...traits };
  const listeners = new Map();
  const told = (event, value) => { for (const one of [...(listeners.get(event) ?? [])]) one(value); };
  window.asked = [];
  window.model = {
    hosted: false,
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; told(`change:${name}`, value); },
    save_changes: () => {},
    send: (content) => { window.asked.push(content); },
    on: (event, listener) => listeners.set(event, (listeners.get(event) ?? new Set()).add(listener)),
    off: (event, listener) => listeners.get(event)?.delete(listener),
  };
  const newest = (action) => window.asked.findLast((one) => one.action === action).id;
  window.answer = (action, result, error) => told("msg:custom", { reply: newest(action), result, error });
  const { default: page } = await import(bundle);
  page.render({ model: window.model, el: document.getElementById("ty-root") });
}"""


class ByHand:
    """One page; ``push`` is the service's view, as late as one likes; ``answer`` what an action of the page gets.

    For the page it is always the moment ``at``, if there is one.
    """

    def __init__(self, browser: Browser, bundle: str, at: datetime | None = None, **traits: Any) -> None:
        self.page: Page = browser.new_page(viewport={"width": 1280, "height": 900}, timezone_id="UTC")
        if at:
            self.page.clock.set_fixed_time(at)
        watch(self.page.context, "nobody", ADDRESS)
        self.page.route(f"{ADDRESS}/**", _serve)
        self.page.goto(f"{ADDRESS}/")
        self.page.add_style_tag(path=STATIC.parent / "theme.css")
        self.page.evaluate(MODEL, {"bundle": f"{ADDRESS}/static/{bundle}.js", "traits": traits})

    def push(self, **traits: Any) -> None:
        """What the service tells now."""
        self.page.evaluate(
            "(traits) => { for (const [name, value] of Object.entries(traits)) model.set(name, value); }", traits
        )

    def answer(self, action: str, result: Any) -> None:
        """The answer to the page's newest call of ``action``."""
        self.page.wait_for_function("(action) => asked.some((one) => one.action === action)", arg=action)
        self.page.evaluate("([action, result]) => answer(action, result)", [action, result])

    def refuse(self, action: str, message: str) -> None:
        """The page's newest call of ``action`` is refused."""
        self.page.wait_for_function("(action) => asked.some((one) => one.action === action)", arg=action)
        self.page.evaluate("([action, error]) => answer(action, null, error)", [action, {"code": "no", "message": message}])

    def query(self) -> dict[str, str]:
        """The address as the page has it now."""
        found: dict[str, str] = self.page.evaluate("model.get('query')")
        return found

    def wait_for_query(self, name: str, value: str | None) -> None:
        """Until the page has told the address so."""
        self.page.wait_for_function("([name, value]) => (model.get('query')[name] ?? null) === value", arg=[name, value])


def _serve(route: Route) -> None:
    path = route.request.url.removeprefix(f"{ADDRESS}/")
    if path.startswith("static/"):
        route.fulfill(path=STATIC / path.removeprefix("static/"), content_type="text/javascript")
    else:
        route.fulfill(body=PAGE, content_type="text/html")
