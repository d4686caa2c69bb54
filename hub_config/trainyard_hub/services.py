"""The platform service and the pages, registered with the Hub as external services with tokens of their own."""

from __future__ import annotations

from typing import Any

from trainyard_hub.settings import Settings

CALL_SERVICE = "access:services!service=trainyard"
OPEN_PAGES = "access:services!service=pages"
FIRST_ADMINISTRATOR = "u1"


def update_services(c: Any, settings: Settings) -> None:
    """Register both; a browser is not asked whether our own services may know who it is."""
    secrets = settings.home.secrets
    c.JupyterHub.services = [
        {
            "name": "trainyard",
            "url": settings.service_url.removesuffix("/services/trainyard"),
            "api_token": (secrets / "service-hub-token").read_text().strip(),
            "oauth_client_id": "service-trainyard",
            "oauth_redirect_uri": "/services/trainyard/oauth_callback",
            "oauth_client_allowed_scopes": [CALL_SERVICE],
            "oauth_no_confirm": True,
            "display": False,
        },
        {
            "name": "pages",
            "url": settings.pages_url,
            "api_token": (secrets / "pages-hub-token").read_text().strip(),
            "oauth_client_id": "service-pages",
            "oauth_redirect_uri": "/services/pages/oauth_callback",
            # a page's kernel calls the service with its viewer's token
            "oauth_client_allowed_scopes": [OPEN_PAGES, CALL_SERVICE],
            "oauth_no_confirm": True,
            "display": False,
        },
    ]
