"""The four things the spawner asks the service; no answer is no start. See ``docs/architecture.md``, "Internal calls"."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx
from tornado.web import HTTPError
from trainyard.words import N_

SECONDS = 20
WAIT_SECONDS = 120
"""So long a start waits for preemptible jobs to go; the Hub's own limit must be longer."""
_NOT_IN_TIME = N_("That has not happened in time; try again in a moment.")


class ServiceCalls:
    """The service's internal calls about workspaces, as the Hub."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url.rstrip('/')}/api/v1/internal/workspaces"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def options(self, hub_name: str) -> dict[str, Any]:
        """What the person may choose, and chose last."""
        return await self._call("GET", hub_name, "options")

    async def launch(
        self, hub_name: str, options: dict[str, Any], tell: Callable[[str], None] = lambda _words: None
    ) -> dict[str, Any]:
        """Ask for a workspace; the allocation is written before the answer.

        Where the place is on its way the question is asked again until it is there; ``tell`` is given what is waited for.

        Raises:
            tornado.web.HTTPError: refused with the service's reason, or the service does not answer (503), or what was on its
                way has not come (504).
        """
        try:
            return await self._granted(hub_name, options, tell)
        except HTTPError as error:
            if error.status_code >= 500:  # who refuses has granted nothing
                await self._call_off(hub_name)
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._call_off(hub_name))
            raise

    async def _granted(self, hub_name: str, options: dict[str, Any], tell: Callable[[str], None]) -> dict[str, Any]:
        clock = asyncio.get_running_loop().time
        end, told = clock() + WAIT_SECONDS, ""
        while "waiting" in (answer := await self._ask(hub_name, options)):
            if answer["waiting"] != told:
                tell(told := answer["waiting"])
            if clock() > end:
                raise _refusal(504, f"{told} {_NOT_IN_TIME}")
            await asyncio.sleep(answer["again"])
        return answer

    async def _ask(self, hub_name: str, options: dict[str, Any]) -> dict[str, Any]:
        """One question; who gives up waits for its answer nevertheless, since only what was granted can be given back."""
        asked = asyncio.ensure_future(self._call("POST", hub_name, "launch", {"options": options}))
        try:
            return await asyncio.shield(asked)
        except asyncio.CancelledError:
            await asyncio.wait([asked])
            asked.exception()
            raise

    async def _call_off(self, hub_name: str) -> None:
        """Nobody goes on with this start: what it waited for, or was granted a moment ago, is free at once."""
        with suppress(HTTPError):  # the service sees it by itself, should it be away now
            await self._call("POST", hub_name, "called-off")

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
