"""Who may do what in the Hub: people open service and pages, the service sees to tokens and workspaces, nobody administers."""

from __future__ import annotations

from typing import Any

from trainyard_hub.services import CALL_SERVICE, OPEN_PAGES

RESTRICTED = "custom:trainyard:restricted"


def update_roles(c: Any) -> None:
    """Define our scope and the roles."""
    c.JupyterHub.custom_scopes = {
        RESTRICTED: {"description": "A workspace's token: its user's rights less approval, quotas, keys and administration"}
    }
    c.JupyterHub.load_roles = [
        {
            "name": "user",
            "description": "People: themselves, the service and the pages",
            "scopes": ["self", CALL_SERVICE, OPEN_PAGES, RESTRICTED],
        },
        {
            "name": "trainyard-service",
            "description": "The platform service: who a token belongs to, access tokens, starting and stopping workspaces",
            "scopes": ["read:users", "list:users", "tokens", "servers", "delete:servers", "read:servers", CALL_SERVICE],
            "services": ["trainyard"],
        },
    ]
