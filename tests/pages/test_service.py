"""Who may open what, and how long a kernel lives."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect
from trainyard_pages.kernel import PageKernel

from tests.pages.conftest import Running, begin
from tests.pages.standin import Platform


async def open_page(running: Running, token: str, page: str = "overview", **query: str) -> dict[str, Any]:
    async with running.browser(token) as browser:
        answer = await browser.get(f"/services/pages/{page}", params=query)
        while answer.status_code == 503 and "pages-busy" in answer.text:  # no kernel was ready in time: a slow machine
            answer = await browser.get(f"/services/pages/{page}", params=query)
    assert answer.status_code == 200, answer.text
    found = re.search(r'id="ty-page">(.*?)</script>', answer.text)
    assert found
    return {"html": answer.text, **json.loads(found[1])}


async def join(running: Running, token: str | None, socket: str, origin: str | None = "own") -> WebSocketClientConnection:
    headers = {"Cookie": f"service-pages={running.cookie(token)}"} if token else {}
    if origin:
        headers["Origin"] = running.address if origin == "own" else origin
    return await websocket_connect(HTTPRequest(running.address.replace("http", "ws") + socket, headers=headers))


def kernel_of(running: Running, page: dict[str, Any]) -> PageKernel:
    return running.service.pool._given[page["socket"].rsplit("/", 1)[-1]]


async def until(connection: WebSocketClientConnection, wanted: str) -> Any:
    """The first value of the synced trait ``wanted`` that is not empty."""
    while True:
        message = await asyncio.wait_for(connection.read_message(), 120)
        assert message is not None, "the socket was closed"
        data = json.loads(message)
        state = data.get("state") or data.get("content", {}).get("state") or {}
        if state.get(wanted):
            return state[wanted]


async def eventually(condition: Any, within: float = 120) -> None:
    for _ in range(int(within / 0.1)):
        if condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not happen in time")


pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = json.dumps({"method": "custom", "content": {"hello": True}})


async def test_a_page_shows_its_viewers_data(running: Running) -> None:
    page = await open_page(running, "token-alice")
    connection = await join(running, "token-alice", page["socket"])
    await connection.write_message(HELLO)
    assert (await until(connection, "view"))["name"] == "Alice 爱丽丝"


async def test_nobody_is_sent_to_the_hubs_sign_in(running: Running) -> None:
    async with running.browser(None) as browser:
        answer = await browser.get("/services/pages/overview?tab=x")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/hub/api/oauth2/authorize?client_id=service-pages")


@pytest.mark.parametrize("path", ["static/0123456789abcdef/overview.js", "language/zh", "kernels/" + "0" * 32])
async def test_nobody_gets_anything_else(running: Running, path: str) -> None:
    async with running.browser(None) as browser:
        answer = await browser.get(f"/services/pages/{path}")
    assert answer.status_code == 403


async def test_a_workspaces_token_opens_no_page(running: Running) -> None:
    async with running.browser("workspace-alice") as browser:
        answer = await browser.get("/services/pages/overview")
    assert answer.status_code == 403


async def test_a_token_in_the_address_is_refused(running: Running) -> None:
    async with running.browser("token-alice") as browser:
        answer = await browser.get("/services/pages/overview?token=token-alice")
    assert answer.status_code == 403


@pytest.mark.parametrize(("token", "origin"), [(None, "own"), ("token-alice", None), ("token-alice", "http://evil.example")])
async def test_a_socket_refuses_nobody_and_other_sites(running: Running, token: str | None, origin: str | None) -> None:
    page = await open_page(running, "token-alice")
    with pytest.raises(HTTPClientError, match="403"):
        await join(running, token, page["socket"], origin)


async def test_another_viewer_cannot_join_a_kernel(running: Running) -> None:
    page = await open_page(running, "token-alice")
    connection = await join(running, "token-bob", page["socket"])
    assert await connection.read_message() is None
    assert connection.close_code == 4404


async def test_a_page_cannot_execute_code(running: Running) -> None:
    page = await open_page(running, "token-alice")
    connection = await join(running, "token-alice", page["socket"])
    await connection.write_message(json.dumps({"msg_type": "execute_request", "content": {"code": "1"}}))
    while await connection.read_message() is not None:
        pass
    assert connection.close_code == 1008


async def test_the_token_is_in_no_html_environment_or_argument(running: Running) -> None:
    page = await open_page(running, "token-alice")
    kernel = kernel_of(running, page)
    assert kernel._process is not None
    seen = _told(kernel._process.pid)
    assert "token-alice" not in page["html"]
    assert b"token-alice" not in seen


def _told(pid: int) -> bytes:
    """Arguments and environment of a process and its children."""
    pids = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return b"".join(Path(f"/proc/{number}/{file}").read_bytes() for number in pids for file in ("environ", "cmdline"))


async def test_a_kernel_ends_soon_after_its_page(running: Running) -> None:
    page = await open_page(running, "token-alice")
    connection = await join(running, "token-alice", page["socket"])
    kernel = kernel_of(running, page)
    connection.close()
    await eventually(lambda: not kernel.alive)


async def test_a_page_that_reconnects_keeps_its_kernel(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    page = await open_page(running, "token-alice")
    first = await join(running, "token-alice", page["socket"])
    pool, kernel = running.service.pool, kernel_of(running, page)
    with monkeypatch.context() as patient:
        patient.setattr(pool, "_settings", pool._settings.model_copy(update={"grace": 3600}))
        first.close()
        await eventually(lambda: kernel.left is not None)
        second = await join(running, "token-alice", page["socket"])
        await second.write_message(HELLO)
        assert await until(second, "person")
    assert (kernel.alive, kernel.left, pool._why_end(kernel)) == (True, None, "")


async def test_a_dead_kernel_tells_its_page_to_load_again(running: Running) -> None:
    page = await open_page(running, "token-alice")
    connection = await join(running, "token-alice", page["socket"])
    kernel = kernel_of(running, page)
    assert kernel._process is not None
    kernel._process.kill()
    while await connection.read_message() is not None:
        pass
    assert connection.close_code == 4404


async def test_the_pool_fills_again(running: Running) -> None:
    await open_page(running, "token-alice")
    await eventually(lambda: running.service.pool.ready == 2)


async def test_too_many_pages_of_one_person_are_refused_in_words(tmp_path: Path, platform: Platform) -> None:
    running = await begin(tmp_path, platform, kernels_per_viewer=1)
    try:
        page = await open_page(running, "token-alice")
        await join(running, "token-alice", page["socket"])
        async with running.browser("token-alice") as browser:
            answer = await browser.get("/services/pages/overview", headers={"Accept-Language": "zh"})
        assert answer.status_code == 429
        assert "已打开 1 个页面" in answer.text
    finally:
        await running.service.stop()


async def test_in_a_container_that_makes_no_namespaces_pages_show_the_same(tmp_path: Path, platform: Platform) -> None:
    running = await begin(tmp_path, platform, enclosed=False)
    try:
        page = await open_page(running, "token-alice")
        connection = await join(running, "token-alice", page["socket"])
        await connection.write_message(HELLO)
        assert (await until(connection, "view"))["name"] == "Alice 爱丽丝"
    finally:
        await running.service.stop()


async def test_a_kernel_above_its_memory_ends(running: Running) -> None:
    page = await open_page(running, "token-alice")
    await join(running, "token-alice", page["socket"])
    kernel = kernel_of(running, page)
    assert 20 * 2**20 < kernel.memory() < 512 * 2**20
    kernel.memory = lambda: 2**40  # type: ignore[method-assign]
    await eventually(lambda: not kernel.alive)


async def test_an_unknown_page_is_told_in_words(running: Running) -> None:
    async with running.browser("token-alice") as browser:
        answer = await browser.get("/services/pages/nothing")
    assert answer.status_code == 404
    assert "There is no such page." in answer.text


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example/services/pages/", "/hub/logout", "/services/pages\\@x"]
)
async def test_the_language_switch_stays_here(running: Running, address: str) -> None:
    async with running.browser("token-alice") as browser:
        answer = await browser.get("/services/pages/language/zh", params={"next": address})
    assert answer.headers["Location"] == "/services/pages/"
    assert "trainyard_language=zh" in answer.headers["Set-Cookie"]


async def test_static_files_are_kept_for_ever_under_their_hash(running: Running) -> None:
    page = await open_page(running, "token-alice")
    async with running.browser("token-alice") as browser:
        answer = await browser.get(page["bundle"])
        other = await browser.get(re.sub(r"/[0-9a-f]{16}/", "/0123456789abcdef/", page["bundle"]))
    assert "immutable" in answer.headers["Cache-Control"]
    assert other.status_code == 404


async def test_everything_a_page_loads_comes_from_here(running: Running) -> None:
    page = await open_page(running, "token-alice")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page["html"])
    assert addresses
    assert not [address for address in addresses if urlsplit(address).netloc]
