"""Where exceptions become answers: user errors 4xx in the reader's language, everything else one sentence with an id."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from trainyard.errors import Invalid, NotFound, NotSignedIn, TooMany, UserError
from trainyard.words import N_

from trainyard_service.language import language_of

log = logging.getLogger(__name__)

_SENTENCES = {
    "missing": N_("{field} is missing."),
    "extra_forbidden": N_("{field} is not known here."),
    "string_too_short": N_("{field} has at least {min_length} characters."),
    "string_too_long": N_("{field} has at most {max_length} characters."),
    "string_pattern_mismatch": N_("{field} does not have the form {pattern}."),
    "string_type": N_("{field} must be text."),
    "int_parsing": N_("{field} must be a whole number."),
    "int_type": N_("{field} must be a whole number."),
    "float_parsing": N_("{field} must be a number."),
    "float_type": N_("{field} must be a number."),
    "bool_parsing": N_("{field} must be true or false."),
    "bool_type": N_("{field} must be true or false."),
    "greater_than": N_("{field} must be more than {gt}."),
    "greater_than_equal": N_("{field} must be {ge} or more."),
    "less_than": N_("{field} must be less than {lt}."),
    "less_than_equal": N_("{field} must be {le} or less."),
    "enum": N_("{field} must be one of {expected}."),
    "literal_error": N_("{field} must be one of {expected}."),
    "json_invalid": N_("The request is not valid JSON."),
    "too_short": N_("{field} has at least {min_length} entries."),
}
_OTHER = N_("{field} is not right: {reason}")


def invalid(errors: Sequence[Any]) -> Invalid:
    """The first of pydantic's complaints as a user error that names the field."""
    first = errors[0]
    field = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header"))
    values = {"reason": str(first["msg"]).removeprefix("Value error, "), **first.get("ctx", {}), "field": field or "body"}
    sentence = _SENTENCES.get(first["type"], _OTHER)
    # the placeholder {field} and the argument field share a name; the values win when the sentence is filled
    error = Invalid("invalid", sentence, field=field or None)
    error.values = values
    return error


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
    return answer(request, invalid(error.errors()))


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
