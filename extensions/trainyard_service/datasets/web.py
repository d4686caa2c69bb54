"""Pictures on the web, fetched by the service for its people, for the grid and for jobs, which have no network."""

from __future__ import annotations

from threading import Lock

from trainyard.datasets.web import Web

from trainyard_service.context import Context
from trainyard_service.preferences import hosts_of

_PART = "web"
_making = Lock()


def web_of(context: Context) -> Web:
    """The one that fetches for a running service, made at the first question."""
    with _making:
        if _PART not in context.parts:
            context.parts[_PART] = Web(lambda: hosts_of(context))
        made: Web = context.parts[_PART]
        return made


class WebSource:
    """Pictures on the web for one person, as a ``PictureSource``."""

    def __init__(self, context: Context, account_id: int | None) -> None:
        self._context, self._who = context, account_id

    def read(self, url: str) -> bytes:
        """See ``PictureSource``."""
        return web_of(self._context).read(url, self._who)

    def exists(self, url: str) -> bool:
        """See ``PictureSource``."""
        return web_of(self._context).exists(url)
