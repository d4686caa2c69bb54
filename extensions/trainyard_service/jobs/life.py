"""The one place where a job's state changes, held to the table in ``trainyard.jobs.states``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session
from trainyard.jobs.states import ENDED, JobState, may_become
from trainyard.records.jobs import JobKind

from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import AttemptRow, JobRow
from trainyard_service.events import Audience, announce
from trainyard_service.jobs.naming import new_id


@dataclass(frozen=True)
class NewJob:
    """What makes a job. ``time_limit`` in seconds, counted from running on."""

    kind: JobKind
    name: str
    owner_id: int
    group_id: int | None
    image: str
    package: str
    spec: dict[str, Any] = field(default_factory=dict)
    time_limit: float | None = None


def submit(session: Session, new: NewJob) -> JobRow:
    """A job that stands in the queue."""
    row = JobRow(id=new_id(), state=JobState.CREATED, **new.__dict__)
    session.add(row)
    session.flush()
    move(session, row, JobState.QUEUED)
    return row


def move(session: Session, job: JobRow, then: JobState, **changes: Any) -> bool:
    """Take the job to ``then`` with ``changes``; False when another process was faster (the row is then fresh).

    Raises:
        ValueError: the table does not allow the step; a bug of the caller.
    """
    before = JobState(job.state)
    if not may_become(before, then):
        raise ValueError(f"job {job.id} cannot go from {before} to {then}")
    changes = {**_stamps(then), **changes, "state": then}
    result = session.execute(update(JobRow).where(JobRow.id == job.id, JobRow.state == before).values(**changes))
    assert isinstance(result, CursorResult)
    session.refresh(job)
    if result.rowcount == 1:
        announce(session, "job", job.id, audience(job))
    return result.rowcount == 1


def _stamps(then: JobState) -> dict[str, Any]:
    moment = now()
    if then is JobState.QUEUED:
        return {"queued": moment, "started": None, "ended": None, "ending": None, "waiting": None}
    if then is JobState.STARTING:
        return {"waiting": None}
    return {"ended": moment, "waiting": None} if then in ENDED else {}


def begin_attempt(session: Session, job: JobRow) -> bool:
    """Take a queued job into its next attempt; exactly one of several that try succeeds."""
    number = job.attempt + 1
    if not move(session, job, JobState.STARTING, attempt=number):
        return False
    session.add(AttemptRow(job_id=job.id, number=number))
    session.flush()
    return True


def end_attempt(session: Session, job: JobRow, ending: dict[str, Any]) -> None:
    """Write how the present attempt ended; its token is dead from here on."""
    attempt = session.get(AttemptRow, (job.id, job.attempt))
    if attempt is not None:
        attempt.token_hash, attempt.ended, attempt.ending = "", now(), ending


def want_stop(session: Session, job: JobRow, by: str) -> None:
    """Say that the job shall end; the reconciler sees to it. An ended job stays as it is."""
    if JobState(job.state) not in ENDED and job.wanted != "stop":
        job.wanted, job.stopped_by = "stop", by
        announce(session, "job", job.id, audience(job))


def want_start(session: Session, job: JobRow) -> bool:
    """Queue an ended job again; False when somebody else just did."""
    return move(session, job, JobState.QUEUED, wanted="run", stopped_by=None, lost=0, ends_at=None)


def audience(job: JobRow) -> Audience:
    """Who may see a job: its owner and the group it is charged to."""
    return Audience.of(job.owner_id, groups=() if job.group_id is None else (job.group_id,))
