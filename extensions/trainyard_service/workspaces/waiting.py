"""A workspace that waits for a place that is on its way: the preemptible give theirs up for it, as they do for a job.

The Hub's spawner asks again every second. Between two asks a row stands for the request, in front of the queue, so that what
comes free goes to nobody else; a spawner that asks no more is forgotten. Only what is on its way is waited for.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from pydantic import BaseModel
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from trainyard.quotas import Request, Shortage, Wait, admit
from trainyard.words import N_, translate

from trainyard_service import audit
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import GroupRow
from trainyard_service.database.tables.jobs import WaitingWorkspaceRow
from trainyard_service.events import Audience, announce
from trainyard_service.jobs import preemption
from trainyard_service.jobs.ledger import Ledger

AGAIN_SECONDS = 1.0
FORGOTTEN = timedelta(seconds=30)
FIRST = 2**31
"""The priority of whoever sits in front of a screen and waits; jobs within a guarantee go before those that borrow as ever."""
_ON_ITS_WAY = N_(
    "{shortage} What is missing is being given back by jobs that end or make way, which have up to {seconds} s to save; the "
    "workspace then starts by itself."
)


class WorkspaceWaits(BaseModel):
    """No grant yet: what is waited for, in the person's language, and after how many seconds to ask again."""

    waiting: str
    again: float = AGAIN_SECONDS


def asked_for(session: Session, ledger: Ledger, row: WaitingWorkspaceRow) -> Request | None:
    """What a workspace that waits asks for; None when its package is not offered any more."""
    size = ledger.sizes(session).get(row.package)
    if size is None:
        return None
    amount, since = size.amount(jobs=0), row.since.timestamp()
    return Request(row.key, row.account_id, row.group_id, amount, FIRST, since, device_type=size.gpu_type)


def requests(session: Session, ledger: Ledger) -> list[Request]:
    """All workspaces that wait now, for the queue."""
    rows = session.scalars(select(WaitingWorkspaceRow).where(WaitingWorkspaceRow.seen > now() - FORGOTTEN))
    found = [asked_for(session, ledger, row) for row in rows]
    return [one for one in found if one is not None]


def decide(session: Session, ledger: Ledger, asking: WaitingWorkspaceRow) -> Wait | None:
    """Why a workspace does not start now, by the queue's rule; None when it does.

    Where that is on its way (``promised``), whoever gives way is told to, and the request is kept for the next time it asks.
    """
    known = waits_now(session, asking.account_id)
    asking.since = known.since if known is not None else now()
    request = asked_for(session, ledger, asking)
    others = [one for one in requests(session, ledger) if one.key != asking.key]
    admission = admit([*others, *([request] if request else [])], ledger.holdings(session), ledger.limits(session))
    wait = admission.wait(asking.key)
    if wait is None or not wait.promised:
        session.execute(delete(WaitingWorkspaceRow).where(WaitingWorkspaceRow.account_id == asking.account_id))
        return wait
    for key in admission.preempts:
        preemption.want_back(session, key)
    asking.seen, asking.shortage = now(), asdict(wait.shortage)
    session.merge(asking)
    if known is None:
        announce(session, "workspace", asking.account_id, Audience.of(asking.account_id))
    else:
        audit.leave_out()
    return wait


def forget(session: Session, account_id: int) -> None:
    """Nobody waits for this start any more: it was refused, or called off."""
    if session.get(WaitingWorkspaceRow, account_id) is not None:
        session.execute(delete(WaitingWorkspaceRow).where(WaitingWorkspaceRow.account_id == account_id))
        announce(session, "workspace", account_id, Audience.of(account_id))


def waits_now(session: Session, account_id: int) -> WaitingWorkspaceRow | None:
    """The start of this person that waits."""
    row = session.get(WaitingWorkspaceRow, account_id)
    return row if row is not None and row.seen > now() - FORGOTTEN else None


def sentence(session: Session, row: WaitingWorkspaceRow, grace: float, language: str) -> str:
    """What it waits for."""
    group = session.get(GroupRow, row.group_id)
    words = Shortage(**row.shortage).sentence(language, group.name if group else "")
    return translate(_ON_ITS_WAY, language, shortage=words, seconds=f"{grace:g}")
