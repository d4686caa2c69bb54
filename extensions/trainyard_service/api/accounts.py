"""What administrators decide about people: applications, blocking, administrators, passwords."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import select
from trainyard.records.accounts import Account, AccountState
from trainyard.records.base import Page, Record
from trainyard.words import N_

from trainyard_service import audit, volume
from trainyard_service.accounts import membership, notices, passwords, people
from trainyard_service.accounts.running import running_of
from trainyard_service.api.paging import WindowDep, rows_and_total
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import Context, ContextDep
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.identity import CallerDep
from trainyard_service.permissions import must_administrate

router = APIRouter(prefix="/accounts", tags=["accounts"], route_class=AuditedRoute)
_GONE = (AccountState.REFUSED, AccountState.DELETED)
BLOCKED = N_("An administrator blocked the account {name}: your workspace and jobs were stopped, your files are kept.")
UNBLOCKED = N_("An administrator unblocked the account {name}: you can sign in again.")
BLOCKED_RUNNING = N_("{name} is blocked; this is being stopped: {running}.")
APPROVED = N_("Your account {name} was approved: you can sign in now.")


class Approval(Record):
    """Into which group; none is possible too."""

    group: str | None = None


class Refusal(Record):
    """Why not; the person reads it at the next sign-in, and in a mail."""

    reason: str = Field(default="", max_length=1000)


class AdministratorFlag(Record):
    """Whether somebody is an administrator."""

    administrator: bool


class NewPassword(Record):
    """A password an administrator sets."""

    new: str


@router.get("")
def list_accounts(
    context: ContextDep,
    caller: CallerDep,
    part: WindowDep,
    state: AccountState | None = None,
    search: Annotated[str, Query(max_length=100)] = "",
) -> Page[Account]:
    """People by state and name; applications first come first. Refused and deleted ones are shown to who asks for them."""
    must_administrate(caller)
    wanted = select(AccountRow).order_by(AccountRow.id)
    wanted = wanted.where(AccountRow.state == state if state is not None else AccountRow.state.not_in(_GONE))
    if search:
        wanted = wanted.where(AccountRow.name_key.contains(people.name_key(search), autoescape=True))
    with context.database.read() as session:
        rows, total = rows_and_total(session, wanted, part)
        return Page(items=[people.view(row) for row in rows], total=total, offset=part.offset)


@router.post("/{account_id}/approve")
def approve(account_id: int, body: Approval, context: ContextDep, caller: CallerDep) -> Account:
    """Let an applicant in, into a group or none."""
    must_administrate(caller)
    with context.database.write() as session:
        row = people.find(session, account_id)
        people.must_be_in_state(row, AccountState.APPLIED)
        audit.note(row.name, group=body.group)
        group = people.find_group(session, body.group) if body.group else None
        row.state, row.decided_by = AccountState.ACTIVE, caller.name
        notices.send(session, row.id, APPROVED, link="/", name=row.name)
        if group is not None:
            membership.add(session, group, row, None)
            volume.make_member_folder(context.home, group, row)
        volume.make_home(context.home, row)
        people.changed(session, row)
        session.flush()
        session.refresh(row)
        return people.view(row)


@router.post("/{account_id}/refuse")
def refuse(account_id: int, body: Refusal, context: ContextDep, caller: CallerDep) -> Account:
    """Refuse an application: the person is told at the sign-in and by mail, and may apply again under a new number."""
    must_administrate(caller)
    with context.database.write() as session:
        row = people.find(session, account_id)
        people.must_be_in_state(row, AccountState.APPLIED)
        audit.note(row.name, reason=body.reason)
        people.refuse(session, row, caller.name, body.reason)
        return people.view(row)


@router.post("/{account_id}/block")
def block(account_id: int, context: ContextDep, caller: CallerDep) -> Account:
    """Shut somebody out: sessions and tokens end, the workspace and all jobs stop at once."""
    must_administrate(caller)
    with context.database.write() as session:
        row = people.find(session, account_id)
        people.must_be_in_state(row, AccountState.ACTIVE)
        people.must_leave_an_administrator(session, row)
        audit.note(row.name)
        row.state, row.decided_by, row.session = AccountState.BLOCKED, caller.name, row.session + 1
        notices.send(session, row.id, BLOCKED, name=row.name)
        running = running_of(session, row.id, caller.language)
        if running:
            link = "/services/pages/admin?tab=usage"
            notices.send(session, caller.id, BLOCKED_RUNNING, link=link, name=row.name, running=", ".join(running))
        people.changed(session, row)
        answer, hub_name = people.view(row), row.hub_name
    # from here on every call of this person is refused already; what runs is stopped even when the Hub is silent
    context.enforce(account_id)
    context.hub.shut_out(hub_name)
    return answer


@router.post("/{account_id}/unblock")
def unblock(account_id: int, context: ContextDep, caller: CallerDep) -> Account:
    """Let somebody in again; they sign in anew."""
    must_administrate(caller)
    with context.database.write() as session:
        row = people.find(session, account_id)
        people.must_be_in_state(row, AccountState.BLOCKED)
        audit.note(row.name)
        row.state, row.decided_by = AccountState.ACTIVE, caller.name
        notices.send(session, row.id, UNBLOCKED, link="/", name=row.name)
        people.changed(session, row)
        return people.view(row)


@router.post("/{account_id}/administrator")
def set_administrator(account_id: int, body: AdministratorFlag, context: ContextDep, caller: CallerDep) -> Account:
    """Make somebody an administrator, or end that."""
    must_administrate(caller)
    with context.database.write() as session:
        row = people.find(session, account_id)
        people.must_be_in_state(row, AccountState.ACTIVE)
        if not body.administrator:
            people.must_leave_an_administrator(session, row)
        audit.note(row.name, administrator=body.administrator)
        row.administrator = body.administrator
        people.changed(session, row)
        return people.view(row)


@router.post("/{account_id}/password")
def set_password(account_id: int, body: NewPassword, context: ContextDep, caller: CallerDep) -> Account:
    """Give somebody a new password; their sessions and personal access tokens end."""
    must_administrate(caller)
    with context.database.read() as session:
        name = people.find(session, account_id).name
    audit.note(name)
    passwords.check(body.new, name, field="new")
    kept = passwords.hash_password(body.new)
    with context.database.write() as session:
        row = people.find(session, account_id)
        row.password_hash, row.session = kept, row.session + 1
        notices.send(session, row.id, N_("An administrator gave you a new password."))
        answer, hub_name = people.view(row), row.hub_name
    _end_sessions(context, hub_name)
    return answer


def _end_sessions(context: Context, hub_name: str) -> None:
    context.hub.end_sessions(hub_name, also_tokens=True)
