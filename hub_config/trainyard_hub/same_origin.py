"""What people's workspaces serve below ``/user/`` has the Hub's own origin; what a script there may not do to the Hub.

A notebook of somebody else's, opened in one's own workspace, runs scripts that send the Hub's cookies. Three doors are shut:
the Hub's pages, which hold the XSRF token, cannot be read by ``fetch``, nor through a frame or a window that was opened, and
what a workspace answers cannot widen its reach. A domain per person (``JupyterHub.subdomain_host``) needs none of this, but
wildcard DNS.
"""

from __future__ import annotations

from typing import Any

from jupyterhub import _xsrf_utils
from jupyterhub.apihandlers import APIHandler
from jupyterhub.handlers import BaseHandler
from jupyterhub_traefik_proxy.fileprovider import TraefikFileProviderProxy

WORKSPACES = "/user/"
SERVICE_CLIENT = "service-trainyard"
MIDDLEWARE = "workspace-answers"
# an answer with the first takes a service worker out of its folder, one with the second would share our windows, and the third
# would sign people out; an empty value makes Traefik remove the header
REMOVED = ("Service-Worker-Allowed", "Cross-Origin-Opener-Policy", "Clear-Site-Data")
OPENER_POLICY = {"Cross-Origin-Opener-Policy": "same-origin"}
_needs_check = _xsrf_utils._needs_check_xsrf
_user_by_cookie = BaseHandler.get_current_user_cookie


class GuardedRoutes(TraefikFileProviderProxy):  # type: ignore[misc]
    """Traefik takes from a workspace's answers the headers that reach beyond ``/user/<name>/``."""

    def _dynamic_config_for_route(self, routespec: str, target: str, data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        routes, ours = super()._dynamic_config_for_route(routespec, target, data)
        if routespec.startswith(WORKSPACES):
            for router in routes["http"]["routers"].values():
                router["middlewares"] = [MIDDLEWARE]
        return routes, ours


def middlewares() -> dict[str, Any]:
    """Traefik's part of the guard, for its dynamic configuration."""
    return {"http": {"middlewares": {MIDDLEWARE: {"headers": {"customResponseHeaders": dict.fromkeys(REMOVED, "")}}}}}


def needs_check_xsrf(handler: Any) -> bool:
    """JupyterHub 6 lets same-origin requests in mode ``no-cors`` pass, as pictures need; but ``fetch`` reads their answers."""
    fetched = handler.request.headers.get("Sec-Fetch-Dest") == "empty"
    by_cookie = not getattr(handler, "_token_authenticated", False)
    if fetched and by_cookie and handler.request.headers.get("Sec-Fetch-Mode") == "no-cors":
        return True
    return bool(_needs_check(handler))


def user_by_cookie(handler: Any) -> Any:
    """A page of the Hub's, with its XSRF token, is for whoever opens its address; JupyterHub gives it to ``fetch`` too."""
    visited = handler.request.headers.get("Sec-Fetch-Dest", "document") == "document"
    known = visited or isinstance(handler, APIHandler) or _signs_in_to_service(handler)
    return _user_by_cookie(handler) if known else None


def _signs_in_to_service(handler: Any) -> bool:
    """Our pages sign in to the service behind their reader's back; nothing is asked, so no form with a token is drawn."""
    asked: bool = handler.request.path.endswith("/api/oauth2/authorize")
    return asked and str(handler.get_query_argument("client_id", "")) == SERVICE_CLIENT


def update_same_origin(c: Any) -> None:
    """Guard the Hub's own pages and the routes to workspaces."""
    BaseHandler.get_current_user_cookie = user_by_cookie
    _xsrf_utils._needs_check_xsrf = needs_check_xsrf
    c.JupyterHub.tornado_settings = {**c.JupyterHub.tornado_settings, "headers": OPENER_POLICY}
    c.JupyterHub.proxy_class = GuardedRoutes
    c.TraefikProxy.extra_dynamic_config = middlewares()
