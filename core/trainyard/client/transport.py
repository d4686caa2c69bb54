"""One HTTP connection to the service as somebody: requests, downloads, and refusals as the errors they were."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from trainyard.address import api_address
from trainyard.connection import Connection, find
from trainyard.errors import Invalid, Unavailable, UserError
from trainyard.records.base import STORED
from trainyard.records.monitoring import TENSORBOARD_SECONDS
from trainyard.words import N_

if TYPE_CHECKING:
    from typing import Self

T = TypeVar("T")
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
TENSORBOARD_TIMEOUT = httpx.Timeout(TENSORBOARD_SECONDS + 10, connect=5.0)
"""For what opens a TensorBoard: the service tells in the end why it has not started."""
_STREAM_SECONDS = 40.0
"""The service says something on its stream of events every 15 seconds at least."""
_BLOCK = 1 << 20


class Transport:
    """Requests as the caller of ``connection``; ``language`` is that of refusals and notices."""

    def __init__(self, connection: Connection | None = None, language: str = "en") -> None:
        self.connection = connection or find()
        self.language = language
        headers = {"Authorization": f"Bearer {self.connection.token}", "Accept-Language": language}
        base = api_address(self.connection.url) + "/"
        # the machine's certificates, and SSL_CERT_FILE beside them, are what an organisation's own authority is added to
        trusted = ssl.create_default_context() if base.startswith("https:") else True
        try:
            self._http = httpx.Client(base_url=base, headers=headers, timeout=_TIMEOUT, trust_env=False, verify=trusted)
        except httpx.InvalidURL as error:
            raise self.away(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def root(self) -> str:
        """The platform's own address, without the service's path: what addresses in answers are below."""
        return self.connection.url.partition("/services/")[0].rstrip("/")

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    def one(self, record: type[T], method: str, path: str, **request: Any) -> T:
        """Any route that answers one record; ``request`` is what httpx takes (``json``, ``params``, ``content``)."""
        read: T = self._read(record, self.send(method, path, **request))
        return read

    def many(self, record: type[T], path: str, **request: Any) -> list[T]:
        """Any route that answers a plain list of records."""
        read: list[T] = self._read(list[record], self.send("GET", path, **request))  # type: ignore[valid-type]
        return read

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any route; ``path`` is relative to the API, ``json`` may be a record.

        Raises:
            UserError: what the service refused with. Unavailable: it does not answer, or something else does.
        """
        if isinstance(body := request.get("json"), BaseModel):
            request["json"] = body.model_dump(mode="json")
        try:
            answer = self._http.request(method, path, **request)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise self.away(error) from error
        except UnicodeEncodeError as error:
            raise _not_text() from error
        except ValueError as error:
            # what JSON has no word for: a number that is not finite
            sentence = N_("What you gave cannot be sent: {reason}.")
            raise Invalid("not-json", sentence, hint=N_("JSON has no nan and no inf."), reason=str(error)) from error
        _must_be_right(answer)
        return answer

    def download(self, path: str, target: Path, **query: Any) -> Iterator[int]:
        """Write what ``path`` answers to ``target``, by rename at the end; gives the bytes written so far.

        What is there and is no file of its own (a pipe, a link, ``/dev/stdout`` also of ``> file``) is written into: a rename
        would put it away.
        """
        into = target.is_symlink() or (target.exists() and not target.is_file())
        part = target if into else target.with_name(f".{target.name}.part")
        written = 0
        try:
            with self._http.stream("GET", path, params=query) as answer, part.open("wb") as file:
                if not answer.is_success:
                    answer.read()
                _must_be_right(answer)
                for block in answer.iter_bytes(_BLOCK):
                    written += file.write(block)
                    yield written
            if not into:
                part.replace(target)
        except httpx.TransportError as error:
            raise self.away(error) from error
        except OSError as error:
            # told by the name that was asked for
            error.filename = str(target)
            raise
        finally:
            if not into:
                with suppress(OSError):
                    part.unlink()

    def _chances(self, topic: str, identifier: str, every: float) -> Iterator[None]:
        """Endless: a moment to ask again, whenever that thing may have changed, and at the latest after 15 seconds.

        Told by the stream of events; where there is none (a proxy, a service that restarts), one each ``every`` seconds.
        """
        while True:
            with suppress(httpx.TransportError), self._http.stream("GET", "events", timeout=_STREAM_SECONDS) as answer:
                for line in answer.iter_lines() if answer.is_success else ():
                    if _concerns(line, topic, identifier):
                        yield
            yield
            time.sleep(every)

    def away(self, error: Exception) -> Unavailable:
        """That the platform does not answer, and what to look at: its certificate, or whether it runs at all."""
        hint = N_("Check the address, and whether it is running (`make run`).")
        if "CERTIFICATE" in str(error) or isinstance(error.__cause__, ssl.SSLError):
            hint = N_("Name the file of the authority that signed its certificate in SSL_CERT_FILE.")
        return Unavailable(
            "not-reachable",
            N_("The platform at {url} does not answer: {reason}."),
            hint=hint,
            url=self.connection.url,
            reason=str(error).rstrip(".") or type(error).__name__,
        )

    def _read(self, kind: Any, answer: httpx.Response) -> Any:
        """The answer as records; fields that a newer service adds are left out."""
        try:
            return TypeAdapter(kind).validate_json(answer.content, extra="ignore", context=STORED)
        except ValidationError as error:
            raise Unavailable(
                "not-understood",
                N_("What answers at {url} is not a Trainyard of this version."),
                hint=N_("Check the address; `pip install --upgrade trainyard` renews this program."),
                url=str(answer.url.copy_with(query=None)),
            ) from error


def segment(text: object) -> str:
    """``text`` as one segment of a path."""
    try:
        return quote(str(text), safe="")
    except UnicodeEncodeError as error:
        raise _not_text() from error


def given(**query: Any) -> dict[str, Any]:
    """The values that are not None, as a query or a body."""
    return {name: value for name, value in query.items() if value is not None}


_AWAY = N_("The platform is being started, or a part of it is away (HTTP {status}).")
_TOLD = {
    413: (N_("What was sent is larger than the platform takes at once (HTTP 413)."), ""),
    **dict.fromkeys((502, 503, 504), (_AWAY, N_("Try again in a moment; its logs tell more where it lasts."))),
}
"""What is answered before the service reads a request has no words of its own."""


_SIGN_IN = N_(
    "Run `trainyard login ADDRESS`, or renew the token in TRAINYARD_TOKEN_FILE or TRAINYARD_TOKEN where they are set."
)
"""What the service says instead is for those who send requests themselves."""


def refusal(body: str, status: int) -> UserError:
    """The error the service answered with; its words are in the caller's language already."""
    try:
        told = json.loads(body)["error"]
        words = {name: str(told.get(name) or "") for name in ("message", "hint")}
        code, field, values = str(told["code"]), told.get("field"), {}
    except (ValueError, KeyError, TypeError):
        message, hint = _TOLD.get(status, (N_("The platform answered with HTTP {status}."), ""))
        words, code, field, values = {"message": message, "hint": hint}, f"http-{status}", None, {"status": status}
    if code == "not-signed-in":
        words["hint"] = _SIGN_IN
    # what the service says is filled in already: a brace in a name is no placeholder, which is why values may be empty
    error = (Unavailable if status in (502, 503, 504) else UserError)(
        code, words["message"], hint=words["hint"], field=field, **values
    )
    error.status = status  # type: ignore[misc]
    return error


def _must_be_right(answer: httpx.Response) -> None:
    if answer.is_redirect:
        raise Unavailable(
            "elsewhere",
            N_("{url} sends callers on to {place}."),
            hint=N_("Use that address."),
            url=str(answer.request.url.copy_with(query=None)),
            place=answer.headers.get("location", ""),
        )
    if not answer.is_success:
        raise refusal(answer.text, answer.status_code)


def _not_text() -> Invalid:
    sentence = N_("What you gave is not text in your terminal's encoding.")
    return Invalid("not-text", sentence, hint=N_("Set LANG to a UTF-8 locale such as C.UTF-8."))


def _concerns(line: str, topic: str, identifier: str) -> bool:
    """Whether a line of the stream is about that thing, begins the stream anew, or only says that it is alive."""
    if line.startswith(":"):
        return True
    if not line.startswith("data:"):
        return False
    told = json.loads(line.removeprefix("data:"))
    return told["topic"] in ("hello", "reset") or (told["topic"], str(told["id"])) == (topic, identifier)
