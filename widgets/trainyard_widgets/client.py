"""A page's way to the service: typed calls and the stream of events, with the viewer's token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeVar

import httpx
from pydantic import TypeAdapter
from trainyard.address import api_address
from trainyard.errors import Conflict as InUse
from trainyard.errors import Invalid, NotAllowed, NotFound, NotSignedIn, TooMany, Unavailable, UserError
from trainyard.records.base import STORED
from trainyard.words import N_

from trainyard_widgets.viewer import Viewer

T = TypeVar("T")
_TIMEOUT = httpx.Timeout(30, connect=5)
_BY_STATUS: dict[int, type[UserError]] = {
    401: NotSignedIn,
    403: NotAllowed,
    404: NotFound,
    409: InUse,
    422: Invalid,
    429: TooMany,
    503: Unavailable,
}


class PageClient:
    """Calls the service's REST interface for one viewer; safe to use from several threads."""

    def __init__(self, viewer: Viewer, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=api_address(viewer.url),
            headers={"Authorization": f"Bearer {viewer.token}", "Accept-Language": viewer.language},
            transport=transport or httpx.HTTPTransport(uds=viewer.socket or None),
            timeout=_TIMEOUT,
            trust_env=False,
        )

    def get(self, path: str, answer: type[T], /, **query: Any) -> T:
        """``GET path`` with ``query`` (None is left out) as ``answer``, a record or ``list[Record]``.

        Raises:
            UserError: what the service refuses, in the viewer's language.
        """
        return self.call("GET", path, answer, query=query)

    def post(self, path: str, answer: type[T], body: Any = None, /, *, timeout: httpx.Timeout = _TIMEOUT) -> T:
        """``POST path`` with a record or plain data as JSON."""
        return self.call("POST", path, answer, body=body, timeout=timeout)

    def put(self, path: str, answer: type[T], body: Any = None, /) -> T:
        """``PUT path``, as ``post``."""
        return self.call("PUT", path, answer, body=body)

    def patch(self, path: str, answer: type[T], body: Any = None, /) -> T:
        """``PATCH path``, as ``post``."""
        return self.call("PATCH", path, answer, body=body)

    def delete(self, path: str, /, **query: Any) -> None:
        """``DELETE path``; whatever it answers is not looked at."""
        self.call("DELETE", path, object, query=query)

    def call(
        self,
        method: str,
        path: str,
        answer: type[T],
        *,
        query: dict[str, Any] | None = None,
        body: Any = None,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> T:
        """One call; ``answer`` may be any type pydantic can validate (``object`` for none)."""
        params = {key: value for key, value in (query or {}).items() if value is not None}
        content = _encoded(body)
        headers = {"Content-Type": "application/json"} if content is not None else {}
        try:
            response = self._http.request(
                method, path, params=params or None, content=content, headers=headers, timeout=timeout
            )
        except httpx.HTTPError as problem:
            raise _unreachable() from problem
        if not response.is_success:  # a redirection too: nothing was done
            raise refusal(response.status_code, response.content)
        if answer is object or not response.content:
            return None  # type: ignore[return-value]
        return TypeAdapter(answer).validate_json(response.content, context=STORED)

    def events(self) -> Iterator[dict[str, Any]]:
        """What changes, as it changes; ends when the connection does.

        Raises:
            UserError: refused or unreachable.
        """
        from httpx_sse import connect_sse

        try:
            with connect_sse(self._http, "GET", "/events", timeout=httpx.Timeout(None, connect=5)) as source:
                if source.response.is_error:
                    raise refusal(source.response.status_code, source.response.read())
                for event in source.iter_sse():
                    if event.data:
                        yield json.loads(event.data)
        except httpx.HTTPError as problem:
            raise _unreachable() from problem

    def close(self) -> None:
        """Drop all connections."""
        self._http.close()


def refusal(status: int, content: bytes) -> UserError:
    """The service's error body as the exception it began as."""
    kind = _BY_STATUS.get(status, UserError)
    try:
        error = json.loads(content)["error"]
        hint = _SIGN_IN if kind is NotSignedIn else error.get("hint") or ""
        return kind(error["code"], error["message"], hint=hint, field=error.get("field"))
    except (ValueError, KeyError, TypeError):
        return kind("service-error", N_("The platform answered with an error ({status})."), hint=_LATER, status=status)


_SIGN_IN = N_("Load the page again and sign in.")
_LATER = N_("Try again in a moment; if it stays so, tell your administrator.")


def _unreachable() -> UserError:
    return Unavailable("service-unreachable", N_("The platform does not answer right now."), hint=_LATER)


def _encoded(body: Any) -> bytes | None:
    if body is None:
        return None
    if hasattr(body, "model_dump_json"):
        encoded: str = body.model_dump_json(exclude_unset=True)
        return encoded.encode()
    return json.dumps(body).encode()
