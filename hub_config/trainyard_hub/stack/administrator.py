"""The first administrator's access token for the machine itself: asked of the Hub, kept 0600, renewed when it stops working."""

from __future__ import annotations

import httpx
from trainyard.errors import Unavailable
from trainyard.words import N_

from trainyard_hub.services import CALL_SERVICE, FIRST_ADMINISTRATOR
from trainyard_hub.settings import Settings
from trainyard_hub.stack.secrets import write_private


def ensure_token(settings: Settings) -> None:
    """Have a working token in ``secrets/administrator-token``; it may call the service and nothing else.

    Raises:
        Unavailable: the Hub gives none (``no-administrator-token``).
    """
    path = settings.home.administrator_token
    with httpx.Client(base_url=settings.hub_api_url, timeout=10, trust_env=False) as client:
        if path.exists():
            answer = client.get("/user", headers=_bearer(path.read_text()))
            if answer.status_code == httpx.codes.OK:
                return
        service = (settings.home.secrets / "service-hub-token").read_text()
        body = {"note": "trainyard on the machine itself", "scopes": [CALL_SERVICE]}
        answer = client.post(f"/users/{FIRST_ADMINISTRATOR}/tokens", json=body, headers=_bearer(service))
        if answer.is_error:
            raise Unavailable(
                "no-administrator-token",
                N_("The Hub gave no access token for this machine: it answered {status}."),
                hint=N_("What happened is in {file}."),
                status=answer.status_code,
                file=str(settings.home.logs / "hub.log"),
            )
        write_private(path, answer.json()["token"])


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.strip()}"}
