"""Who a token belongs to: the seam to JupyterHub, with an implementation over its REST API and one in memory.

The in-memory directory keeps the same contract (``tests/service/test_token_directory.py`` runs over both); the service's
tests use it, so that they need not start a Hub each.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

ACCESS_SCOPE = "access:services!service=trainyard"
RESTRICTED_SCOPE = "custom:trainyard:restricted"


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True)
class TokenOwner:
    """What the Hub says about a token: whose it is, and whether it is a workspace's (``restricted``)."""

    hub_name: str
    restricted: bool


@dataclass(frozen=True)
class IssuedToken:
    """A personal access token as the Hub keeps it; ``secret`` only when just made."""

    id: str
    name: str
    created: datetime
    expires: datetime | None
    last_used: datetime | None
    secret: str | None = None


class TokenDirectory(Protocol):
    """The Hub as the service sees it. All calls may raise ``Unavailable`` when the Hub does not answer."""

    def owner(self, token: str) -> TokenOwner | None:
        """Whose token this is, or None when it is unknown, expired, revoked or may not call the service."""
        ...

    def make(self, hub_name: str, name: str, seconds: int) -> IssuedToken:
        """Make a personal access token that ends after ``seconds``."""
        ...

    def tokens(self, hub_name: str) -> list[IssuedToken]:
        """The person's personal access tokens, the newest first."""
        ...

    def revoke(self, hub_name: str, token_id: str) -> bool:
        """End a personal access token; False when there is none of that id."""
        ...

    def end_sessions(self, hub_name: str, *, also_tokens: bool) -> None:
        """End browser sessions, with ``also_tokens`` personal access tokens too. A running workspace keeps its own token."""
        ...

    def shut_out(self, hub_name: str) -> None:
        """End every token and stop the person's workspace."""
        ...


@dataclass(frozen=True)
class JobOwner:
    """Whom a job's token stands for: the job, its training (if it is one) and the account it belongs to."""

    account_id: int
    job: str
    training: str | None


class JobTokens(Protocol):
    """Knows the tokens of running attempts (``tyj_…``)."""

    def owner(self, session: Session, token: str) -> JobOwner | None:
        """Whose attempt this token belongs to, or None when that attempt has ended."""
        ...


class NoJobTokens:
    """A service without jobs knows no job's token."""

    def owner(self, session: Session, token: str) -> JobOwner | None:
        return None
