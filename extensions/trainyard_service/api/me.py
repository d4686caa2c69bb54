"""The caller: who they are, language, password, notices and personal access tokens."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from trainyard.errors import Invalid, NotFound
from trainyard.records.accounts import AccessToken, AccountState, Me, NewAccessToken, Notice
from trainyard.records.base import Page, Record
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.accounts import membership, notices, passwords, people, throttle
from trainyard_service.api.groups import usage
from trainyard_service.api.paging import WindowDep, rows_and_total
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import ContextDep
from trainyard_service.database.tables.accounts import AccountRow, GroupRow, NoticeRow
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.datasets.access import readable
from trainyard_service.events import Audience, announce
from trainyard_service.identity import Caller, CallerDep
from trainyard_service.language import LanguageDep
from trainyard_service.permissions import must_be_unrestricted, must_not_be_job
from trainyard_service.token_directory import IssuedToken

router = APIRouter(tags=["me"], route_class=AuditedRoute)
_DAY = 86_400


class MeChange(Record):
    """In which language notices and mails are written."""

    language: Literal["en", "zh"]


class PasswordChange(Record):
    """The old password and the new one."""

    old: str
    new: str


@router.get("/me")
def me(context: ContextDep, caller: CallerDep) -> Me:
    """Who is calling and what to do next."""
    with context.database.read() as session:
        return _me(session, caller)


def _me(session: Session, caller: Caller) -> Me:
    # the one joined first in front: it pays where nobody chooses
    order = [*caller.groups]
    groups = sorted(session.scalars(select(GroupRow).where(GroupRow.id.in_(order))), key=lambda row: order.index(row.id))
    storage = session.get(StorageRow, caller.id)
    unread = select(func.count()).where(NoticeRow.account_id == caller.id, NoticeRow.read.is_(False))
    waiting = select(func.count()).where(AccountRow.state == AccountState.APPLIED)
    return Me(
        id=caller.id,
        name=caller.name,
        administrator=caller.administrator,
        restricted=caller.restricted,
        language=caller.language,
        groups=[membership.view(row, usage(session)) for row in groups],
        storage=storage.bucket if storage else None,
        unread_notices=session.scalar(unread) or 0,
        applications_waiting=(session.scalar(waiting) or 0) if caller.administrator else 0,
        next_step=_next_step(session, caller, bound=storage is not None),
    )


def _next_step(session: Session, caller: Caller, *, bound: bool) -> str:
    """What a newcomer has not done yet, as an identifier the pages put into words."""
    if not caller.groups:
        return "join-group"
    if not bound:
        return "bind-storage"
    trained = session.scalar(select(TrainingRow.id).where(TrainingRow.owner_id == caller.id).limit(1)) is not None
    if not trained and session.scalar(select(DatasetRow.id).where(DatasetRow.owner_id == caller.id).limit(1)) is None:
        return "make-dataset"
    if trained:
        return ""
    formatted = select(FormattedSetRow.id).join(BatchRow).join(DatasetRow).where(readable(caller), FormattedSetRow.ready)
    return "train" if session.scalar(formatted.limit(1)) is not None else "format-dataset"


@router.patch("/me")
def change_me(body: MeChange, context: ContextDep, caller: CallerDep) -> Me:
    """Choose a language."""
    must_not_be_job(caller)
    with context.database.write() as session:
        people.find(session, caller.id).language = body.language
        return _me(session, caller).model_copy(update={"language": body.language})


@router.post("/me/password", status_code=204)
def change_password(body: PasswordChange, context: ContextDep, caller: CallerDep) -> None:
    """Change the own password; every browser session ends, this one too."""
    must_be_unrestricted(caller)
    # counted before the password is looked at, as at the sign-in
    with context.database.write() as session:
        row = people.find(session, caller.id)
        counters = throttle.keys(row.name_key, "")
        throttle.begin(session, counters)
    if not passwords.matches(row.password_hash, body.old):
        raise Invalid("password-wrong", N_("This is not your password."), field="old")
    with context.database.write() as session:
        audit.beside(session)
        throttle.succeeded(session, counters)
    passwords.check(body.new, row.name, field="new")
    kept = passwords.hash_password(body.new)
    with context.database.write() as session:
        row = people.find(session, caller.id)
        row.password_hash, row.session = kept, row.session + 1
        audit.note(row.name)
    context.hub.end_sessions(caller.hub_name, also_tokens=False)


@router.get("/notices")
def list_notices(context: ContextDep, caller: CallerDep, language: LanguageDep, part: WindowDep) -> Page[Notice]:
    """The caller's notices, the newest first."""
    wanted = select(NoticeRow).where(NoticeRow.account_id == caller.id).order_by(NoticeRow.id.desc())
    with context.database.read() as session:
        rows, total = rows_and_total(session, wanted, part)
        return Page(items=[notices.view(row, language) for row in rows], total=total, offset=part.offset)


@router.post("/notices/read", status_code=204)
@audit.unaudited
def read_notices(context: ContextDep, caller: CallerDep) -> None:
    """Mark all as read."""
    must_not_be_job(caller)
    with context.database.write() as session:
        session.execute(update(NoticeRow).where(NoticeRow.account_id == caller.id).values(read=True))
        announce(session, "notice", "all", Audience.of(caller.id, administrators=False))


@router.get("/tokens")
def list_tokens(context: ContextDep, caller: CallerDep) -> list[AccessToken]:
    """The caller's personal access tokens, without their secrets."""
    must_be_unrestricted(caller)
    return [_token(token) for token in context.hub.tokens(caller.hub_name)]


@router.post("/tokens", status_code=201)
def make_token(body: NewAccessToken, context: ContextDep, caller: CallerDep) -> AccessToken:
    """Make a personal access token; its secret is in this answer and nowhere else."""
    must_be_unrestricted(caller)
    audit.note(body.name, days=body.days)
    return _token(context.hub.make(caller.hub_name, body.name, body.days * _DAY))


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(token_id: str, context: ContextDep, caller: CallerDep) -> None:
    """End a personal access token."""
    must_be_unrestricted(caller)
    if not context.hub.revoke(caller.hub_name, token_id):
        raise NotFound("no-such-token", N_("There is no access token {id} of yours."), id=token_id)


def _token(token: IssuedToken) -> AccessToken:
    return AccessToken(
        id=token.id,
        name=token.name,
        created=token.created,
        expires=token.expires,
        last_used=token.last_used,
        secret=token.secret,
    )
