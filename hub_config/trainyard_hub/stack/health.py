"""Whether each process of the stack is ready, asked of the process itself."""

from __future__ import annotations

import httpx

from trainyard_hub.settings import Settings
from trainyard_hub.stack.processes import Process

_BEHIND_THE_PROXY = ("/hub/health", "/services/trainyard/api/docs", "/services/pages/health")
"""The Hub tells the proxy the ways to the services a moment after it is up; until then they lead to the Hub."""


class Health:
    """Asks the processes of a stack; a context manager, so that its connections are closed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # our own addresses: an outer proxy has no business here
        self._client = httpx.Client(timeout=2, trust_env=False)

    def __enter__(self) -> Health:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def is_well(self, process: Process) -> bool:
        """Whether ``process`` answers 200 where it says that it is well; the proxy is asked for all that is behind it."""
        if process.once:
            return True
        public = [f"{self._settings.inside_address}{path}" for path in _BEHIND_THE_PROXY]
        return all(map(self._answers, [process.health] if process.health else public))

    def _answers(self, url: str) -> bool:
        try:
            return self._client.get(url).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False
