"""A token directory in memory: the same contract as the Hub's, for tests and tools that run without a Hub."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from trainyard_service.token_directory import IssuedToken, TokenDirectory, TokenOwner


class MemoryDirectory:
    """Tokens kept in dictionaries; ``sign_in`` and ``start_workspace`` do what the Hub does elsewhere."""

    def __init__(self) -> None:
        self._sessions: dict[str, TokenOwner] = {}
        self._issued: dict[str, tuple[str, IssuedToken]] = {}
        self.stopped: list[str] = []

    def sign_in(self, hub_name: str) -> str:
        """A browser session's token."""
        return self._session(TokenOwner(hub_name, restricted=False))

    def start_workspace(self, hub_name: str) -> str:
        """A workspace's token."""
        return self._session(TokenOwner(hub_name, restricted=True))

    def _session(self, owner: TokenOwner) -> str:
        token = secrets.token_hex(16)
        self._sessions[token] = owner
        return token

    def owner(self, token: str) -> TokenOwner | None:
        """See ``TokenDirectory``."""
        if token in self._sessions:
            return self._sessions[token]
        for hub_name, issued in self._issued.values():
            alive = issued.expires is None or issued.expires > datetime.now(UTC)
            if issued.secret == token and alive:
                return TokenOwner(hub_name, restricted=False)
        return None

    def make(self, hub_name: str, name: str, seconds: int) -> IssuedToken:
        """See ``TokenDirectory``."""
        now = datetime.now(UTC)
        issued = IssuedToken(secrets.token_hex(4), name, now, now + timedelta(seconds=seconds), None, secrets.token_hex(16))
        self._issued[issued.id] = (hub_name, issued)
        return issued

    def tokens(self, hub_name: str) -> list[IssuedToken]:
        """See ``TokenDirectory``."""
        mine = (issued for owner, issued in reversed(self._issued.values()) if owner == hub_name)
        return [IssuedToken(one.id, one.name, one.created, one.expires, one.last_used) for one in mine]

    def revoke(self, hub_name: str, token_id: str) -> bool:
        """See ``TokenDirectory``."""
        if self._issued.get(token_id, ("",))[0] != hub_name:
            return False
        del self._issued[token_id]
        return True

    def end_sessions(self, hub_name: str, *, also_tokens: bool) -> None:
        """See ``TokenDirectory``."""
        self._sessions = {t: o for t, o in self._sessions.items() if o.hub_name != hub_name or o.restricted}
        if also_tokens:
            self._issued = {key: kept for key, kept in self._issued.items() if kept[0] != hub_name}

    def shut_out(self, hub_name: str) -> None:
        """See ``TokenDirectory``."""
        self.end_sessions(hub_name, also_tokens=True)
        self._sessions = {token: owner for token, owner in self._sessions.items() if owner.hub_name != hub_name}
        self.stopped.append(hub_name)


_: type[TokenDirectory] = MemoryDirectory
