"""The Hub pages that are ours alone: applying for an account, choosing the language, the style sheet."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.handlers import BaseHandler
from tornado.web import HTTPError
from trainyard.words import LANGUAGES

from trainyard_hub.language import COOKIE, current_language, word
from trainyard_hub.service_calls import ServiceRefusal

FIELDS = ("name", "email", "affiliation", "reason")
A_YEAR = 365


class SignupHandler(BaseHandler):  # type: ignore[misc]
    """The form by which somebody applies for an account, and the page that says what happens next."""

    async def get(self) -> None:
        """The empty form."""
        await self._show({})

    async def post(self) -> None:
        """Hand the application to the service; show its refusal beside the field it is about, or answer a program in JSON."""
        entered = {field: self.get_body_argument(field, "") for field in FIELDS}
        password = self.get_body_argument("password", "", strip=False)
        if password != self.get_body_argument("password_again", "", strip=False):
            differ = ServiceRefusal(422, "passwords-differ", word("The two passwords differ."), "password_again")
            await self._refuse(entered, differ)
            return
        application = {**entered, "password": password, "language": current_language(), "address": self.request.remote_ip}
        try:
            await self.authenticator.service.apply(application)
        except ServiceRefusal as refusal:
            await self._refuse(entered, refusal)
            return
        if self._for_a_program():
            self.set_status(201)
            self.finish({"name": entered["name"]})
            return
        self.finish(await self.render_template("waiting.html", applicant=entered["name"]))

    def _for_a_program(self) -> bool:
        return str(self.request.headers.get("Accept", "")).startswith("application/json")

    async def _refuse(self, entered: dict[str, str], refusal: ServiceRefusal) -> None:
        self.set_status(refusal.status)
        if self._for_a_program():
            self.finish({"error": {"code": refusal.code, "message": refusal.text, "hint": "", "field": refusal.field}})
            return
        await self._show(entered, refusal.text, refusal.field)

    async def _show(self, entered: dict[str, str], error: str = "", field: str | None = None) -> None:
        page = self.render_template(
            "signup.html", entered=entered, error=error, error_field=field, xsrf=self.xsrf_token.decode("ascii")
        )
        self.finish(await page)


class LanguageHandler(BaseHandler):  # type: ignore[misc]
    """Remember the chosen language in a cookie all of Trainyard's pages read, and go back."""

    def get(self) -> None:
        """``?to=zh&next=/hub/login``."""
        to = self.get_query_argument("to", "")
        if to not in LANGUAGES:
            raise HTTPError(400, "%s", word("There is no such language: {language}", language=to[:20]))
        secure = self.request.protocol == "https"
        self.set_cookie(COOKIE, to, path="/", expires_days=A_YEAR, samesite="Lax", secure=secure)
        self.redirect(inside(self.get_query_argument("next", "/hub/")))


class StyleHandler(BaseHandler):  # type: ignore[misc]
    """The design language shared with the pages, cached by its hash."""

    def get(self) -> None:
        """CSS; nothing in it is secret, so nobody need be signed in."""
        self.set_header("Content-Type", "text/css; charset=utf-8")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.finish(style())


def inside(address: str) -> str:
    """``address`` if it stays on this host, else the front page: an open redirect helps nobody but a phisher."""
    parts = urlsplit(address)
    stays = not parts.scheme and not parts.netloc and address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if stays and "\\" not in address else "/"


@cache
def style() -> str:
    """The pages' theme followed by what only Hub pages need."""
    theme = files("trainyard_widgets").joinpath("theme.css").read_text(encoding="utf-8")
    return theme + files("trainyard_hub").joinpath("templates/hub.css").read_text(encoding="utf-8")


@cache
def style_version() -> str:
    """Changes when the style sheet does."""
    return hashlib.sha256(style().encode()).hexdigest()[:12]


def handlers() -> list[tuple[str, Any]]:
    """Routes below the Hub's prefix."""
    return [(r"/signup", SignupHandler), (r"/language", LanguageHandler), (r"/trainyard.css", StyleHandler)]
