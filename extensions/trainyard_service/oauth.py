"""Signing a browser in to the service: an OAuth 2 client of the Hub with PKCE, and the cookie that results.

The endpoints follow JupyterHub's documentation of services (``/hub/api/oauth2/authorize`` and ``/oauth2/token``). What must
survive the round trip lies in an encrypted cookie, so that a restart of the service in between does no harm.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any
from urllib.parse import urlencode

import httpx
from cryptography.fernet import Fernet, InvalidToken
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from trainyard.errors import NotAllowed, Unavailable
from trainyard.words import N_

from trainyard_service.context import ContextDep
from trainyard_service.identity import TOKEN_COOKIE, XSRF_COOKIE
from trainyard_service.settings import Settings

router = APIRouter(include_in_schema=False)
_STATE_COOKIE = "trainyard-service-state"
_STATE_SECONDS = 600


def local_path(address: str, otherwise: str) -> str:
    """``address`` if it is a path on this host, else ``otherwise``: never redirect to somebody else's site."""
    plain = address.startswith("/") and not address.startswith(("//", "/\\")) and "\\" not in address
    return address if plain and address.isprintable() else otherwise


def _vault(settings: Settings) -> Fernet:
    secret = settings.hub_token.read_bytes().strip()
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"oauth state" + secret).digest()))


def _redirect_uri(settings: Settings) -> str:
    return f"{settings.base_path}/oauth_callback"


def _cookie_options(request: Request, settings: Settings) -> dict[str, Any]:
    secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
    return {"path": f"{settings.base_path}/", "secure": secure, "samesite": "lax"}


def _beside(settings: Settings) -> str:
    """The path of whatever lies beside the service: the pages too, whose scripts send the XSRF cookie back as a header."""
    return f"{settings.base_path.rpartition('/')[0]}/"


@router.get("/login")
def login(request: Request, context: ContextDep, next: str = "") -> RedirectResponse:
    """Send the browser to the Hub and remember where it wanted to go."""
    settings = context.settings
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": settings.oauth_client_id,
        "redirect_uri": _redirect_uri(settings),
        "response_type": "code",
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    answer = RedirectResponse(f"{settings.hub_path}/api/oauth2/authorize?{urlencode(query)}", 302)
    kept = {"state": state, "verifier": verifier, "next": local_path(next, f"{settings.base_path}/signed-in")}
    sealed = _vault(settings).encrypt(json.dumps(kept).encode()).decode()
    answer.set_cookie(_STATE_COOKIE, sealed, max_age=_STATE_SECONDS, httponly=True, **_cookie_options(request, settings))
    return answer


@router.get("/oauth_callback")
def oauth_callback(request: Request, context: ContextDep, code: str = "", state: str = "") -> RedirectResponse:
    """Where the Hub sends the browser back: change the code for a token and keep it in a cookie."""
    kept = _remembered(request, context.settings)
    if not code or not hmac.compare_digest(str(kept["state"]).encode(), state.encode()):
        raise _expired()
    token = _token_for(context.settings, code, str(kept["verifier"]))
    options = _cookie_options(request, context.settings)
    answer = RedirectResponse(str(kept["next"]), 302)
    answer.set_cookie(TOKEN_COOKIE, token, httponly=True, **options)
    answer.set_cookie(XSRF_COOKIE, secrets.token_urlsafe(24), **{**options, "path": _beside(context.settings)})
    answer.delete_cookie(_STATE_COOKIE, path=options["path"])
    return answer


@router.get("/signed-in")
def signed_in_page() -> dict[str, bool]:
    """Where a page's background sign-in ends."""
    return {"signed_in": True}


@router.get("/logout")
def logout(context: ContextDep) -> RedirectResponse:
    """Forget the service's cookie and let the Hub end the session."""
    answer = RedirectResponse(f"{context.settings.hub_path}/logout", 302)
    answer.delete_cookie(TOKEN_COOKIE, path=f"{context.settings.base_path}/")
    answer.delete_cookie(XSRF_COOKIE, path=_beside(context.settings))
    return answer


def _remembered(request: Request, settings: Settings) -> dict[str, Any]:
    try:
        sealed = request.cookies.get(_STATE_COOKIE, "").encode()
        kept: dict[str, Any] = json.loads(_vault(settings).decrypt(sealed, ttl=_STATE_SECONDS))
    except (InvalidToken, ValueError) as error:
        raise _expired() from error
    return kept


def _expired() -> NotAllowed:
    return NotAllowed("sign-in-expired", N_("This sign-in took too long or began elsewhere."), hint=N_("Sign in again."))


def _token_for(settings: Settings, code: str, verifier: str) -> str:
    body = {
        "client_id": settings.oauth_client_id,
        "client_secret": settings.hub_token.read_text(encoding="ascii").strip(),
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": _redirect_uri(settings),
    }
    try:
        answer = httpx.post(f"{settings.hub_api_url}/oauth2/token", data=body, timeout=10, trust_env=False)
    except httpx.HTTPError as error:
        raise Unavailable("hub-silent", N_("The Hub does not answer now."), hint=N_("Try again in a few seconds.")) from error
    if answer.status_code != httpx.codes.OK:
        raise _expired()
    token: str = answer.json()["access_token"]
    return token
