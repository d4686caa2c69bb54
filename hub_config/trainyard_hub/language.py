"""The language of the request being answered, for the Hub's own pages.

JupyterHub hands its templates no request, so the language is noted when tornado creates a request's output transforms, which
happens in the same context in which the handler then renders its page.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import OutputTransform
from trainyard.words import preferred_language, translate

COOKIE = "trainyard_language"

_current: ContextVar[str] = ContextVar("trainyard_language", default="en")


class NoteLanguage(OutputTransform):
    """Changes nothing in the answer; notes which language the asking person reads."""

    def __init__(self, request: HTTPServerRequest) -> None:
        cookie = request.cookies.get(COOKIE)
        header = request.headers.get("Accept-Language", "")
        _current.set(preferred_language(header, cookie.value if cookie else None))


def current_language() -> str:
    """``en`` or ``zh``."""
    return _current.get()


def word(text: str, **values: Any) -> str:
    """``text`` in the language of the request; what templates call ``_``."""
    return translate(text, current_language(), **values)


def for_templates() -> dict[str, Callable[[Any], Any]]:
    """Template variables: JupyterHub calls each with the signed-in user, once a page."""
    return {"_": lambda user: word, "language": lambda user: current_language()}
