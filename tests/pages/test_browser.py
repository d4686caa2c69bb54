"""A page in Chromium: it draws, a button answers, and it finds its way back when its kernel ends."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from tests.pages.conftest import Running
from tests.pages.standin import iso

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]


def a_training() -> dict[str, Any]:
    """A running training, as ``GET /jobs`` tells it."""
    times = {"created": iso(minutes=4), "queued": None, "started": iso(minutes=3), "ended": None, "deadline": None}
    owner = {"id": 2, "name": "Alice"}
    what = {"id": "a" * 16, "kind": "train", "name": "digits", "image": "mxnet", "package": "2Core4G", "group": "vision"}
    return {**what, **times, "owner": owner, "wanted": "run", "state": "running", "attempt": 1}


@pytest_asyncio.fixture(loop_scope="module")
async def page(running: Running) -> AsyncIterator[Page]:
    """Alice's browser, in Chinese."""
    job = a_training()
    answers = running.platform.answers
    answers["GET /jobs"] = lambda *_: {"items": [job], "total": 1, "offset": 0}
    answers[f"POST /jobs/{job['id']}/stop"] = lambda *_: job.update(state="stopped") or {}
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(locale="zh-CN")
        cookie: Any = {
            "name": "service-pages",
            "value": running.cookie("token-alice"),
            "domain": "127.0.0.1",
            "path": "/services/pages/",
        }
        await context.add_cookies([cookie])
        yield await context.new_page()
        await browser.close()


async def test_a_button_answers(running: Running, page: Page) -> None:
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await page.goto(f"{running.address}/services/pages/overview")
    await page.locator("td button", has_text="停止").click()
    await page.locator("td [data-state=stopped]").wait_for()
    assert not problems


async def test_an_event_of_the_service_reaches_the_page(running: Running, page: Page) -> None:
    await page.goto(f"{running.address}/services/pages/overview")
    await page.locator("td", has_text="digits").wait_for()
    running.platform.answers["GET /jobs"] = {"items": [], "total": 0, "offset": 0}
    await running.platform.tell("job", "a" * 16)
    await page.get_by_text("还没有运行过任务").wait_for()


async def test_a_page_whose_kernel_ended_comes_back_by_itself(running: Running, page: Page) -> None:
    await page.goto(f"{running.address}/services/pages/overview?here=1")
    await page.get_by_role("heading", name="你好").wait_for()
    before = await page.locator("#ty-page").text_content()
    async with page.expect_event("load"):
        for kernel in list(running.service.pool._given.values()):
            await running.service.pool.end(kernel)
    await page.get_by_role("heading", name="你好").wait_for()
    assert page.url.endswith("?here=1")
    assert await page.locator("#ty-page").text_content() != before
