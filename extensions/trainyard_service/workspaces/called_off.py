"""Grants of which nothing came: the start was called off, or its Hub was killed before it could launch anything.

The launcher knows nothing of them. A Hub that is alive says so at once; for one that was killed the next start of the same
person does, and the reconciler after a while.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import AllocationRow, WorkspaceRow
from trainyard_service.jobs.enforcement import release_workspace

LATEST = timedelta(seconds=60)
"""A grant this old is launched by nobody any more, if the same person's spawner asks for another."""


def release(session: Session, context: Context, account_id: int, older: timedelta = timedelta()) -> None:
    """Give back what the person's grant holds, if nothing was launched for it."""
    held = select(WorkspaceRow).join(AllocationRow, AllocationRow.workspace == WorkspaceRow.key)
    for row in session.scalars(held.where(WorkspaceRow.account_id == account_id)):
        if context.launcher.state(row.key) is None and now() - row.started >= older:
            release_workspace(session, row)
            context.launcher.forget(row.key)  # what it was told to expect
            session.flush()
