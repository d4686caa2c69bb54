"""What of somebody's runs or waits now, by name: told to both sides when rights end."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.jobs.states import ENDED
from trainyard.words import N_, translate

from trainyard_service.database.tables.jobs import AllocationRow, JobRow

_WORKSPACE = N_("the workspace")


def running_of(session: Session, account_id: int, language: str, group_id: int | None = None) -> list[str]:
    """Names of the jobs that have not ended, and the workspace; with ``group_id`` only those charged to that group."""
    jobs = select(JobRow).where(JobRow.owner_id == account_id, JobRow.state.not_in(ENDED)).order_by(JobRow.created)
    held = select(AllocationRow.id).where(AllocationRow.owner_id == account_id, AllocationRow.workspace.is_not(None))
    if group_id is not None:
        jobs, held = jobs.where(JobRow.group_id == group_id), held.where(AllocationRow.group_id == group_id)
    workspace = [translate(_WORKSPACE, language)] if session.scalar(held.limit(1)) is not None else []
    return [*(job.name for job in session.scalars(jobs)), *workspace]
