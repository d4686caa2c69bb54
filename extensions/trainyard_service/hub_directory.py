"""The Hub's REST API as the token directory; answers about a token are kept at most ten seconds, keyed by its hash."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from trainyard.errors import Unavailable
from trainyard.words import N_

from trainyard_service.token_directory import (
    ACCESS_SCOPE,
    RESTRICTED_SCOPE,
    IssuedToken,
    TokenDirectory,
    TokenOwner,
    token_hash,
)

_KEPT_SECONDS = 10.0
_MOST_KEPT = 10_000
# stopping, stopped, no such person, was not running
_STOPPED = frozenset({httpx.codes.ACCEPTED, httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND, httpx.codes.BAD_REQUEST})
_NOTE = "trainyard: "
_MACHINE = "trainyard on the machine itself"  # the stack's own token of the first administrator


class HubDirectory:
    """Talks to one Hub with the service's own API token (read from its file at every call: it may be renewed)."""

    def __init__(self, api_url: str, token_file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._token_file = token_file
        self._clock = clock
        self._client = httpx.Client(base_url=api_url.rstrip("/"), timeout=10, trust_env=False)
        self._kept: dict[str, tuple[float, TokenOwner | None]] = {}
        self._lock = threading.Lock()

    def owner(self, token: str) -> TokenOwner | None:
        """See ``TokenDirectory``."""
        key = token_hash(token)
        with self._lock:
            kept = self._kept.get(key)
        if kept and self._clock() - kept[0] < _KEPT_SECONDS:
            return kept[1]
        asked = self._clock()
        answer = self._send("GET", "/user", token=token)
        known = answer.status_code == httpx.codes.OK
        if not known and not self._knows_us():
            raise _silent()
        owner = _owner(answer.json()) if known else None
        with self._lock:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = (asked, owner)
        return owner

    def _knows_us(self) -> bool:
        """A Hub that cannot use its database (its disk is full) answers 403 to whoever asks, as if no token were right."""
        return self._send("GET", "/user").status_code == httpx.codes.OK

    def make(self, hub_name: str, name: str, seconds: int) -> IssuedToken:
        """See ``TokenDirectory``."""
        body = {"note": f"{_NOTE}{name}", "expires_in": seconds, "scopes": [ACCESS_SCOPE]}
        answer = self._send("POST", f"/users/{hub_name}/tokens", json=body)
        if answer.status_code != httpx.codes.CREATED:
            raise _refused(answer)
        return _issued(answer.json())

    def tokens(self, hub_name: str) -> list[IssuedToken]:
        """See ``TokenDirectory``."""
        ours = [model for model in self._all_tokens(hub_name) if (model.get("note") or "").startswith(_NOTE)]
        return sorted((_issued(model) for model in ours), key=lambda token: (token.created, token.id), reverse=True)

    def revoke(self, hub_name: str, token_id: str) -> bool:
        """See ``TokenDirectory``."""
        if token_id not in {token.id for token in self.tokens(hub_name)}:
            return False
        self._delete_token(hub_name, token_id)
        return True

    def end_sessions(self, hub_name: str, *, also_tokens: bool) -> None:
        """See ``TokenDirectory``. A workspace's own token is kept: its note is the Hub's ``Server at …``."""
        for model in self._all_tokens(hub_name):
            note = model.get("note") or ""
            if note.startswith("Server at") or (note.startswith((_NOTE, _MACHINE)) and not also_tokens):
                continue
            self._delete_token(hub_name, model["id"])

    def shut_out(self, hub_name: str) -> None:
        """See ``TokenDirectory``."""
        for model in self._all_tokens(hub_name):
            self._delete_token(hub_name, model["id"])
        answer = self._send("DELETE", f"/users/{hub_name}/server")
        if answer.status_code not in _STOPPED:
            raise _refused(answer)

    def _delete_token(self, hub_name: str, token_id: str) -> None:
        answer = self._send("DELETE", f"/users/{hub_name}/tokens/{token_id}")
        if answer.status_code not in (httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND):
            raise _refused(answer)
        with self._lock:
            self._kept.clear()

    def _all_tokens(self, hub_name: str) -> list[dict[str, Any]]:
        answer = self._send("GET", f"/users/{hub_name}/tokens")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        if answer.status_code != httpx.codes.OK:
            raise _refused(answer)
        models: list[dict[str, Any]] = answer.json()["api_tokens"]
        return models

    def _send(self, method: str, path: str, *, token: str | None = None, json: Any = None) -> httpx.Response:
        used = token or self._token_file.read_text(encoding="ascii").strip()
        try:
            answer = self._client.request(method, path, json=json, headers={"Authorization": f"token {used}"})
        except httpx.HTTPError as error:
            raise _silent() from error
        if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise _silent()
        return answer


def _owner(model: dict[str, Any]) -> TokenOwner | None:
    scopes = set(model.get("scopes", ()))
    allowed = ACCESS_SCOPE in scopes or "access:services" in scopes
    if model.get("kind") != "user" or not allowed:
        return None
    return TokenOwner(model["name"], RESTRICTED_SCOPE in scopes)


def _issued(model: dict[str, Any]) -> IssuedToken:
    return IssuedToken(
        id=str(model["id"]),
        name=str(model.get("note", "")).removeprefix(_NOTE),
        created=datetime.fromisoformat(model["created"]),
        expires=datetime.fromisoformat(model["expires_at"]) if model.get("expires_at") else None,
        last_used=datetime.fromisoformat(model["last_activity"]) if model.get("last_activity") else None,
        secret=model.get("token"),
    )


def _silent() -> Unavailable:
    return Unavailable("hub-silent", N_("The Hub does not answer now."), hint=N_("Try again in a few seconds."))


def _refused(answer: httpx.Response) -> Unavailable:
    return Unavailable(
        "hub-refused",
        N_("The Hub refused this with status {status}."),
        hint=N_("Tell an administrator: the service's role in the Hub may lack a scope."),
        status=answer.status_code,
    )


_: type[TokenDirectory] = HubDirectory
