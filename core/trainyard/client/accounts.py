"""Who is calling, their notices and tokens, and what administrators decide about people."""

from __future__ import annotations

from typing import Any

from trainyard.client.transport import Transport, segment
from trainyard.records.accounts import AccessToken, Account, AuditEntry, Me, NewAccessToken, Notice
from trainyard.records.base import Page
from trainyard.records.disk import AccountDeletion


class Accounts(Transport):
    """``/me``, ``/notices``, ``/tokens``, ``/accounts`` and ``/audit``."""

    def me(self) -> Me:
        """Who is calling."""
        return self.one(Me, "GET", "me")

    def change_language(self, language: str) -> Me:
        """The language of the caller's pages and notices: ``en`` or ``zh``."""
        return self.one(Me, "PATCH", "me", json={"language": language})

    def change_password(self, old: str, new: str) -> None:
        """Another password for the caller."""
        self.send("POST", "me/password", json={"old": old, "new": new})

    def notices(self, **query: Any) -> Page[Notice]:
        """The caller's notices, the newest first; ``offset``, ``limit``."""
        return self.one(Page[Notice], "GET", "notices", params=query)

    def read_notices(self) -> None:
        """Mark all of them as read."""
        self.send("POST", "notices/read")

    def tokens(self) -> list[AccessToken]:
        """The caller's personal access tokens, without their secrets."""
        return self.many(AccessToken, "tokens")

    def create_token(self, name: str, days: int = 90) -> AccessToken:
        """Make a token; ``secret`` is in this one answer only."""
        return self.one(AccessToken, "POST", "tokens", json=NewAccessToken(name=name, days=days))

    def revoke_token(self, token: str) -> None:
        """End a token."""
        self.send("DELETE", f"tokens/{segment(token)}")

    def accounts(self, **query: Any) -> Page[Account]:
        """People, for administrators; ``state``, ``search``, ``offset``, ``limit``."""
        return self.one(Page[Account], "GET", "accounts", params=query)

    def approve(self, account: int, group: str | None = None) -> Account:
        """Let an applicant in, into ``group`` or into none."""
        return self._decide(account, "approve", {"group": group})

    def refuse(self, account: int, reason: str = "") -> Account:
        """Refuse an application; the person reads ``reason``."""
        return self._decide(account, "refuse", {"reason": reason})

    def block(self, account: int) -> Account:
        """Shut somebody out; what they run stops at once."""
        return self._decide(account, "block")

    def unblock(self, account: int) -> Account:
        """Let somebody in again."""
        return self._decide(account, "unblock")

    def set_administrator(self, account: int, administrator: bool) -> Account:
        """Make somebody an administrator, or no longer one."""
        return self._decide(account, "administrator", {"administrator": administrator})

    def set_password(self, account: int, new: str) -> Account:
        """Another password for somebody who forgot theirs."""
        return self._decide(account, "password", {"new": new})

    def deletion(self, account: int) -> AccountDeletion:
        """What deleting an account would take away and leave; changes nothing."""
        return self.one(AccountDeletion, "GET", f"accounts/{account}/deletion")

    def delete_account(self, account: int) -> AccountDeletion:
        """Delete an account: what is the person's alone goes, what groups work with stays under another name."""
        return self.one(AccountDeletion, "DELETE", f"accounts/{account}")

    def audit(self, **query: Any) -> Page[AuditEntry]:
        """Who did what, the newest first; ``who``, ``action``, ``offset``, ``limit``."""
        return self.one(Page[AuditEntry], "GET", "audit", params=query)

    def _decide(self, account: int, action: str, body: dict[str, Any] | None = None) -> Account:
        request = {} if body is None else {"json": body}
        return self.one(Account, "POST", f"accounts/{account}/{action}", **request)
