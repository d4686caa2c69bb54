"""Traefik's static configuration: one public address, its API on loopback, routes from the file the Hub writes.

Traefik reloads that file by itself, so that it serves on while the Hub is away.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainyard_hub.settings import Settings
from trainyard_hub.stack.secrets import write_private


def static_file(settings: Settings) -> Path:
    """What Traefik is started with."""
    return settings.home.proxy / "traefik.yaml"


def routes_file(settings: Settings) -> Path:
    """What the Hub writes and Traefik watches; kept over restarts."""
    return settings.home.proxy / "routes.toml"


def entry_point(settings: Settings) -> str:
    """The name of the public entry point, as jupyterhub-traefik-proxy derives it from the public URL."""
    return "https" if settings.tls else "http"


def static_configuration(settings: Settings) -> dict[str, Any]:
    """The whole static configuration as data."""
    public: dict[str, Any] = {
        "address": f"{settings.host}:{settings.port}",
        # uploads are long requests; idle keep-alive stays at Traefik's default
        "transport": {"respondingTimeouts": {"readTimeout": 0}},
    }
    if settings.tls:
        public["http"] = {"tls": {"options": "default"}}
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN"},
        "api": {},
        "entryPoints": {
            entry_point(settings): public,
            "auth_api": {"address": f"127.0.0.1:{settings.inner('proxy_api_port')}"},
        },
        "providers": {
            "providersThrottleDuration": "0s",
            "file": {"filename": str(routes_file(settings)), "watch": True},
        },
    }


def write_configuration(settings: Settings) -> None:
    """Write what Traefik is started with; JSON is YAML."""
    write_private(static_file(settings), json.dumps(static_configuration(settings), indent=1))
    routes = routes_file(settings)
    if not routes.exists():
        write_private(routes, "")


def command(settings: Settings, programs: Path) -> list[str]:
    """How Traefik is started."""
    return [str(programs / "traefik"), f"--configfile={static_file(settings)}"]
