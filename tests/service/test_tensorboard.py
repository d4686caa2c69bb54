"""What of a TensorBoard's answer reaches the browser, and how long its first one is waited for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from trainyard.errors import Unavailable
from trainyard.jobs.launch import LaunchState
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.trainings import tensorboard
from trainyard_service.trainings.tensorboard import TensorBoards, headers_told

BELOW = "/services/trainyard/api/v1/trainings/0123456789abcdef/tensorboard/"


def test_an_answer_keeps_what_a_page_needs():
    needed = {
        "content-type": "text/html",
        "content-security-policy": "default-src 'self'",
        "etag": '"1"',
        "location": f"{BELOW}a",
    }
    assert headers_told(httpx.Headers(needed), BELOW) == needed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Service-Worker-Allowed", "/"),
        ("Set-Cookie", "a=b; Path=/"),
        ("Clear-Site-Data", '"*"'),
        ("Access-Control-Allow-Origin", "*"),
        ("Location", "/services/trainyard/api/v1/tokens"),
        ("Location", f"{BELOW}../../../tokens"),
        ("Location", f"{BELOW}%2E%2e/.%2e/%2e./tokens"),
        ("Location", f"{BELOW}.\t./.\t./.\t./tokens"),
        ("Location", "https://elsewhere.example/"),
        ("Content-Encoding", "gzip"),
    ],
)
def test_an_answer_reaches_nothing_beyond_the_tensorboard(name, value):
    assert headers_told(httpx.Headers({name: value}), BELOW) == {}


def _boards(state):
    """Where the launcher tells this of every launch."""
    return TensorBoards(SimpleNamespace(launcher=SimpleNamespace(state=lambda _: state)), JobSettings())


def test_a_first_answer_on_a_busy_node_may_take_seconds():
    asked = []

    async def slow(reader, writer):
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        await asyncio.sleep(3)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def wait():
        async with await asyncio.start_server(slow, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            state = LaunchState(key="tensorboard-1", phase="running", address=f"127.0.0.1:{port}")
            await _boards(state).until_ready(state.key, BELOW)

    asyncio.run(wait())
    assert len(asked) == 1


def test_one_that_does_not_answer_is_waited_for_no_longer_than_whoever_opens_it_waits(monkeypatch):
    monkeypatch.setattr(tensorboard, "TENSORBOARD_SECONDS", 1)

    async def silent(reader, writer):
        await reader.read()
        writer.close()

    async def wait():
        async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            state = LaunchState(key="tensorboard-1", phase="running", address=f"127.0.0.1:{port}")
            async with asyncio.timeout(5):
                await _boards(state).until_ready(state.key, BELOW)

    with pytest.raises(Unavailable) as refused:
        asyncio.run(wait())
    assert refused.value.code == "tensorboard-starting"


@pytest.mark.parametrize("phase", ["starting", "running"])
def test_one_that_has_not_answered_yet_is_told_to_be_starting(monkeypatch, phase):
    monkeypatch.setattr(tensorboard, "TENSORBOARD_SECONDS", 0.2)
    state = LaunchState(key="tensorboard-1", phase=phase)
    with pytest.raises(Unavailable) as refused:
        asyncio.run(_boards(state).until_ready(state.key, BELOW))
    assert refused.value.code == "tensorboard-starting"


def test_a_request_is_passed_on_also_when_the_connections_are_closed_while_its_body_comes(tmp_path):
    state = LaunchState(key="tensorboard-1", phase="running")
    boards = _boards(state)
    boards.context.home = SimpleNamespace(service=tmp_path)

    async def answers(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def body():
        await boards._clients.pop(state.key).aclose()
        return b""

    async def ask():
        async with await asyncio.start_server(answers, "127.0.0.1", 0) as server:
            told = state.model_copy(update={"address": f"127.0.0.1:{server.sockets[0].getsockname()[1]}"})
            boards.context.launcher.state = lambda _: told
            _ = boards._clients[state.key]
            url = SimpleNamespace(query="", path=f"{BELOW}data")
            answer = await boards.proxy(state.key, SimpleNamespace(method="GET", url=url, headers={}, body=body))
            return answer.status_code

    assert asyncio.run(ask()) == 200
