"""The death certificate of a workspace, written when its end is seen: by the Hub's spawner or by the reconciler."""

from __future__ import annotations

import time

from sqlalchemy.orm import Session
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import Cause
from trainyard.quotas import Request

from trainyard_service.context import Context
from trainyard_service.database.tables.jobs import WorkspaceRow
from trainyard_service.jobs.endings import workspace_certificate
from trainyard_service.jobs.last_lines import last_lines
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.jobs.remedies import twice_the_memory

SEEN_SECONDS = 5.0
LOOK_SECONDS = 0.05


def last_state(context: Context, key: str) -> LaunchState | None:
    """What the launcher tells of a launch that the Hub saw end. It watches by itself, and may see that a moment later."""
    deadline = time.monotonic() + SEEN_SECONDS
    while (state := context.launcher.state(key)) is not None and state.phase != "ended" and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return state


def certify(session: Session, context: Context, ledger: Ledger, row: WorkspaceRow, state: LaunchState | None) -> None:
    """Write into ``row`` how it ended; what the platform noted when it asked for the end says who or what that was."""
    if state is None or state.phase != "ended":
        return
    said = last_lines(context.home.launches, f"{row.key}/output.log")
    ending = workspace_certificate(state, row.ending, said)
    if ending["cause"] == Cause.OUT_OF_MEMORY:
        size = ledger.size(session, row.package)
        asked = Request(row.key, row.account_id, row.group_id, size.amount(jobs=0))
        ending["offer"] = twice_the_memory(session, ledger, asked, (row.package, None))
    row.ending = ending
