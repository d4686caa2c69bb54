"""Rights that have ended, applied to what runs: blocked people at once, removed members after their notice, time limits.

Workspaces are stopped through the launcher; the Hub's spawner sees it and the Hub follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import UserError
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import ACTIVE, ENDED, JobState
from trainyard.records.accounts import AccountState
from trainyard.records.jobs import JobKind
from trainyard.words import N_

from trainyard_service.accounts import notices
from trainyard_service.context import Context
from trainyard_service.database.base import now
from trainyard_service.database.rows import ask
from trainyard_service.database.tables.accounts import AccountRow, ExpulsionRow, MembershipRow
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.jobs import AllocationRow, JobRow, WorkspaceRow
from trainyard_service.events import Audience, announce
from trainyard_service.jobs import booking, endings, life, limits
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.workspaces.ending import certify

_GRANT_SECONDS = 180
_CLOCK_WAS_SET = timedelta(minutes=15)
"""More than a workspace takes from its grant to its start."""
_WARNING = N_("Your workspace ends at {time} UTC. Renew it on the overview page if you still need it; files are kept.")
_HELD = select(AllocationRow.id).limit(1)
_HELD_BY_WORKSPACE = _HELD.where(AllocationRow.workspace.is_not(None))
_EXPELLED = select(ExpulsionRow.account_id).limit(1)
_BLOCKED = (
    select(JobRow.id)
    .join(AccountRow, AccountRow.id == JobRow.owner_id)
    .where(AccountRow.state != AccountState.ACTIVE, JobRow.state.not_in(ENDED), JobRow.wanted == "run")
    .limit(1)
)


def is_needed(session: Session, truth: Mapping[str, LaunchState], settings: JobSettings, *, whole: bool) -> bool:
    """Whether there is anything that ``enforce`` could end or warn of: mostly there is not, and then nobody has to wait for a
    write. When the ``whole`` is looked at, there is as soon as something is held.
    """
    looks = (_HELD if whole else _HELD_BY_WORKSPACE, _EXPELLED, _BLOCKED)
    return any(ask(session, look).first() is not None for look in looks) or limits.is_due(session, truth, settings)


def enforce(session: Session, truth: Mapping[str, LaunchState], context: Context, ledger: Ledger) -> set[str]:
    """Everything of this module, once; the keys of workspaces that are to be stopped after the commit."""
    ending = _stop_blocked(session)
    limits.watch(session, truth, ledger.settings)
    for expulsion in session.scalars(select(ExpulsionRow)):
        ending |= _expel(session, expulsion)
    return ending | _workspaces(session, truth, context, ledger)


def _unfinished(session: Session, account_id: int) -> list[JobRow]:
    return list(session.scalars(select(JobRow).where(JobRow.owner_id == account_id, JobRow.state.not_in(ENDED))))


def _is_of(session: Session, job: JobRow, group_id: int) -> bool:
    """Whether a job is charged to the group, or works on a dataset whose list lies on its share."""
    dataset = session.get(DatasetRow, job.spec.get("reads") or job.spec.get("dataset") or "")
    source = dataset.source if dataset and job.kind != JobKind.TRAIN else {}
    brought = source.get("files", {}).values() if job.kind == JobKind.PREPARE else ()
    places = (source, source.get("share", {}), *brought)
    return group_id in (job.group_id, *(place.get("group_id") for place in places))


def _stop_blocked(session: Session) -> set[str]:
    blocked = select(AccountRow.id).where(AccountRow.state != AccountState.ACTIVE)
    jobs = select(JobRow).where(JobRow.owner_id.in_(blocked), JobRow.state.not_in(ENDED), JobRow.wanted == "run")
    for job in session.scalars(jobs):
        life.want_stop(session, job, endings.BLOCKED)
    held = select(AllocationRow.key).where(AllocationRow.owner_id.in_(blocked), AllocationRow.workspace.is_not(None))
    return set(session.scalars(held))


def _expel(session: Session, expulsion: ExpulsionRow) -> set[str]:
    """Give notice to what runs, end it when the time has come, and forget the expulsion when nothing is left."""
    back = session.get(MembershipRow, (expulsion.group_id, expulsion.account_id)) is not None
    jobs = [job for job in _unfinished(session, expulsion.account_id) if _is_of(session, job, expulsion.group_id)]
    due = now() >= expulsion.ends_at
    for job in jobs:
        ends = None if back else expulsion.ends_at
        if job.ends_at != ends:
            job.ends_at = ends
            announce(session, "job", job.id, life.audience(job))
        if not back and (due or JobState(job.state) not in ACTIVE):
            life.want_stop(session, job, endings.LEFT)
    workspaces = session.scalars(
        select(AllocationRow).where(
            AllocationRow.owner_id == expulsion.account_id,
            AllocationRow.group_id == expulsion.group_id,
            AllocationRow.workspace.is_not(None),
        )
    ).all()
    if back or (due and not jobs and not workspaces):
        session.delete(expulsion)
    return {row.key for row in workspaces} if due and not back else set()


def _workspaces(session: Session, truth: Mapping[str, LaunchState], context: Context, ledger: Ledger) -> set[str]:
    """Warn before a workspace's time is over, end it then, and give back what ended workspaces held."""
    over, settings = set(), ledger.settings
    held = select(WorkspaceRow).join(AllocationRow, AllocationRow.workspace == WorkspaceRow.key)
    for row in session.scalars(held):
        state = truth.get(row.key)
        _follow_the_clock(session, row, state)
        never_came = state is None and now() - row.started > timedelta(seconds=_GRANT_SECONDS)
        if never_came or (state is not None and state.phase == "ended"):
            certify(session, context, ledger, row, state)
            release_workspace(session, row)
            if state is None:
                with suppress(UserError, OSError):
                    context.launcher.forget(row.key)  # what it was told to expect
        elif now() >= row.ends_at:
            row.ending = endings.time_is_over(settings.workspace_hours * 3600)
            over.add(row.key)
        elif not row.warned and now() >= row.ends_at - timedelta(seconds=settings.workspace_warning):
            row.warned = True
            values = {"time": f"{row.ends_at:%H:%M}"}
            notices.send(session, row.account_id, _WARNING, link="/services/pages/", **values)
    return over


def _follow_the_clock(session: Session, row: WorkspaceRow, state: LaunchState | None) -> None:
    """Where the machine's clock was set, move a running workspace's times along: its hours are counted by one nobody sets."""
    if state is None or state.running_for is None:
        return
    moved = now() - row.started - timedelta(seconds=state.running_for)
    if abs(moved) > _CLOCK_WAS_SET:
        row.started, row.ends_at = row.started + moved, row.ends_at + moved
        row.active = row.active and row.active + moved
        announce(session, "workspace", row.account_id, Audience.of(row.account_id))


def release_workspace(session: Session, row: WorkspaceRow) -> None:
    """A workspace has ended: what it held is free again."""
    booking.give_back(session, row.key)
    row.ended = row.ended or now()
    announce(session, "workspace", row.account_id, Audience.of(row.account_id))
    announce(session, "usage", "machine", Audience.of(row.account_id))
