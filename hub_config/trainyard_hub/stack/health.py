"""Whether each process of the stack is ready, asked of the process itself."""

from __future__ import annotations

import httpx

from trainyard_hub.settings import Settings
from trainyard_hub.stack.processes import Process


class Health:
    """Asks the processes of a stack; a context manager, so that its connections are closed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # our own addresses: an outer proxy has no business here, and a certificate may be made out to another name
        self._client = httpx.Client(timeout=2, trust_env=False, verify=False)  # noqa: S501

    def __enter__(self) -> Health:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def is_well(self, process: Process) -> bool:
        """Whether ``process`` answers 200 where it says that it is well; the proxy is asked for the hub behind it."""
        if process.once:
            return True
        return self._answers(process.health or f"{self._through_proxy()}/hub/health")

    def _through_proxy(self) -> str:
        scheme = "https" if self._settings.tls else "http"
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._settings.host, self._settings.host)  # noqa: S104
        return f"{scheme}://{host}:{self._settings.port}"

    def _answers(self, url: str) -> bool:
        try:
            return self._client.get(url).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False
