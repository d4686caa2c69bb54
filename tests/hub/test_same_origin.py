"""What a workspace answers reaches no further than its own folder: tried with the proxy we run, before an evil server."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from trainyard_hub.same_origin import REMOVED, GuardedRoutes, middlewares
from trainyard_hub.settings import Settings
from trainyard_hub.stack import proxy
from trainyard_hub.stack.home import prepare_home

from tests.browser.running import PORTS, free_range
from tests.hub.running import until


class Evil(BaseHTTPRequestHandler):
    """A server that would like to reach everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        for name in REMOVED:
            self.send_header(name, "anything")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def evil() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def address(tmp_path: Path, evil: str) -> Iterator[str]:
    """A running Traefik with a route to a workspace and one to something of ours, both to the evil server."""
    settings = Settings(TRAINYARD_HOME=tmp_path / "home", port=free_range(PORTS))
    prepare_home(settings.home)
    proxy.write_configuration(settings)
    routes = GuardedRoutes(traefik_entrypoint=proxy.ENTRY_POINT, dynamic_config_file=str(proxy.routes_file(settings)))
    dynamic = middlewares()
    for place in ("/user/u1/", "/services/x/"):
        part = routes._dynamic_config_for_route(place, evil, {})[0]["http"]
        for kind in ("routers", "services"):
            dynamic["http"].setdefault(kind, {}).update(part[kind])
    proxy.routes_file(settings).with_name("all.yaml").write_text(json.dumps(dynamic))
    process = subprocess.Popen(proxy.command(settings, Path(sys.executable).parent), cwd=tmp_path)
    try:
        yield settings.inside_address
    finally:
        process.terminate()
        process.wait(120)


def told(address: str, place: str) -> set[str]:
    """Which of the headers come through."""

    def answers() -> bool:
        try:
            return httpx.get(f"{address}{place}", timeout=60).status_code == 200
        except httpx.TransportError:
            return False

    assert until(answers)
    return {name for name in REMOVED if name in httpx.get(f"{address}{place}", timeout=60).headers}


def test_a_workspaces_answers_cannot_widen_its_reach(address: str) -> None:
    assert told(address, "/user/u1/worker.js") == set()
    assert told(address, "/services/x/") == set(REMOVED)
