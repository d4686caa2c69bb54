"""A port in a pod is reached through a gate of ours: how many at once, beside what else is asked of the API server."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web
from trainyard_spawner.kubernetes.cluster import PROTOCOL
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.console import OUTPUT
from trainyard_spawner.kubernetes.gates import MOST_VISITS, Gates
from trainyard_spawner.kubernetes.mirror import Mirror

from tests.spawner.api_server import Served

POD = "/api/v1/namespaces/trainyard/pods/tensorboard"
PATIENCE = 30


class Pods(Served):
    """An API server whose pods answer what they are sent; it counts who is there at once."""

    def __init__(self) -> None:
        self.visits = 0
        self._changed = threading.Condition()
        super().__init__()

    def routes(self, router: web.UrlDispatcher) -> None:
        """Programs executed in pods, and the server's version."""
        router.add_get("/version", self._version)
        router.add_get("/{pod:.*}/exec", self._execute)

    def wait(self, visits: int) -> None:
        """Until so many are there."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.visits == visits, PATIENCE), self.visits

    async def _version(self, _: web.Request) -> web.Response:
        return web.json_response({"gitVersion": "v1.29.0"})

    async def _execute(self, request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse(protocols=(PROTOCOL,))
        await answer.prepare(request)
        self._count(1)
        try:
            async for message in answer:
                if message.type is WSMsgType.BINARY:
                    await answer.send_bytes(bytes((OUTPUT,)) + message.data[1:])
        finally:
            self._count(-1)
        return answer

    def _count(self, change: int) -> None:
        with self._changed:
            self.visits += change
            self._changed.notify_all()


@pytest.fixture
def pods() -> Iterator[Pods]:
    with closing(Pods()) as running:
        yield running


@pytest.fixture
def mirror(pods: Pods, tmp_path: Path) -> Iterator[Mirror]:
    with closing(Mirror(Configuration(kubeconfig=pods.kubeconfig(tmp_path)))) as running:
        yield running


@pytest.fixture
def gates(mirror: Mirror, tmp_path: Path) -> Iterator[Gates]:
    gates = Gates(mirror, Configuration(kubeconfig=tmp_path / "kubeconfig"))
    yield gates
    gates.close_all()


def visit(address: str | None) -> socket.socket:
    """A connection to a gate."""
    assert address is not None
    host, _, port = address.partition(":")
    made = socket.create_connection((host, int(port)), PATIENCE)
    made.sendall(b"hello")
    return made


def test_what_is_sent_is_answered_by_the_pod(gates: Gates) -> None:
    with visit(gates.address("tensorboard", POD, 6006)) as visitor:
        assert visitor.recv(100) == b"hello"


def test_a_gate_carries_so_many_at_once_and_the_next_one_waits(gates: Gates, pods: Pods) -> None:
    address = gates.address("tensorboard", POD, 6006)
    with ExitStack() as there:
        several = [there.enter_context(visit(address)) for _ in range(MOST_VISITS)]
        assert [one.recv(100) for one in several] == [b"hello"] * MOST_VISITS
        late = there.enter_context(visit(address))
        late.settimeout(0.5)
        with pytest.raises(TimeoutError):
            late.recv(100)
        assert pods.visits == MOST_VISITS
        several[0].close()
        late.settimeout(PATIENCE)
        assert late.recv(100) == b"hello"


def test_many_visitors_keep_nobody_from_asking_the_api_server(gates: Gates, pods: Pods, mirror: Mirror) -> None:
    with ExitStack() as there:
        for number in range(100 // MOST_VISITS + 1):
            address = gates.address(f"tensorboard-{number}", f"{POD}-{number}", 6006)
            for _ in range(MOST_VISITS):
                there.enter_context(visit(address))
        pods.wait(100)  # as many connections as a session has
        assert mirror.run(lambda cluster: cluster.get("/version")) == {"gitVersion": "v1.29.0"}


def test_a_gate_that_cannot_be_opened_is_no_address_and_is_tried_again(gates: Gates, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_room(*_: object) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as full:
        full.setattr(asyncio, "start_server", no_room)
        assert gates.address("tensorboard", POD, 6006) is None
    with visit(gates.address("tensorboard", POD, 6006)) as visitor:
        assert visitor.recv(100) == b"hello"
