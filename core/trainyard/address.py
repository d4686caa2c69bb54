"""Where the REST API is, given what a person or an environment variable says the platform is."""

from __future__ import annotations

SERVICE = "/services/trainyard"
API = "/api/v1"


def api_address(url: str) -> str:
    """The API's base address for the platform at ``url``; its root, the service's root and the API itself are understood."""
    base = url.rstrip("/")
    if base.endswith(API):
        return base
    return base + API if base.endswith(SERVICE) else base + SERVICE + API
