"""What goes wrong in a page without anybody seeing it: collected from all browsers' windows, told to the test it happened in.

Ours are all pages and scripts of the platform. What JupyterLab and TensorBoard throw in their own scripts is theirs: a
warning, no failure. Our widgets in JupyterLab are ours: it loads them as ``blob:`` modules.
"""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Error, Request, WebError

THEIRS = re.compile(r"/user/|/services/trainyard/api/v1/.*/tensorboard/")
SCRIPT = re.compile(r"(?:blob:)?https?://[^\s)]+")
_WATCHED: list[BrowserContext] = []
_SEEN: list[Problem] = []


@dataclass(frozen=True)
class Problem:
    """One error: in whose window, on which page, and the stack that leads to the line."""

    whose: str
    address: str
    said: str
    stack: str = ""

    def __str__(self) -> str:
        return f"in {self.whose}'s browser at {self.address}: {self.said}\n{self.stack}".rstrip()

    @property
    def is_ours(self) -> bool:
        """Whether one of the scripts it went through is ours; without any, whether the page is."""
        return any(not _is_theirs(script) for script in SCRIPT.findall(self.stack) or [self.address])


def _is_theirs(address: str) -> bool:
    return not address.startswith("blob:") and bool(THEIRS.match(urlsplit(address).path))


def watch(context: BrowserContext, whose: str, origin: str) -> None:
    """Errors in every tab, and requests to anywhere else than ``origin``: no CDN, no news, no counting of visitors."""

    def failed(error: WebError) -> None:
        address = error.page.url if error.page else ""
        _SEEN.append(Problem(whose, address, str(error.error), getattr(error.error, "stack", None) or ""))

    def asked(request: Request) -> None:
        if not request.url.startswith((f"{origin}/", "data:", "blob:", "about:")):
            _SEEN.append(Problem(whose, origin, f"a request left the platform: {request.url}"))

    def closed(context: BrowserContext) -> None:  # Playwright cannot take the list's own method
        _WATCHED.remove(context)

    context.on("weberror", failed)
    context.on("request", asked)
    context.on("close", closed)
    _WATCHED.append(context)


def taken(*, ask: bool = True) -> list[Problem]:
    """Our problems since the last call; others' become warnings. A browser that may hang is not to be asked."""
    with suppress(Error):
        for context in _WATCHED[:1] if ask else ():
            context.cookies()  # what the browser told before this answer has been heard
    found = _SEEN.copy()
    _SEEN.clear()
    for problem in found:
        if not problem.is_ours:
            warnings.warn(f"an error that is not ours {problem}", stacklevel=1)
    return [problem for problem in found if problem.is_ours]
