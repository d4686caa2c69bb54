"""A running pages service over the stand-in platform, with real kernels in real sandboxes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tornado.web import create_signed_value
from trainyard_pages.app import Service
from trainyard_pages.identity import cookie_secret
from trainyard_pages.settings import Settings

from tests.pages.standin import Platform

SECRET = "a pages secret for tests"


class Running:
    """The service under test, its platform, and browsers of three people."""

    def __init__(self, service: Service, platform: Platform) -> None:
        self.service = service
        self.platform = platform
        self.address = f"http://127.0.0.1:{service.port}"

    def cookie(self, token: str) -> str:
        """The OAuth cookie a browser holds after the Hub's sign-in."""
        return create_signed_value(cookie_secret(SECRET), "service-pages", token).decode()

    def browser(self, token: str | None) -> httpx.AsyncClient:
        """Somebody's browser; None is nobody's."""
        cookies = {"service-pages": self.cookie(token)} if token else {}
        return httpx.AsyncClient(base_url=self.address, cookies=cookies, timeout=60, headers={"Sec-Fetch-Mode": "navigate"})


async def begin(folder: Path, platform: Platform, **settings: Any) -> Running:
    """Start a service with ``settings``."""
    token = folder / "pages-hub-token"
    token.write_text(SECRET)
    values = {"port": 0, "pool": 1, "grace": 1.0, "hub_api_url": platform.hub_api, "service_url": platform.service}
    service = Service(Settings(hub_token_file=token, **{**values, **settings}))
    await service.start()
    return Running(service, platform)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform() -> AsyncIterator[Platform]:
    """The stand-in Hub and service."""
    stand_in = Platform()
    server = stand_in.start()
    yield stand_in
    server.stop()
    await server.close_all_connections()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, platform: Platform) -> AsyncIterator[Running]:
    """A service with two kernels ready, shared by the tests of a module."""
    running = await begin(tmp_path_factory.mktemp("pages"), platform, pool=2)
    yield running
    await running.service.stop()
