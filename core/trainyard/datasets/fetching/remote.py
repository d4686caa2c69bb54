"""What a fetch asks the service: bring this url into the bucket. Other threads ask at the same time."""

from __future__ import annotations

import os
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import msgspec

from trainyard.address import api_address
from trainyard.decoding import prepared
from trainyard.errors import Unavailable, UserError
from trainyard.words import N_

_SECONDS = 2400.0  # the service has its own limits, and answers before
_SERVICE_AWAY = (429, 500, 502, 503, 504)


@prepared
class Answer(msgspec.Struct):
    """What became of it. ``later``: it may be there ``after`` so many seconds; ``busy``: the whole host is to be left alone."""

    state: Literal["stored", "failed", "later"]
    suffix: str = ""
    size: int = 0
    code: str = ""
    message: str = ""
    values: dict[str, Any] = {}
    after: float = 0.0
    busy: bool = False


class Away(Exception):
    """The service is silent, or starts anew."""


def ask(url: str) -> Answer:
    """Have one picture brought into the bucket; what is there already, since an earlier attempt, stays as it is.

    Raises:
        Away: the service does not answer now. UserError: it refuses the whole fetch, and why.
    """
    address = f"{api_address(os.environ['TRAINYARD_URL'])}/jobs/{os.environ['TRAINYARD_JOB']}/fetch"
    token = Path(os.environ["TRAINYARD_TOKEN_FILE"]).read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = Request(address, msgspec.json.encode({"url": url}), headers, method="POST")  # noqa: S310 - our own platform
    try:
        with urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read(), type=Answer)
    except HTTPError as error:
        if error.code in _SERVICE_AWAY:
            raise Away(f"HTTP {error.code}") from None
        raise _refusal(error) from None
    except (OSError, HTTPException, msgspec.DecodeError) as error:
        raise Away(type(error).__name__) from error


def silent(reason: str) -> Unavailable:
    """That the service did not answer for long."""
    host = urlsplit(os.environ.get("TRAINYARD_URL", "")).netloc
    sentence = N_("The platform at {host} did not answer for long: {reason}.")
    hint = N_("Fetch once more: what is in the bucket already is not fetched again.")
    return Unavailable("platform-silent", sentence, hint=hint, host=host, reason=reason)


def _refusal(error: HTTPError) -> UserError:
    with suppress(OSError, ValueError, KeyError, TypeError, msgspec.DecodeError):
        told = msgspec.json.decode(error.read(65536))["error"]
        # a brace in what the service says is no placeholder
        words = {"message": told["message"], "advice": told.get("hint") or ""}
        return UserError(str(told["code"]), "{message}", hint="{advice}", **words)
    return UserError("fetch-refused", N_("The platform answered with HTTP {status}."), status=error.code)
