"""Who asks: the Hub's OAuth for this service, on every address; and what the shell of a page shows of them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import Any

import httpx
from jupyterhub.services.auth import HubOAuth, HubOAuthenticated
from tornado.web import HTTPError, RequestHandler
from trainyard.words import preferred_language

from trainyard_pages.settings import Settings

LANGUAGE_COOKIE = "trainyard_language"
FRESH = 10


def hub_oauth(settings: Settings) -> HubOAuth:
    """The Hub's OAuth client of this service; answers about a token are kept ten seconds."""
    return HubOAuth(
        api_url=settings.hub_api_url,
        api_token=settings.hub_token_file.read_text().strip(),
        oauth_client_id=settings.oauth_client_id,
        hub_prefix=settings.hub_prefix,
        base_url=settings.prefix,
        oauth_redirect_uri=f"{settings.prefix}oauth_callback",
        access_scopes={"access:services", "access:services!service=pages"},
        cache_max_age=FRESH,
    )


def cookie_secret(token: str) -> bytes:
    """Signs our cookies; made from the service's Hub token, so that a restart keeps sessions and a new token ends them."""
    return hmac.new(token.encode(), b"trainyard pages cookies", hashlib.sha256).digest()


class Signed(HubOAuthenticated, RequestHandler):  # type: ignore[misc]
    """A handler that knows its viewer before it runs; ``viewer`` is the Hub's name (``u12``), ``token`` theirs."""

    viewer: str = ""
    token: str = ""

    @property
    def hub_auth(self) -> HubOAuth:
        """One for the process."""
        return self.settings["hub_auth"]

    @hub_auth.setter
    def hub_auth(self, _: HubOAuth) -> None:
        raise AttributeError("hub_auth is set once, in the application's settings")

    async def prepare(self) -> None:
        """Find the viewer without blocking; nobody leaves ``viewer`` empty, the wrong one is refused."""
        if self.get_query_argument("token", None) is not None:
            raise HTTPError(403, "tokens are not taken from addresses")
        user = await self.hub_auth.get_user(self, sync=False)
        self._hub_auth_user_cache = user
        if not user:
            return
        allowed = self.hub_auth.check_scopes(self.settings["access_scopes"], user)
        if user.get("kind") != "user" or not allowed:
            raise HTTPError(403, "this token may not open pages")
        self.viewer = str(user["name"])
        self.token = str(self.hub_auth.get_token(self))

    def require_visit(self) -> None:
        """Refuse what is not a person opening an address: a page names its kernel, and whoever reads that name commands it.

        What a workspace serves below ``/user/`` has our origin, and could read our pages by a ``fetch`` or in a frame.
        """
        if self.request.headers.get("Sec-Fetch-Dest", "document") != "document":
            raise HTTPError(403, "pages are opened, not fetched")

    def require_viewer(self) -> None:
        """Refuse a request nobody is signed in for."""
        if not self.viewer:
            raise HTTPError(403, "sign in first")

    @property
    def language(self) -> str:
        """The reader's language: the cookie's, else the browser's."""
        return preferred_language(self.request.headers.get("Accept-Language", ""), self.get_cookie(LANGUAGE_COOKIE))

    def set_default_headers(self) -> None:
        """Nothing from elsewhere, nowhere inside another page, no window of ours in the hands of a workspace's page."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header(
            "Content-Security-Policy",
            "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
            "connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        )


class People:
    """What the head of a page shows of its viewer (``GET /me``), kept for some seconds, so that it paints at once."""

    def __init__(self, service_url: str, keep: float = 20) -> None:
        self._http = httpx.AsyncClient(base_url=service_url.rstrip("/") + "/api/v1", timeout=2, trust_env=False)
        self._keep = keep
        self._known: dict[str, tuple[float, dict[str, Any]]] = {}

    async def me(self, token: str) -> dict[str, Any]:
        """The service's ``Me`` as plain data; empty while the service does not answer."""
        key = hashlib.sha256(token.encode()).hexdigest()
        now = time.monotonic()
        self._known = {known: entry for known, entry in self._known.items() if entry[0] > now}
        if key not in self._known:
            found = await self._ask(token)
            if not found:
                return {}
            self._known[key] = (now + self._keep, found)
        return self._known[key][1]

    async def remember_language(self, token: str, language: str) -> None:
        """Tell the service which language the viewer chose; the cookie already holds it here."""
        self._known.pop(hashlib.sha256(token.encode()).hexdigest(), None)
        try:
            await self._http.patch("/me", json={"language": language}, headers={"Authorization": f"Bearer {token}"})
        except httpx.HTTPError:
            return

    async def close(self) -> None:
        """Drop connections."""
        await self._http.aclose()

    async def _ask(self, token: str) -> dict[str, Any]:
        try:
            answer = await asyncio.wait_for(self._http.get("/me", headers={"Authorization": f"Bearer {token}"}), 1.5)
            return dict(answer.json()) if answer.status_code == 200 else {}
        except (httpx.HTTPError, TimeoutError, ValueError):
            return {}
