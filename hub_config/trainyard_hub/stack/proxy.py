"""Traefik's static configuration: one public address, its API on loopback, routes from the file the Hub writes.

Traefik reloads that file by itself, so that it serves on while the Hub is away.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainyard_hub.settings import Settings, bracketed
from trainyard_hub.stack.secrets import private_folder, write_private

ENTRY_POINT = "http"
PUBLIC_ENTRY_POINT = "public"
API_ENTRY_POINT = "auth_api"
# what a file's name in a URL may hold; Traefik refuses them unless told (a NUL stays refused)
ENCODED = tuple(f"allowEncoded{sign}" for sign in ("Slash", "BackSlash", "Semicolon", "Percent", "QuestionMark", "Hash"))


def static_file(settings: Settings) -> Path:
    """What Traefik is started with."""
    return settings.home.proxy / "traefik.yaml"


def routes_file(settings: Settings) -> Path:
    """What the Hub writes and Traefik watches; kept over restarts."""
    return settings.home.proxy / "routes" / "hub.toml"


def static_configuration(settings: Settings) -> dict[str, Any]:
    """The whole static configuration as data."""
    # uploads are long requests; idle keep-alive stays at Traefik's default
    patient = {"respondingTimeouts": {"readTimeout": 0}}
    http = {"encodedCharacters": dict.fromkeys(ENCODED, True), "aliasHeadersStrategy": "delete"}
    entrance: dict[str, Any] = {"transport": patient, "http": http}
    entries: dict[str, Any] = {
        ENTRY_POINT: {"address": settings.inside_address.removeprefix("http://"), **entrance},
        API_ENTRY_POINT: {"address": f"127.0.0.1:{settings.inner('proxy_api_port')}", "http": http},
    }
    if settings.has_own_entrance:
        entries[ENTRY_POINT]["forwardedHeaders"] = {"trustedIPs": ["127.0.0.1/32"]}
        entries[PUBLIC_ENTRY_POINT] = {"address": f"{bracketed(settings.host)}:{settings.port}", **entrance}
        if settings.tls:
            entries[PUBLIC_ENTRY_POINT]["http"] = {**http, "tls": {}}
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "WARN", "noColor": True},
        "api": {},
        # it answers there whether or not the Hub does
        "ping": {"entryPoint": API_ENTRY_POINT},
        "entryPoints": entries,
        "providers": {
            "providersThrottleDuration": "0s",
            "file": {"directory": str(routes_file(settings).parent), "watch": True},
        },
    }


def public_entrance(settings: Settings) -> dict[str, Any]:
    """The route from the public entrance, with its certificate, to the plain one; part of the dynamic configuration."""
    router = {"rule": "PathPrefix(`/`)", "entryPoints": [PUBLIC_ENTRY_POINT], "service": "inside"}
    server = {"loadBalancer": {"servers": [{"url": settings.inside_address}], "passHostHeader": True}}
    routes: dict[str, Any] = {"http": {"routers": {"inside": router}, "services": {"inside": server}}}
    if settings.tls:
        pair = {"certFile": str(settings.tls_certificate), "keyFile": str(settings.tls_key)}
        routes["tls"] = {"stores": {"default": {"defaultCertificate": pair}}}
    return routes


def write_configuration(settings: Settings) -> None:
    """Write what Traefik is started with; JSON is YAML."""
    write_private(static_file(settings), json.dumps(static_configuration(settings), indent=1))
    private_folder(routes_file(settings).parent)
    entrance = routes_file(settings).with_name("entrance.yaml")
    if settings.has_own_entrance:
        write_private(entrance, json.dumps(public_entrance(settings), indent=1))
    else:
        entrance.unlink(missing_ok=True)


def command(settings: Settings, programs: Path) -> list[str]:
    """How Traefik is started."""
    return [str(programs / "traefik"), f"--configfile={static_file(settings)}"]
