"""A script in one's own workspace has our origin and one's cookies; it gets no further than the workspace's token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from .again import have_workspace
from .conftest import People

# a sign-in that leads nowhere is "Failed to fetch"
FETCH = """([method, path, options]) => fetch(path, { method, ...options }).then(
  async (answer) => [answer.status, await answer.text()], (failed) => [0, String(failed)])"""
WINDOW = """async (path) => {
  const opened = window.open(path);
  await new Promise((done) => setTimeout(done, 3000));
  try { return opened.document.documentElement.outerHTML; } catch (refused) { return "refused"; }
}"""
FRAME = """async (path) => {
  const frame = document.body.appendChild(document.createElement("iframe"));
  await new Promise((done) => { frame.onload = done; frame.src = path; });
  try { return frame.contentDocument.documentElement.outerHTML; } catch (refused) { return "refused"; }
}"""
PAGE, HUB = "/services/pages/overview", "/hub/token"
NO_CORS = {"mode": "no-cors"}


@pytest.fixture(scope="module")
def evil(people: People) -> Iterator[Page]:
    """A document of ana's own workspace in her browser, which is signed in to service and pages."""
    ana = people.ana
    hub_name = f"u{ana.call('GET', '/me')['id']}"
    have_workspace(ana)
    page = ana.context.new_page()
    page.goto(f"{ana.address}/user/{hub_name}/nothing")
    assert page.evaluate("document.location.pathname") == f"/user/{hub_name}/nothing"
    yield page
    page.close()
    ana.stop_workspace()


def fetched(page: Page, method: str, path: str, **options: Any) -> tuple[int, str]:
    status, text = page.evaluate(FETCH, [method, path, options])
    return int(status), str(text)


@pytest.mark.parametrize("lie", [{}, {"referrer": PAGE}, {"referrerPolicy": "no-referrer"}])
def test_its_calls_may_no_more_than_the_workspaces_token(evil: Page, lie: dict[str, str]) -> None:
    # a cookie of another path can be set from any page, so the double-submitted token proves nothing
    evil.evaluate("document.cookie = 'trainyard-xsrf=known; path=/services/trainyard/'")
    headers = {"X-XSRFToken": "known", "Content-Type": "application/json"}
    status, text = fetched(evil, "POST", "/services/trainyard/api/v1/tokens", headers=headers, body='{"name": "stolen"}', **lie)
    assert status == 403
    assert "restricted-token" in text or "cross-site" in text


@pytest.mark.parametrize("path", [PAGE, HUB, "/hub/home", "/hub/spawn", "/hub/api/user"])
@pytest.mark.parametrize("options", [{}, NO_CORS], ids=["cors", "no-cors"])
def test_no_page_with_a_secret_can_be_fetched(evil: Page, path: str, options: dict[str, str]) -> None:
    status, text = fetched(evil, "GET", path, **options)
    assert "kernels/" not in text
    # the Hub takes the asker for nobody, whose sign-in form holds nothing of ours
    assert status in (0, 403) or "login_submit" in text, text[:300]
    assert "logout" not in text


@pytest.mark.parametrize("path", [PAGE, HUB])
@pytest.mark.parametrize("way", [WINDOW, FRAME], ids=["window", "frame"])
def test_no_page_with_a_secret_can_be_read_through_a_window_or_frame(evil: Page, path: str, way: str) -> None:
    told = evil.evaluate(way, path)
    assert "xsrf" not in told
    assert "ty-root" not in told
