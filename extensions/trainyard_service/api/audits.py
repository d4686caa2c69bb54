"""The audit log, for administrators."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select
from trainyard.records.accounts import AuditEntry
from trainyard.records.base import Page

from trainyard_service.api.paging import WindowDep, rows_and_total
from trainyard_service.context import ContextDep
from trainyard_service.database.tables.audit import AuditRow
from trainyard_service.identity import CallerDep
from trainyard_service.permissions import must_administrate

router = APIRouter(tags=["audit"])


@router.get("/audit")
def list_audit(context: ContextDep, caller: CallerDep, part: WindowDep, who: str = "", action: str = "") -> Page[AuditEntry]:
    """Who did what, the newest first; ``action`` matches its beginning (``accounts.``)."""
    must_administrate(caller)
    wanted = select(AuditRow).order_by(AuditRow.id.desc())
    if who:
        wanted = wanted.where(AuditRow.who == who)
    if action:
        wanted = wanted.where(AuditRow.action.startswith(action, autoescape=True))
    with context.database.read() as session:
        rows, total = rows_and_total(session, wanted, part)
        return Page(items=[_entry(row) for row in rows], total=total, offset=part.offset)


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        id=row.id, at=row.at, who=row.who, action=row.action, target=row.target, result=row.result, detail=row.detail
    )
