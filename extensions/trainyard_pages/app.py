"""The pages service's application: settings into handlers, start and stop."""

from __future__ import annotations

import shutil
import time
from typing import Any

import jinja2
from jupyterhub.services.auth import HubOAuthCallbackHandler
from tornado.web import Application

from trainyard_pages import forward, runtime
from trainyard_pages.assets import Assets
from trainyard_pages.handlers import HealthHandler, LanguageHandler, PageHandler, StaticHandler
from trainyard_pages.identity import People, cookie_secret, hub_oauth
from trainyard_pages.kernel import Place
from trainyard_pages.pool import Pool
from trainyard_pages.rendering import TEMPLATES, Notebooks
from trainyard_pages.settings import Settings
from trainyard_pages.wire import ChannelHandler


class CallbackHandler(HubOAuthCallbackHandler):  # type: ignore[misc]
    """The end of the Hub's OAuth, on our own client."""

    @property
    def hub_auth(self) -> Any:
        """One for the process."""
        return self.settings["hub_auth"]


class Service:
    """One running pages service."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._runtime = runtime.make(settings.runtime)
        self._place = Place(self._runtime, self._runtime / "service", settings.kernel_uid, settings.enclosed)
        self._forward: Any = None
        self._server: Any = None
        self.pool = Pool(settings, self._place)
        self.people = People(settings.service_url)
        self.port = settings.port

    async def start(self) -> None:
        """Listen and fill the pool; returns at once, the pool fills behind."""
        self._forward = await forward.serve(self._place.service, self.settings.service_url)
        self.pool.start()
        self._server = self.application().listen(self.settings.port, self.settings.host)
        self.port = next(iter(self._server._sockets.values())).getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and end all kernels."""
        self._server.stop()
        await self.pool.stop()
        await self.people.close()
        self._forward.close()
        shutil.rmtree(self._runtime, ignore_errors=True)

    def application(self) -> Application:
        """Tornado's application with all addresses."""
        settings = self.settings
        prefix = settings.prefix
        oauth = hub_oauth(settings)
        routes = [
            (f"{prefix}oauth_callback", CallbackHandler),
            (f"{prefix}health", HealthHandler),
            (rf"{prefix}static/([0-9a-f]{{16}})/([\w.-]+)", StaticHandler),
            (rf"{prefix}kernels/([0-9a-f]{{32}})", ChannelHandler),
            (rf"{prefix}language/(\w+)", LanguageHandler),
            (rf"{prefix}?(\w*)", PageHandler),
        ]
        return Application(
            routes,
            hub_auth=oauth,
            access_scopes=oauth.access_scopes,
            cookie_secret=cookie_secret(oauth.api_token),
            pool=self.pool,
            people=self.people,
            notebooks=Notebooks(settings.notebooks),
            assets=Assets(prefix),
            templates=jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES / "trainyard"), autoescape=True),
            prefix=prefix,
            hub_prefix=settings.hub_prefix,
            service_url=settings.service_url,
            kernel_service=self._place.service_seen,
            started=time.monotonic(),
            websocket_ping_interval=20,
            websocket_max_message_size=2**22,  # a graph may name a hundred thousand classes; the service takes as much
            default_handler_class=PageHandler,
            default_handler_args={},
            log_function=_quiet,
        )


def _quiet(handler: Any) -> None:
    """Requests are logged by ``__main__``'s JSON logger, without their query."""
    from trainyard_pages.logs import request

    request(handler)
