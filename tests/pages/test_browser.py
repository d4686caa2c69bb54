"""A page in Chromium: it draws, a button answers, and it finds its way back when its kernel ends."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect
from trainyard_pages.handlers import HealthHandler

from tests.pages.conftest import Running
from tests.pages.standin import iso

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]


WIDTH = 1280
ADMINISTRATOR: Any = {"name": "service-pages", "domain": "127.0.0.1", "path": "/services/pages/"}


def a_dataset() -> dict[str, Any]:
    """A ready dataset that nobody shares, as ``GET /datasets`` tells it to an administrator."""
    what = {"id": "d" * 16, "name": "digits", "description": "", "state": "ready", "visibility": "mine", "source": "upload"}
    owner = {"id": 2, "name": "Alice"}
    return {**what, "owner": owner, "created": iso(minutes=4), "completed": iso(minutes=3), "may_change": True, "shares": []}


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
        context.set_default_timeout(120_000)
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
    await page.locator("dialog button", has_text="停止").click()
    await page.locator("td [data-state=stopped]").wait_for()
    assert not problems


async def test_a_tab_is_called_as_its_page_and_then_as_its_heading(running: Running, page: Page) -> None:
    answer = await page.goto(f"{running.address}/services/pages/storage")
    assert answer is not None
    assert "<title>存储 · Trainyard</title>" in await answer.text()
    heading = page.locator(".ty-card h1")  # of what was refused: this service has no storage
    await expect(page).to_have_title(f"{await heading.inner_text()} · Trainyard")


async def test_the_account_menu_closes_with_escape_and_by_a_click_elsewhere(running: Running, page: Page) -> None:
    await page.goto(f"{running.address}/services/pages/overview")
    await page.locator("td", has_text="digits").wait_for()
    menu = page.locator(".ty-account")
    for close in (page.keyboard.press("Escape"), page.locator("h1").click()):
        await menu.locator("summary").click()
        await menu.locator(".ty-menu").wait_for()
        await close
        await menu.locator(".ty-menu").wait_for(state="hidden")


async def test_notices_fit_a_phone(running: Running, page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 800})
    await page.goto(f"{running.address}/services/pages/overview")
    await page.locator(".ty-bell-button").click()
    box = await page.locator(".ty-notices").bounding_box()
    assert box is not None and box["x"] >= 8 and box["x"] + box["width"] <= 382 and box["y"] < 100


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


async def test_a_page_says_that_its_service_hangs_and_goes_on(
    running: Running, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page.goto(f"{running.address}/services/pages/overview")
    await page.get_by_role("heading", name="你好").wait_for()
    answer, goes_on = HealthHandler.get, asyncio.Event()

    async def hang(handler: HealthHandler) -> None:
        await goes_on.wait()
        answer(handler)

    monkeypatch.setattr(HealthHandler, "get", hang)
    await page.locator(".ty-connection").wait_for(timeout=120_000)
    goes_on.set()
    await page.locator(".ty-connection").wait_for(state="detached", timeout=120_000)


async def test_an_administrator_publishes_a_dataset_and_takes_it_back(running: Running, page: Page) -> None:
    await page.context.add_cookies([ADMINISTRATOR | {"value": running.cookie("token-admin")}])
    dataset = a_dataset()
    answers = running.platform.answers
    answers["GET /datasets"] = lambda *_: {"items": [dataset], "total": 1, "offset": 0}
    everybody = {"group": None, "by": dataset["owner"], "at": dataset["created"]}
    answers[f"PUT /datasets/{dataset['id']}/public"] = lambda *_: dataset.update(shares=[everybody]) or dataset
    answers[f"DELETE /datasets/{dataset['id']}/public"] = lambda *_: dataset.update(shares=[]) or {}
    await page.goto(f"{running.address}/services/pages/datasets")
    for item, button in (("公开给所有人", "公开给所有人"), ("取消公开", "取消公开")):
        await page.get_by_role("button", name="digits").click()
        menu = await page.get_by_role("menu").bounding_box()
        assert menu, "the menu is drawn"
        assert 0 < menu["x"] < menu["x"] + menu["width"] < WIDTH, "the menu is inside the window"
        await page.get_by_role("menuitem", name=item).click()
        await page.locator("dialog").get_by_role("button", name=button).click()
        await page.locator("dialog").wait_for(state="detached")
    assert [call[:2] for call in running.platform.calls if call[1].endswith("/public")] == [
        ("PUT", f"/datasets/{dataset['id']}/public"),
        ("DELETE", f"/datasets/{dataset['id']}/public"),
    ]


async def test_the_audit_speaks_in_words_and_keeps_the_identifier_as_a_tooltip(running: Running, page: Page) -> None:
    await page.context.add_cookies([ADMINISTRATOR | {"value": running.cookie("token-admin")}])
    entry = {"id": 1, "at": iso(minutes=1), "who": "bob", "action": "datasets.publish_dataset", "target": "digits"}
    detail = {"size": 2048, "shuffle": True}
    refused = {**entry, "result": "administrators-only", "detail": detail}
    running.platform.answers["GET /audit"] = {"items": [refused], "total": 1, "offset": 0}
    await page.goto(f"{running.address}/services/pages/admin?tab=audit")
    row = page.locator("tbody tr")
    await row.get_by_text("公开数据集").wait_for()
    assert await row.get_by_title("datasets.publish_dataset").count() == 1
    assert await row.get_by_title("administrators-only").inner_text() == "仅限管理员"
    assert await row.get_by_text("大小：2 KiB · 打乱：是").count() == 1
    await page.get_by_label("操作", exact=True).select_option("datasets.publish_dataset")
    await page.wait_for_url("**action=datasets.publish_dataset**")
