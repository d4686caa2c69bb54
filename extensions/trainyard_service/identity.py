"""Who calls: a Hub token or personal access token, a workspace's token, a job's token, or the browser's cookie.

The Hub says whose a token is; state, administrator flag and groups are read from our database at every call, so that a
block or a removal counts at once.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated
from urllib.parse import urlparse

from fastapi import Depends, Request
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection
from trainyard.errors import NotAllowed, NotFound, NotSignedIn
from trainyard.records.accounts import AccountState
from trainyard.records.base import Person
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.context import Context, context_of
from trainyard_service.database.rows import ask
from trainyard_service.database.tables.accounts import AccountRow, GroupRow, MembershipRow

TOKEN_COOKIE = "trainyard-service-token"  # noqa: S105  (the name of a cookie)
XSRF_COOKIE = "trainyard-xsrf"
"""Lies where our pages read it too, under a name that no other server's cookie has."""
JOB_PREFIX = "tyj_"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_COLUMNS = (AccountRow.id, AccountRow.name, AccountRow.state, AccountRow.administrator, AccountRow.language)
_PERSON = (
    select(*_COLUMNS, MembershipRow.group_id, GroupRow.name.label("group_name"))
    .outerjoin(MembershipRow, MembershipRow.account_id == AccountRow.id)
    .outerjoin(GroupRow, GroupRow.id == MembershipRow.group_id)
    .where(AccountRow.id == bindparam("person"))
    .order_by(MembershipRow.since, MembershipRow.group_id)
)
"""Everything of a person that every request asks for, a row for each group."""


@dataclass(frozen=True)
class Caller:
    """Who is calling and what they are: ``administrator`` is already False for restricted and job callers.

    ``groups`` maps the ids of the caller's groups to their names, the one joined first in front. ``job`` and ``training`` are
    set for a job's token. ``reads_all`` is an administrator's browser: it looks at everything and administers nothing.
    """

    id: int
    name: str
    administrator: bool = False
    restricted: bool = False
    language: str = "en"
    groups: Mapping[int, str] = field(default_factory=dict)
    job: str | None = None
    training: str | None = None
    reads_all: bool = False

    @property
    def hub_name(self) -> str:
        """The Hub's name of this person."""
        return f"u{self.id}"

    @property
    def person(self) -> Person:
        """The caller as lists name them."""
        return Person(id=self.id, name=self.name)


def not_signed_in() -> NotSignedIn:
    """The refusal for a request without a valid token."""
    return NotSignedIn(
        "not-signed-in",
        N_("Nobody is signed in, or the token is not valid any more."),
        hint=N_("Sign in, or send an access token as 'Authorization: Bearer <token>'."),
    )


def identify(context: Context, token: str) -> Caller:
    """The caller behind a bearer token.

    Raises:
        NotSignedIn: unknown, expired or revoked token. NotAllowed: the account is blocked or waits for approval.
    """
    if token.startswith(JOB_PREFIX):
        with context.database.read() as session:
            owner = context.job_tokens.owner(session, token)
            if owner is None:
                raise not_signed_in()
            return caller_of(session, owner.account_id, job=owner.job, training=owner.training)
    issued = context.hub.owner(token)
    if issued is None or not issued.hub_name.removeprefix("u").isdecimal():
        raise not_signed_in()
    with context.database.read() as session:
        return caller_of(session, int(issued.hub_name.removeprefix("u")), restricted=issued.restricted)


def caller_of(
    session: Session, account_id: int, *, restricted: bool = False, job: str | None = None, training: str | None = None
) -> Caller:
    """The caller an account is now, from its row.

    Raises:
        NotSignedIn: no such account. NotAllowed: it is blocked or waits for approval.
    """
    rows = ask(session, _PERSON, person=account_id).all()
    if not rows or rows[0].state == AccountState.DELETED:
        raise not_signed_in()
    row = rows[0]
    must_be_active(row.state, row.name)
    whole = not restricted and job is None
    groups = {one.group_id: one.group_name for one in rows if one.group_id is not None}
    return Caller(row.id, row.name, row.administrator and whole, not whole, row.language, groups, job, training)


def must_be_active(state: str, name: str) -> None:
    """Refuse people who wait for approval or are blocked.

    Raises:
        NotAllowed: with the reason.
    """
    if state == AccountState.APPLIED:
        raise NotAllowed(
            "account-waiting",
            N_("The account {name} waits for an administrator's approval."),
            hint=N_("You get a mail when it is decided, if you gave an address."),
            name=name,
        )
    if state != AccountState.ACTIVE:
        raise NotAllowed(
            "account-blocked",
            N_("The account {name} is blocked."),
            hint=N_("Ask an administrator."),
            name=name,
        )


def bearer(connection: HTTPConnection) -> str | None:
    """The token of an ``Authorization`` header (``Bearer`` or JupyterHub's ``token``), if any."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "token") and token.strip() else None


def by_cookie(caller: Caller, connection: HTTPConnection) -> Caller:
    """A browser's cookie may no more than the token of its user's workspace.

    What a workspace serves below ``/user/`` has our own origin, and a script there sends our cookies with whatever Referer it
    likes. The pages administer through their kernels, by a token no script sees; cookies are for bytes: pictures, logs.
    """
    reads = connection.scope.get("method", "GET") in _SAFE_METHODS
    return replace(caller, restricted=True, administrator=False, reads_all=caller.administrator and reads)


def same_site(connection: HTTPConnection) -> bool:
    """Whether a browser says this request comes from our own pages: who says nothing of where it comes from does not."""
    referer = urlparse(connection.headers.get("referer", ""))
    if "/user/" in referer.path:
        return False
    if not same_origin(connection) and ("origin" in connection.headers or not referer.netloc):
        return False
    sent, cookie = connection.headers.get("x-xsrftoken", ""), connection.cookies.get(XSRF_COOKIE, "")
    if cookie and hmac.compare_digest(sent.encode(), cookie.encode()):
        return True
    return connection.headers.get("sec-fetch-site") == "same-origin"


def same_origin(connection: HTTPConnection) -> bool:
    """Whether ``Origin`` is the host it was sent to; browsers send it with websockets and changes, scripts cannot change it."""
    origin = urlparse(connection.headers.get("origin", ""))
    host = connection.headers.get("x-forwarded-host") or connection.headers.get("host", "")
    return bool(origin.netloc) and origin.netloc == host


def known(connection: HTTPConnection) -> Caller:
    """The caller now, by token or cookie, wherever the request comes from; blocking, as it asks database and Hub.

    Raises:
        NotSignedIn, NotAllowed: see ``identify``.
    """
    token = bearer(connection)
    if token is not None:
        return identify(context_of(connection), token)
    return by_cookie(identify(context_of(connection), _cookie_token(connection)), connection)


def signed_in(request: Request) -> Caller:
    """Dependency of every endpoint: the caller, or a refusal."""
    if bearer(request) is None:
        _cookie_token(request)
        if request.method not in _SAFE_METHODS and not same_site(request):
            raise NotAllowed(
                "cross-site",
                N_("This request does not come from one of our own pages."),
                hint=N_("Reload the page and try again."),
            )
    caller = known(request)
    audit.named(request, caller.name)
    return caller


def signed_in_websocket(connection: HTTPConnection) -> Caller:
    """The caller of a websocket. Blocking (database, Hub): call it with ``run_in_threadpool``.

    Raises:
        NotSignedIn, NotAllowed: as for requests; a cookie counts only from our own origin.
    """
    if bearer(connection) is None:
        _cookie_token(connection)
        if not same_origin(connection):
            raise NotAllowed("cross-site", N_("This request does not come from one of our own pages."))
    return known(connection)


def _cookie_token(connection: HTTPConnection) -> str:
    token = connection.cookies.get(TOKEN_COOKIE)
    if not token:
        raise not_signed_in()
    return token


def internal_only(request: Request) -> None:
    """Dependency of ``/internal``: the internal token, straight from this machine; through the proxy there is nothing here.

    Raises:
        NotFound: it came through the proxy. NotSignedIn: the token is wrong.
    """
    if came_through_proxy(request):
        raise NotFound("no-such-address", N_("There is nothing at {path}."), path=request.url.path)
    expected = context_of(request).settings.internal_token.read_text(encoding="ascii").strip()
    if not expected or not hmac.compare_digest((bearer(request) or "").encode(), expected.encode()):
        raise not_signed_in()
    audit.named(request, "hub")


def came_through_proxy(connection: HTTPConnection) -> bool:
    """Whether a proxy forwarded this request (both proxies we run with say so in a header)."""
    return any(name in connection.headers for name in ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"))


CallerDep = Annotated[Caller, Depends(signed_in)]
