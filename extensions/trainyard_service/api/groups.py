"""Groups, their members and quotas."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.records.accounts import AccountState, Group, NewGroup, Quota, Use
from trainyard.records.base import Record

from trainyard_service import audit, volume
from trainyard_service.accounts import membership, people
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import ContextDep
from trainyard_service.database.tables.accounts import GroupRow
from trainyard_service.database.tables.jobs import AllocationRow
from trainyard_service.disk.books import stored
from trainyard_service.identity import CallerDep
from trainyard_service.jobs.ledger import use_of
from trainyard_service.jobs.part import EngineDep
from trainyard_service.permissions import must_administrate, must_see_group
from trainyard_service.preferences import group_quota, set_group_quota

router = APIRouter(prefix="/groups", tags=["groups"], route_class=AuditedRoute)
defaults = APIRouter(tags=["groups"], route_class=AuditedRoute)


class MemberChange(Record):
    """What the person may use of the group's quota; None leaves it as it is."""

    quota: Quota | None = None


def usage(session: Session) -> membership.UseOf:
    """What the ledger says a group, or one person in it, uses now; bytes are summed once for all questions."""
    books, held = stored(session), list(session.scalars(select(AllocationRow)))

    def ask(group_id: int, account_id: int | None) -> Use:
        used = use_of([row for row in held if row.group_id == group_id and account_id in (None, row.owner_id)])
        return used.model_copy(update={"disk": books.used(group_id, account_id)})

    return ask


@router.get("")
def list_groups(context: ContextDep, caller: CallerDep) -> list[Group]:
    """The caller's groups; all of them for an administrator."""
    wanted = select(GroupRow).order_by(GroupRow.name_key)
    if not caller.administrator:
        wanted = wanted.where(GroupRow.id.in_(caller.groups))
    with context.database.read() as session:
        return [membership.view(row, usage(session)) for row in session.scalars(wanted)]


@router.post("", status_code=201)
def make_group(body: NewGroup, context: ContextDep, caller: CallerDep, engine: EngineDep) -> Group:
    """Make a group with its share of the volume; without a quota it gets the default one."""
    must_administrate(caller)
    with context.database.write() as session:
        row = membership.make_group(session, body, group_quota(session, engine.settings))
        audit.note(body.name, quota=row.quota.model_dump(exclude_none=True))
        volume.make_group_share(context.home, row)
        return membership.view(row, membership.no_use)


@defaults.get("/default-quota")
def get_default_quota(context: ContextDep, caller: CallerDep, engine: EngineDep) -> Quota:
    """What a new group may use when nobody says otherwise."""
    must_administrate(caller)
    with context.database.read() as session:
        return group_quota(session, engine.settings)


@defaults.put("/default-quota")
def set_default_quota(body: Quota, context: ContextDep, caller: CallerDep) -> Quota:
    """Change it; groups that are there already keep theirs."""
    must_administrate(caller)
    with context.database.write() as session:
        audit.note("", quota=body.model_dump(exclude_none=True))
        set_group_quota(session, body)
        return body


@router.get("/{name}")
def group(name: str, context: ContextDep, caller: CallerDep) -> Group:
    """One group with its members and what is used."""
    with context.database.read() as session:
        row = people.find_group(session, name)
        must_see_group(caller, row.id, name)
        return membership.view(row, usage(session))


@router.put("/{name}/quota")
def set_quota(name: str, body: Quota, context: ContextDep, caller: CallerDep) -> Group:
    """Change what the group may use at once; what runs already goes on."""
    must_administrate(caller)
    with context.database.write() as session:
        row = people.find_group(session, name)
        audit.note(before=row.quota.model_dump(exclude_none=True), after=body.model_dump(exclude_none=True))
        row.quota = body
        membership.changed(session, row)
        answer = membership.view(row, usage(session))
    context.enforce(0)
    return answer


@router.put("/{name}/members/{account}")
def put_member(name: str, account: int, body: MemberChange, context: ContextDep, caller: CallerDep) -> Group:
    """Add a person, or change their part of the quota."""
    must_administrate(caller)
    with context.database.write() as session:
        row, person = people.find_group(session, name), people.find(session, account)
        people.must_be_in_state(person, AccountState.ACTIVE)
        audit.note(f"{row.name}/{person.name}", quota=body.quota.model_dump(exclude_none=True) if body.quota else None)
        membership.add(session, row, person, body.quota)
        volume.make_member_folder(context.home, row, person)
        answer = membership.view(row, usage(session))
    context.enforce(account)
    return answer


@router.delete("/{name}/members/{account}")
def remove_member(name: str, account: int, context: ContextDep, caller: CallerDep) -> Group:
    """Remove a person: rights end now, what runs with the group's mount in ten minutes."""
    must_administrate(caller)
    with context.database.write() as session:
        row, person = people.find_group(session, name), people.find(session, account)
        audit.note(f"{row.name}/{person.name}")
        membership.remove(session, row, person, caller.id)
        answer = membership.view(row, usage(session))
    context.enforce(account)
    return answer
