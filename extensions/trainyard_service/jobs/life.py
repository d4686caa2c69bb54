"""The one place where a job's state changes, held to the table in ``trainyard.jobs.states``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session
from trainyard.jobs.states import ENDED, JobState, may_become
from trainyard.records.jobs import JobKind

from trainyard_service.database.base import Table, now
from trainyard_service.database.rows import add_row, change_row
from trainyard_service.database.tables.jobs import DEFAULT_PRIORITY, AttemptRow, JobRow
from trainyard_service.events import Audience, announce
from trainyard_service.jobs.naming import new_id

_ATTEMPTS = Table.metadata.tables[AttemptRow.__tablename__]
_END_ATTEMPT = (
    update(_ATTEMPTS)
    .where(_ATTEMPTS.c.job_id == bindparam("job"), _ATTEMPTS.c.number == bindparam("attempt"))
    .values(token_hash="", ended=bindparam("now"), ending=bindparam("how"))
)


@dataclass(frozen=True)
class NewJob:
    """What makes a job. ``time_limit`` in seconds, counted from running on; ``restart`` is a ``RestartPolicy`` as JSON.

    ``replicas`` as in ``JobRow``.
    """

    kind: JobKind
    name: str
    owner_id: int
    group_id: int | None
    image: str
    package: str
    spec: dict[str, Any] = field(default_factory=dict)
    time_limit: float | None = None
    restart: dict[str, Any] | None = None
    priority: int = DEFAULT_PRIORITY
    preemptible: bool = False
    cluster: str | None = None
    replicas: list[dict[str, Any]] | None = None


def submit(session: Session, new: NewJob) -> JobRow:
    """A job that stands in the queue."""
    row = JobRow(id=new_id(), state=JobState.CREATED, attempt=0, **new.__dict__)
    move(session, row, JobState.QUEUED)
    add_row(session, row)
    return row


def move(session: Session, job: JobRow, then: JobState, **changes: Any) -> None:
    """Take the job to ``then`` with ``changes``.

    The row was read in this transaction, which holds the lock of all writers: nobody can have been faster.

    Raises:
        ValueError: the table does not allow the step; a bug of the caller.
    """
    before = JobState(job.state)
    if not may_become(before, then):
        raise ValueError(f"job {job.id} cannot go from {before} to {then}")
    change_row(session, job, {**_stamps(then), **changes, "state": then})
    announce(session, "job", job.id, audience(job))


def _stamps(then: JobState) -> dict[str, Any]:
    moment = now()
    if then is JobState.QUEUED:
        return {"queued": moment, "started": None, "ended": None, "ending": None, "waiting": None, "deadline": None}
    if then is JobState.STARTING:
        return {"waiting": None, "warned": None, "not_before": None}
    return {"ended": moment, "waiting": None} if then in ENDED else {}


def begin_attempt(session: Session, job: JobRow) -> AttemptRow:
    """Take a queued job into its next attempt."""
    attempt = AttemptRow(job_id=job.id, number=job.attempt + 1)
    session.add(attempt)
    move(session, job, JobState.STARTING, attempt=attempt.number)
    return attempt


def end_attempt(session: Session, job: JobRow, ending: dict[str, Any]) -> None:
    """Write how the present attempt ended; its token is dead from here on."""
    session.connection().execute(_END_ATTEMPT, {"job": job.id, "attempt": job.attempt, "now": now(), "how": ending})


def want_stop(session: Session, job: JobRow, by: str, *, pause: bool = False) -> None:
    """Say that the job shall end; the reconciler sees to it. An ended job stays as it is.

    ``pause``: it is meant to go on later, from its last checkpoint.
    """
    if JobState(job.state) not in ENDED and job.wanted != "stop":
        job.wanted, job.stopped_by = "stop", by
        job.spec = {**job.spec, "paused": pause}
        announce(session, "job", job.id, audience(job))


def want_start(session: Session, job: JobRow, *, resume: bool | None = None) -> None:
    """Queue an ended job again. ``resume`` as in ``StartTraining``."""
    spec = {**job.spec, "paused": False, "resume": resume}
    anew = {"wanted": "run", "stopped_by": None, "lost": 0, "ends_at": None, "retries": 0, "not_before": None}
    move(session, job, JobState.QUEUED, **anew, spec=spec)


def audience(job: JobRow) -> Audience:
    """Who may see a job: its owner and the group it is charged to."""
    return Audience.of(job.owner_id, groups=() if job.group_id is None else (job.group_id,))
