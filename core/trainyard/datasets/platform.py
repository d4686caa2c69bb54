"""Objects of a bucket for a job of the platform: fetched through the service with the job's own token.

No key of a storage space ever comes into a sandbox, and a sandbox needs no way to the store. urllib's client is loaded at
the first object: most jobs read files only, and it takes a tenth of their start.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from trainyard.address import api_address
from trainyard.datasets.sources import MAX_PICTURE, PictureProblem
from trainyard.words import N_

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from urllib.error import HTTPError

_SECONDS = 60


def on_platform() -> bool:
    """Whether this process is a job that may ask the platform."""
    return all(os.environ.get(name) for name in ("TRAINYARD_URL", "TRAINYARD_JOB", "TRAINYARD_TOKEN_FILE"))


def open_object(key: str) -> HTTPResponse:
    """The object at ``key`` (a key in the owner's bucket, or a ``s3://`` url of it), as it comes.

    Raises:
        urllib.error.HTTPError: the platform refuses. OSError: it does not answer.
    """
    from urllib.request import Request, urlopen

    query = urlencode({"key": key})
    address = f"{api_address(os.environ['TRAINYARD_URL'])}/jobs/{os.environ['TRAINYARD_JOB']}/object?{query}"
    token = Path(os.environ["TRAINYARD_TOKEN_FILE"]).read_text().strip()
    request = Request(address, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own platform
    answer: HTTPResponse = urlopen(request, timeout=_SECONDS)  # noqa: S310
    return answer


def reason_of(error: HTTPError) -> str:
    """Why the platform refused, in its own words."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return str(json.loads(error.read(65536))["error"]["message"])
    return f"HTTP {error.code}"


class PlatformSource:
    """Pictures in the dataset owner's bucket, as a ``PictureSource``."""

    def read(self, url: str) -> bytes:
        """The bytes of the object; at most one byte above the limit is fetched."""
        try:
            with open_object(url) as answer:
                data = answer.read(MAX_PICTURE + 1)
        except OSError as error:
            raise _problem_of(error) from error
        if len(data) > MAX_PICTURE:
            raise PictureProblem("picture-bytes", N_("The file has more than {limit} bytes."), limit=MAX_PICTURE)
        return data

    def exists(self, url: str) -> bool:
        """Whether the platform hands it out."""
        try:
            open_object(url).close()
        except OSError:
            return False
        return True


def _problem_of(error: OSError) -> PictureProblem:
    from urllib.error import HTTPError

    if not isinstance(error, HTTPError):
        reason = type(error).__name__
        return PictureProblem("store-unavailable", N_("The store does not answer: {reason}."), reason=reason)
    code = "picture-missing" if error.code == 404 else "picture-forbidden"
    return PictureProblem(code, N_("The bucket does not hand the object out: {reason}"), reason=reason_of(error))
