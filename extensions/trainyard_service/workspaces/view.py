"""A person's workspace as they see it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import Cause
from trainyard.records.jobs import Ending, WorkspaceView
from trainyard.words import N_, translate

from trainyard_service.context import Context
from trainyard_service.database.tables.accounts import ExpulsionRow, GroupRow
from trainyard_service.database.tables.jobs import AllocationRow, WaitingWorkspaceRow, WorkspaceRow
from trainyard_service.jobs.endings import ending_view
from trainyard_service.workspaces.grants import newest
from trainyard_service.workspaces.waiting import sentence, waits_now

_AGAIN = N_("Files are kept. Start it again when you need it; renewed in time, it goes on without a break.")


def workspace_view(session: Session, context: Context, account_id: int, language: str, grace: float) -> WorkspaceView:
    """State, choices and times of the newest start; of one that waits for preemptible jobs, for what. ``grace`` is theirs."""
    asking = waits_now(session, account_id)
    if asking is not None:
        return _waiting(session, asking, sentence(session, asking, grace, language))
    row = newest(session, account_id)
    if row is None:
        return WorkspaceView(state="stopped", group=None, image="", package="", started=None, ends=None, address="")
    held = session.scalar(select(AllocationRow.key).where(AllocationRow.workspace == row.key)) is not None
    state = _state(held, context.launcher.state(row.key))
    running = state != "stopped"
    return WorkspaceView(
        state=state,
        group=row.group.name if row.group else None,
        image=row.image,
        package=row.package,
        started=row.started if running else None,
        ends=_ends(session, row) if running else None,
        address=f"/user/u{account_id}/lab" if state == "running" else "",
        datasets=list(row.sets),
        ending=_ending(row, language) if not running else None,
    )


def _ending(row: WorkspaceRow, language: str) -> Ending | None:
    """How it ended; it saves no checkpoint to go on from when its time is over."""
    ending = ending_view(row.ending, language)
    if ending is None or ending.cause is not Cause.TIME_LIMIT:
        return ending
    return ending.model_copy(update={"suggestion": translate(_AGAIN, language)})


def _waiting(session: Session, asking: WaitingWorkspaceRow, words: str) -> WorkspaceView:
    group = session.get(GroupRow, asking.group_id)
    chosen = {"group": group.name if group else None, "image": "", "package": asking.package}
    return WorkspaceView(state="starting", **chosen, started=None, ends=None, address="", waiting=words)


def _ends(session: Session, row: WorkspaceRow) -> datetime:
    """When its time is over, or the notice after a removal from its group."""
    notice = session.get(ExpulsionRow, (row.group_id, row.account_id)) if row.group_id is not None else None
    return min(row.ends_at, notice.ends_at) if notice else row.ends_at


def _state(held: bool, launch: LaunchState | None) -> str:
    if not held or (launch is not None and launch.phase == "ended"):
        return "stopped"
    return "running" if launch is not None and launch.phase == "running" else "starting"


def held_workspace(session: Session, account_id: int) -> WorkspaceRow | None:
    """The workspace that runs or starts now."""
    query = select(WorkspaceRow).join(AllocationRow, AllocationRow.workspace == WorkspaceRow.key)
    return session.scalars(query.where(WorkspaceRow.account_id == account_id)).first()
