"""What a request may hold, beyond what its records say: only what every database keeps and every reader can be answered.

``1e999``, ``NaN``, a whole number of 400 digits, half a surrogate pair and the character NUL are JSON to Python, but not to
PostgreSQL, browsers or UTF-8; kept once, they would break every list they are shown in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from starlette.requests import HTTPConnection
from trainyard.errors import Invalid
from trainyard.words import N_

LARGEST_BODY = 4 << 20
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def checked(handler: Handler) -> Handler:
    """``handler``, called only with a body that can be kept; what is no JSON at all is left to the framework, which says so."""

    async def after_a_look(request: Request) -> Response:
        if "json" in request.headers.get("content-type", "json").lower():
            must_be_storable(await _read(request))
        return await handler(request)

    return after_a_look


async def must_be_text(connection: HTTPConnection) -> None:
    """Dependency of every address: no database looks for the character NUL.

    Raises:
        Invalid: path or query hold it.
    """
    if "\0" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        raise Invalid("text-broken", N_("A text in the request holds a character that is none: {found}"), found="\\x00")


async def _read(request: Request) -> Any:
    """The body as Python reads it; None where the framework will say what is wrong with it."""
    try:
        return await request.json()
    except UnicodeDecodeError as error:
        raise Invalid("not-utf-8", N_("The request is not UTF-8: byte {place}."), place=error.start) from None
    except RecursionError:
        raise Invalid("nested-too-deeply", N_("The request is nested too deeply.")) from None
    except ValueError:
        return None


def must_be_storable(value: Any) -> None:
    """Refuse what could be read but never stored or shown.

    Raises:
        Invalid: a number that is not finite, or text that is none.
    """
    for leaf in _leaves(value):
        if isinstance(leaf, int | float) and not abs(leaf) <= sys.float_info.max:
            raise Invalid("number-not-finite", N_("A number in the request is not finite."))
        if isinstance(leaf, str) and not is_text(leaf):
            raise Invalid(
                "text-broken", N_("A text in the request holds a character that is none: {found}"), found=ascii(leaf)[:80]
            )


def _leaves(value: Any) -> Iterator[Any]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.keys())
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        else:
            yield one


def is_text(text: str) -> bool:
    """Whether every database keeps it."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text))
