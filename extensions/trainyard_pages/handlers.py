"""What the pages service answers: pages, their static files, the language switch, and whether it is well."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import tornado.web
from tornado.web import HTTPError, RequestHandler
from trainyard.errors import UserError
from trainyard.words import LANGUAGES, N_, translate

from trainyard_pages.assets import TYPES, Assets
from trainyard_pages.identity import LANGUAGE_COOKIE, Signed

YEAR = 365 * 86400
NAVIGATION = [
    ("overview", N_("Overview"), ("overview",)),
    ("datasets", N_("Datasets"), ("datasets", "dataset", "graph")),
    ("workspace", N_("Workspace"), ()),
    ("trainings", N_("Training"), ("trainings", "training_new", "monitor", "console")),
    ("searches", N_("Tuning"), ("searches", "search_new")),
    ("models", N_("Models"), ("models",)),
    ("storage", N_("Storage"), ("storage",)),
    ("admin", N_("Admin"), ("admin",)),
]


class PageHandler(Signed):
    """``<prefix><page>``: the page, joined with a kernel of its own."""

    @tornado.web.authenticated
    async def get(self, name: str = "(no page's name)") -> None:
        """Draw the page; nobody is sent to the Hub's sign-in first. Addresses that cannot be a page's come without a name."""
        self.require_visit()
        notebooks = self.settings["notebooks"]
        if not name:
            self.redirect(f"{self.settings['prefix']}overview")
            return
        if name not in notebooks.names:
            raise HTTPError(404)
        me = await self.settings["people"].me(self.token)
        language = self.get_cookie(LANGUAGE_COOKIE) or me.get("language") or self.language
        language = language if language in LANGUAGES else self.language
        kernel = await self.settings["pool"].take(self.viewer, self._identity(language))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        async for part in notebooks.draw(name, kernel, self._context(name, kernel.id, me, language)):
            self.write(part)
            await self.flush()

    def write_error(self, status_code: int, **arguments: Any) -> None:
        """A page that says what is wrong and what to do, in the reader's language."""
        error = arguments.get("exc_info", (None, None))[1]
        if isinstance(error, UserError):
            self.set_status(error.status)
        status, title, hint = told(error, status_code, self.language)
        busy = isinstance(error, UserError) and error.code == "pages-busy"
        assets: Assets = self.settings["assets"]
        template = self.settings["templates"].get_template("error.html.j2")
        self.finish(
            template.render(
                title=title, hint=hint, status=status, language=self.language, assets=assets, prefix=self.settings["prefix"],
                retry=5 if busy else None, _=lambda text: translate(text, self.language),
            )
        )  # fmt: skip

    def _identity(self, language: str) -> dict[str, Any]:
        """What the kernel is told, over its private channel only."""
        query = {key: self.get_query_argument(key) for key in self.request.query_arguments}
        path = urlsplit(self.settings["service_url"]).path.rstrip("/")
        return {
            "url": f"http://service{path}",
            "token": self.token,
            "socket": self.settings["kernel_service"],
            "language": language,
            "query": query,
            "hosted": True,
        }

    def _context(self, name: str, kernel: str, me: dict[str, Any], language: str) -> dict[str, Any]:
        assets: Assets = self.settings["assets"]
        query = {key: self.get_query_argument(key) for key in self.request.query_arguments}
        person = {
            "name": me.get("name", ""),
            "administrator": me.get("administrator", False),
            "unread": me.get("unread_notices", 0),
        }
        page = {
            "bundle": assets.url(f"{name}.js"),
            "socket": f"{self.settings['prefix']}kernels/{kernel}",
            "query": query,
            "language": language,
            "person": person,
        }
        return {
            "name": name,
            "language": language,
            "assets": assets,
            "prefix": self.settings["prefix"],
            "hub": self.settings["hub_prefix"],
            "navigation": navigation(name, person["administrator"]),
            "me": me,
            "page": json.dumps(page).replace("<", "\\u003c"),
            "elsewhere": urlencode({"next": self.request.uri}),
        }


class StaticHandler(Signed):
    """``<prefix>static/<hash>/<name>``: kept by the browser for a year, as another content has another address."""

    def check_xsrf_cookie(self) -> None:
        """Our own pages load our modules without an XSRF token; the browser itself says they come from here."""
        own = self.request.headers.get("Sec-Fetch-Site") == "same-origin"
        if not (own and self.request.method in {"GET", "HEAD"}):
            super().check_xsrf_cookie()

    def get(self, digest: str, name: str) -> None:
        """The file, to whoever is signed in."""
        self.require_viewer()
        assets: Assets = self.settings["assets"]
        if assets.hashes.get(name) != digest:
            raise HTTPError(404)
        self.set_header("Content-Type", TYPES["." + name.rsplit(".", 1)[-1]])
        self.set_header("Cache-Control", f"private, max-age={YEAR}, immutable")
        self.finish(assets.contents[name])

    def compute_etag(self) -> None:
        """The address is the tag already."""
        return


class LanguageHandler(Signed):
    """``<prefix>language/<language>?next=``: remembers the choice for a year, then goes back."""

    async def get(self, language: str) -> None:
        """Set the cookie pages and Hub share."""
        self.require_visit()
        self.require_viewer()
        if language not in LANGUAGES:
            raise HTTPError(404)
        self.set_cookie(LANGUAGE_COOKIE, language, path="/", max_age=YEAR, samesite="Lax")
        await self.settings["people"].remember_language(self.token, language)
        self.redirect(local(self.get_query_argument("next", ""), self.settings["prefix"]))


class HealthHandler(RequestHandler):
    """``<prefix>health``: 200 when a page would open at once, 503 while no kernel is ready."""

    def get(self) -> None:
        """No login, no secrets: three numbers."""
        pool = self.settings["pool"]
        self.set_status(200 if pool.ready else 503)
        uptime = round(time.monotonic() - self.settings["started"])
        self.finish({"status": "ok" if pool.ready else "warming", "ready": pool.ready, "open": pool.given, "uptime": uptime})


def navigation(name: str, administrator: bool) -> list[dict[str, Any]]:
    """The entries of the head, the present one marked; Admin is for administrators."""
    shown = [entry for entry in NAVIGATION if administrator or entry[0] != "admin"]
    return [{"id": entry, "label": label, "here": name in pages} for entry, label, pages in shown]


def local(address: str, otherwise: str) -> str:
    """``address`` if it stays on this host and below our prefix, else ``otherwise``."""
    parts = urlsplit(address)
    inside = not parts.scheme and not parts.netloc and address.startswith(otherwise) and "\\" not in address
    return address if inside else otherwise


def told(error: BaseException | None, status: int, language: str) -> tuple[int, str, str]:
    """Status, sentence and next step of an error page."""
    if isinstance(error, UserError):
        return error.status, error.text(language), error.hint_text(language)
    if status == 404:
        return (
            status,
            translate(N_("There is no such page."), language),
            translate(N_("Choose one from the overview."), language),
        )
    if status == 403:
        hint = N_("Sign out and in again; if it stays so, ask your administrator.")
        return status, translate(N_("You may not open this page."), language), translate(hint, language)
    hint = N_("Try again; if it stays so, tell your administrator.")
    return status, translate(N_("The page could not be opened."), language), translate(hint, language)
