"""When the platform is told to be ready."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from trainyard_hub.settings import Settings
from trainyard_hub.stack.health import Health
from trainyard_hub.stack.processes import Process, stack

from tests.hub.running import until


class Proxy(BaseHTTPRequestHandler):
    """What answers at the public address; without a way to a service the Hub does, who knows no such page."""

    ways: set[str] = set()

    def do_GET(self) -> None:
        self.send_response(200 if any(self.path.startswith(way) for way in self.ways) else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(Proxy, "ways", set())
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def proxy_of(settings: Settings) -> Process:
    return next(one for one in stack(settings) if one.name == "proxy")


def test_the_proxy_is_ready_when_it_leads_to_hub_service_and_pages(port: int, tmp_path: Path) -> None:
    settings = Settings(TRAINYARD_HOME=tmp_path, port=port)
    with Health(settings) as health:
        for way in ("/hub/", "/services/trainyard/"):
            Proxy.ways.add(way)
            assert not health.is_well(proxy_of(settings))
        Proxy.ways.add("/services/pages/")
        assert until(lambda: health.is_well(proxy_of(settings)))
