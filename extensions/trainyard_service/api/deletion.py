"""Deleting an account: what it would mean, and doing it."""

from __future__ import annotations

from fastapi import APIRouter, BackgroundTasks
from trainyard.records.disk import AccountDeletion

from trainyard_service import audit
from trainyard_service.accounts import deletion, people
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import ContextDep
from trainyard_service.identity import CallerDep
from trainyard_service.language import LanguageDep
from trainyard_service.permissions import must_administrate
from trainyard_service.storage import identities

router = APIRouter(prefix="/accounts", tags=["accounts"], route_class=AuditedRoute)


@router.get("/{account_id}/deletion")
def preview(account_id: int, context: ContextDep, caller: CallerDep, language: LanguageDep) -> AccountDeletion:
    """What deleting this account would take away and leave; changes nothing."""
    must_administrate(caller)
    with context.database.read() as session:
        return deletion.preview(session, people.find(session, account_id), language)


@router.delete("/{account_id}")
def delete(
    account_id: int, context: ContextDep, caller: CallerDep, language: LanguageDep, afterwards: BackgroundTasks
) -> AccountDeletion:
    """Delete an account: what is the person's alone goes, what groups work with stays under another name."""
    must_administrate(caller)
    with context.database.write() as session:
        row = people.find(session, account_id)
        answer, hub_name = deletion.preview(session, row, language), row.hub_name
        audit.note(row.name, **answer.model_dump(include={"becomes", "datasets_removed", "models_removed", "bucket"}))
        folders = deletion.delete(session, context, row, caller.id)
    # every call of this person is refused from here on; what runs is stopped even when the Hub is silent
    context.enforce(account_id)
    deletion.put_folders_away(context, folders)
    context.hub.shut_out(hub_name)
    # after the answer: a store may be slow, and is asked again by the background while it is away
    afterwards.add_task(identities.remove_leftovers, context)
    return answer
