"""Signing in: the service keeps the accounts, the Hub asks it.

The Hub's user name is ``u<id>``, so that a new person of an old name inherits nothing. Nobody is an administrator of the Hub
itself: administration happens in the service, and a stolen workspace token then finds no administrator's rights in the Hub.
"""

from __future__ import annotations

from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.orm import new_token
from tornado.web import HTTPError
from traitlets import Instance

from trainyard_hub import lab_files, signup
from trainyard_hub.service_calls import ServiceCalls, ServiceRefusal

WRONG = 401


class TrainyardAuthenticator(Authenticator):  # type: ignore[misc]
    """Asks the service at sign-in, and every ``auth_refresh_age`` seconds whether the person is still welcome."""

    service = Instance(ServiceCalls, help="How to reach the service; set by accounts.update_accounts.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.names: dict[str, str] = {}
        self.administrators: set[str] = set()

    def get_handlers(self, app: Any) -> list[tuple[Any, ...]]:
        """The pages of this authenticator (sign-up, language, style sheet), and the place of JupyterLab's files."""
        return [*signup.handlers(), *lab_files.handlers()]

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """The authentication model of whoever signs in, or None when name or password are wrong.

        Raises:
            HTTPError: the service refuses for another reason; its sentence is shown on the form.
        """
        name, password = data.get("username", ""), data.get("password", "")
        try:
            account = await self.service.login(name, password, handler.request.remote_ip)
        except ServiceRefusal as refusal:
            if refusal.status == WRONG:
                return None
            raise HTTPError(refusal.status, "%s", refusal.text) from refusal
        user = handler.find_user(account["hub_name"])
        if user is not None and await _session(user) not in (None, account["session"]):
            end_sessions(user)
        return self._model(account)

    async def refresh_user(self, user: Any, handler: Any = None) -> bool | dict[str, Any]:
        """False signs out: blocked, gone, or the password was reset. A service that is away signs nobody out."""
        try:
            account = await self.service.account(user.name)
        except ServiceRefusal as refusal:
            return bool(refusal.status != 404)
        if account["state"] != "active":
            end_sessions(user)
            return False
        if await _session(user) not in (None, account["session"]):
            end_sessions(user)
            await user.save_auth_state({"session": account["session"]})
            return False
        return self._model(account | {"hub_name": user.name})

    def _model(self, account: dict[str, Any]) -> dict[str, Any]:
        self.names[account["hub_name"]] = account["name"]
        (self.administrators.add if account["administrator"] else self.administrators.discard)(account["hub_name"])
        return {
            "name": account["hub_name"],
            "admin": False,
            "groups": list(account["groups"]),
            "auth_state": {"session": account["session"]},
        }


async def _session(user: Any) -> int | None:
    state = await user.get_auth_state()
    return state.get("session") if state else None


def end_sessions(user: Any) -> None:
    """Make every cookie the person holds worthless; the service deletes their tokens."""
    user.orm_user.cookie_id = new_token()
    user.db.commit()
