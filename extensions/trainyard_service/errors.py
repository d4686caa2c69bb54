"""Where exceptions become answers: user errors 4xx in the reader's language, everything else one sentence with an id."""

from __future__ import annotations

import logging
import secrets
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from trainyard.complaints import complaint
from trainyard.errors import NotFound, NotSignedIn, TooMany, UserError
from trainyard.words import N_

from trainyard_service.language import language_of

log = logging.getLogger(__name__)


def internal_failure(request: Request, error: Exception) -> tuple[str, UserError]:
    """Log a bug with its traceback under an id, and say one sentence that quotes it."""
    number = secrets.token_hex(4)
    log.error("failed", exc_info=error, extra={"failure": number, "method": request.method, "path": request.url.path})
    shown = UserError(
        "internal-failure",
        N_("Something went wrong on our side; it is logged as {failure}."),
        hint=N_("Try again; if it happens again, tell the administrator this number."),
        failure=number,
    )
    return number, shown


def answer(request: Request, error: UserError, status: int | None = None) -> Response:
    """The JSON answer for a user error, in the reader's language."""
    headers = {}
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooMany) and "seconds" in error.values:
        headers["Retry-After"] = str(error.values["seconds"])
    return JSONResponse(error.to_json(language_of(request)), status or error.status, headers)


def _user_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, UserError)
    navigates = request.headers.get("sec-fetch-mode") == "navigate" and request.method == "GET"
    if isinstance(error, NotSignedIn) and navigates:
        base = request.app.state.context.settings.base_path
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{base}/login?next={quote(request.url.path + query, safe='')}", 302)
    return answer(request, error)


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer(request, complaint(error.errors()))


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return answer(request, NotFound("no-such-address", N_("There is nothing at {path}."), path=request.url.path))
    sentence = N_("The request was refused: {reason}")
    return answer(request, UserError("refused", sentence, reason=error.detail), error.status_code)


def _unexpected(request: Request, error: Exception) -> Response:
    return answer(request, internal_failure(request, error)[1], 500)


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(UserError, _user_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
