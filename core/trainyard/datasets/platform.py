"""Objects of a bucket for a job of the platform: fetched through the service with the job's own token.

No key of a storage space ever comes into a sandbox, and a sandbox needs no way to the store. urllib's client is loaded at
the first object: most jobs read files only, and it takes a tenth of their start.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from trainyard.address import api_address
from trainyard.datasets.sources import MAX_PICTURE, FolderSource, PictureProblem, Sources
from trainyard.words import N_

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.error import HTTPError

T = TypeVar("T")
_SECONDS = 60
_BLOCK = 1 << 20
_PARTIAL = 206
# between two questions: of a service that does not answer at all, and of one that says the store is busy
_AWAY_SECONDS = (0.5, 1, 2, 4, 8, 8, 8, 8, 8, 8)
_BUSY_SECONDS = (0.5, 1, 2, 4, 0, 0, 0, 0, 0, 0)


def on_platform() -> bool:
    """Whether this process is a job that may ask the platform."""
    return all(os.environ.get(name) for name in ("TRAINYARD_URL", "TRAINYARD_JOB", "TRAINYARD_TOKEN_FILE"))


class Received(NamedTuple):
    """A block of an object: the place (from 0) behind it, how many bytes there are, and the object's mark (see ``Known``)."""

    block: bytes
    done: int
    total: int
    mark: str = ""

    @property
    def start(self) -> int:
        """The place of its first byte."""
        return self.done - len(self.block)


class Known(NamedTuple):
    """What is had of an object already: so many bytes of the one with this mark, which it loses when it is written anew."""

    bytes: int = 0
    mark: str = ""


def object_blocks(key: str, known: Known = Known()) -> Generator[Received, None, None]:
    """The object at ``key`` (a key in the owner's bucket, or a ``s3://`` url of it) as it comes: all of it, or a problem.

    It begins behind what is ``known`` if that is still the same object, else at its beginning; the first block tells.

    Raises:
        PlatformProblem: the platform refuses, does not answer, or stops midway.
    """
    rest = {"Range": f"bytes={known.bytes}-", "If-Range": known.mark} if known.bytes and known.mark else {}
    with _in_words():
        with _open("object", rest, key=key) as answer:
            told, done = answer.headers.get("Content-Length"), known.bytes if answer.status == _PARTIAL else 0
            total, mark = done + int(told or 0), answer.headers.get("ETag", "").removesuffix('""')
            while block := answer.read(_BLOCK):
                done += len(block)
                yield Received(block, done, max(total, done), mark)
        if told and done != total:
            raise cut_off()


def keys_below(prefix: str, after: str) -> dict[str, Any]:
    """A page of the keys below a prefix of the owner's bucket: ``bucket``, ``keys``, and ``after`` for the next (or None).

    Raises:
        PlatformProblem: the platform refuses, or does not answer.
    """
    with _in_words(), _open("objects", {}, prefix=prefix, after=after) as answer:
        page: dict[str, Any] = json.loads(answer.read())
        return page


def asked_again(question: Callable[[], T]) -> T:
    """What ``question`` gives; a service that restarts is waited for, a store or server that is busy is asked again.

    Raises:
        PlatformProblem: the last one, after about a minute of silence or some seconds of a busy store.
    """
    for away, busy in zip(_AWAY_SECONDS, _BUSY_SECONDS, strict=True):
        try:
            return question()
        except PlatformProblem as problem:
            pause = busy if problem.status else away
            if not problem.again or not pause:
                raise
            time.sleep(pause)
    return question()


class PlatformSource:
    """Pictures that the service reads for a job, in buckets and on the web, as a ``PictureSource``."""

    def read(self, url: str) -> bytes:
        """The bytes of the object; a service that restarts is waited for, a store or server that is busy is asked again."""
        return asked_again(lambda: _read(url))

    def exists(self, url: str) -> bool:
        """Whether the platform hands it out."""
        try:
            _open("object", {}, key=url).close()
        except OSError:
            return False
        return True


def platform_sources(folders: FolderSource) -> Sources:
    """Every picture of a list for a job: files it sees itself, everything else through the service."""
    if not on_platform():
        return Sources(folders)
    platform = PlatformSource()
    return Sources(folders, platform, platform)


class PlatformProblem(PictureProblem):
    """Why the service hands out nothing. ``status`` is 0 when it is silent; ``again``: it may be there later."""

    def __init__(self, code: str, message: str, *, status: int = 0, **values: Any) -> None:
        super().__init__(code, message, **values)
        self.status = status
        self.again = status in (0, 429, 502, 503, 504)


def cut_off() -> PlatformProblem:
    """The problem of an answer that ended before its end: urllib says nothing of it."""
    return PlatformProblem("store-unavailable", N_("The store does not answer: {reason}."), reason="it stopped midway")


def _read(url: str) -> bytes:
    with _in_words(), _open("object", {}, key=url) as answer:
        data = answer.read(MAX_PICTURE + 1)
        told = int(answer.headers.get("Content-Length") or len(data))
    if len(data) > MAX_PICTURE:
        raise PictureProblem("picture-bytes", N_("The file has more than {limit} bytes."), limit=MAX_PICTURE)
    if len(data) != told:
        raise cut_off()
    return data


def _open(what: str, headers: dict[str, str], **query: str) -> HTTPResponse:
    """What the platform answers this job about an object, or about several.

    Raises:
        urllib.error.HTTPError: the platform refuses. OSError: it does not answer.
    """
    from urllib.request import Request, urlopen

    address = f"{api_address(os.environ['TRAINYARD_URL'])}/jobs/{os.environ['TRAINYARD_JOB']}/{what}?{urlencode(query)}"
    token = Path(os.environ["TRAINYARD_TOKEN_FILE"]).read_text().strip()
    request = Request(address, headers={"Authorization": f"Bearer {token}", **headers})  # noqa: S310 - our own platform
    answer: HTTPResponse = urlopen(request, timeout=_SECONDS)  # noqa: S310
    return answer


@contextmanager
def _in_words() -> Iterator[None]:
    """Raises:
    PlatformProblem: whatever the network, the service or the store has against it.
    """
    from http.client import HTTPException

    try:
        yield
    except (OSError, HTTPException) as error:
        raise _problem_of(error) from error


def _problem_of(error: Exception) -> PlatformProblem:
    from urllib.error import HTTPError

    if not isinstance(error, HTTPError):
        reason = type(error).__name__
        return PlatformProblem("platform-silent", N_("The platform does not answer: {reason}."), reason=reason)
    code, reason = _told(error)
    return PlatformProblem(code, N_("The platform does not hand the picture out: {reason}"), status=error.code, reason=reason)


def _told(error: HTTPError) -> tuple[str, str]:
    """The code and the sentence of a refusal."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        told = json.loads(error.read(65536))["error"]
        return str(told["code"]), str(told["message"])
    return "picture-missing" if error.code == 404 else "picture-forbidden", f"HTTP {error.code}"
