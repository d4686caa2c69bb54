"""How the Hub reaches Traefik, which it neither starts nor stops."""

from __future__ import annotations

from typing import Any

import bcrypt

from trainyard_hub.settings import Settings
from trainyard_hub.stack import proxy

USER = "hub"


def update_proxy(c: Any, settings: Settings) -> None:
    """Set an external Traefik that reads its routes from a file."""
    password = (settings.home.secrets / "proxy-password").read_text().strip()
    c.JupyterHub.bind_url = settings.inside_address
    c.Proxy.should_start = False
    c.TraefikProxy.traefik_api_url = settings.proxy_api_url
    c.TraefikProxy.traefik_api_username = USER
    c.TraefikProxy.traefik_api_password = password
    c.TraefikProxy.traefik_api_hashed_password = bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=6)).decode()
    c.TraefikProxy.traefik_entrypoint = proxy.ENTRY_POINT
    c.TraefikFileProviderProxy.dynamic_config_file = str(proxy.routes_file(settings))
    c.TraefikFileProviderProxy.static_config_file = str(proxy.static_file(settings))
    c.TraefikFileProviderProxy.check_route_timeout = 30
