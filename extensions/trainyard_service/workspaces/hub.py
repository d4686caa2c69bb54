"""Starting and stopping a person's server through the Hub's API, with the service's own token."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import httpx
from trainyard.errors import Conflict, Unavailable, UserError
from trainyard.words import N_

from trainyard_service.context import Context


class HubServers(Protocol):
    """The calls the Hub must offer."""

    def start(self, hub_name: str, options: Mapping[str, Any]) -> None:
        """Start the server; returns when the start is under way."""
        ...

    def stop(self, hub_name: str) -> None:
        """Stop the server; fine when there is none."""
        ...

    def last_activity(self, hub_name: str) -> datetime | None:
        """When the person's server was last heard of; None when the Hub does not say."""
        ...


class HubApi:
    """``HubServers`` over the Hub's REST API."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def start(self, hub_name: str, options: Mapping[str, Any]) -> None:
        """See ``HubServers``."""
        answer = self._send("POST", hub_name, json=dict(options))
        if answer.status_code >= 400:
            raise _refusal(answer)

    def stop(self, hub_name: str) -> None:
        """See ``HubServers``."""
        answer = self._send("DELETE", hub_name)
        if answer.status_code >= 400 and answer.status_code != 404:
            raise _refusal(answer)

    def last_activity(self, hub_name: str) -> datetime | None:
        """See ``HubServers``."""
        try:
            answer = self._send("GET", hub_name, "")
            told = answer.json()["servers"][""]["last_activity"] if answer.status_code == 200 else None
            return datetime.fromisoformat(told) if told else None
        except (Unavailable, KeyError, TypeError, ValueError):
            return None

    def _send(self, method: str, hub_name: str, what: str = "/server", **more: Any) -> httpx.Response:
        settings = self._context.settings
        token = settings.hub_token.read_text(encoding="ascii").strip()
        url = f"{settings.hub_api_url.rstrip('/')}/users/{hub_name}{what}"
        try:
            return httpx.request(method, url, headers={"Authorization": f"token {token}"}, timeout=60, trust_env=False, **more)
        except httpx.TransportError:
            raise Unavailable("hub-away", N_("The Hub does not answer."), hint=N_("Try again in a moment.")) from None


def _refusal(answer: httpx.Response) -> UserError:
    try:
        reason = str(answer.json().get("message", ""))
    except ValueError:
        reason = ""
    return Conflict("workspace-refused", N_("The Hub refuses: {reason}"), reason=reason or f"HTTP {answer.status_code}")
