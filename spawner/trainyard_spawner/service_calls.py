"""The three things the spawner asks the service; no answer is no start. See ``docs/architecture.md``, "Internal calls"."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
from tornado.web import HTTPError
from trainyard.words import N_

SECONDS = 20


class ServiceCalls:
    """The service's internal calls about workspaces, as the Hub."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/internal/workspaces"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def options(self, hub_name: str) -> dict[str, Any]:
        """What the person may choose, and chose last."""
        return await self._call("GET", hub_name, "options")

    async def launch(self, hub_name: str, options: dict[str, Any]) -> dict[str, Any]:
        """Ask for a workspace; the allocation is written before the answer.

        Raises:
            tornado.web.HTTPError: refused with the service's reason, or the service does not answer (503).
        """
        return await self._call("POST", hub_name, "launch", {"options": options})

    async def ended(self, hub_name: str, key: str) -> None:
        """Give back what the workspace held."""
        await self._call("POST", hub_name, "ended", {"key": key})

    async def _call(self, method: str, hub_name: str, what: str, body: Any = None) -> dict[str, Any]:
        url = f"{self._url}/{quote(hub_name, safe='')}/{what}"
        try:
            async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client:
                answer = await client.request(method, url, json=body, headers=self._headers)
        except httpx.TransportError as error:
            raise _refusal(503, N_("The platform's service does not answer; try again in a moment.")) from error
        if answer.is_success:
            content: dict[str, Any] = answer.json() if answer.content else {}
            return content
        raise _refusal(answer.status_code, _reason(answer))


def _refusal(status: int, words: str) -> HTTPError:
    """The Hub shows ``jupyterhub_message`` of a failed spawn to the person."""
    error = HTTPError(status, words)
    error.jupyterhub_message = words  # type: ignore[attr-defined]
    return error


def _reason(answer: httpx.Response) -> str:
    try:
        told = answer.json()["error"]
        return " ".join(part for part in (told["message"], told.get("hint")) if part)
    except (ValueError, KeyError, TypeError):
        return f"The service answered {answer.status_code}."
