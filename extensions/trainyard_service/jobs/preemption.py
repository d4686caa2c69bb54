"""What happens to a preemptible job whose place is wanted: it is stopped with grace, queued again, and its owner is told.

``wanted`` says ``requeue`` from the decision until the attempt has ended; what it holds stays charged until then. A person who
stops it meanwhile has the last word.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from trainyard.jobs.states import Cause
from trainyard.words import N_

from trainyard_service.accounts import notices
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.events import announce
from trainyard_service.jobs import life
from trainyard_service.jobs.naming import job_of_key, page_of

WANTED = "requeue"
_TOLD = N_(
    "The preemptible job {name} gave its place to a job or workspace that may not be preempted. It waits in the queue again; a "
    "training goes on from its last checkpoint."
)
_BY_US = frozenset({Cause.STOPPED, Cause.SUPERVISOR_LOST, Cause.NODE_LOST, Cause.NODE_EVICTED})


def want_back(session: Session, key: str) -> None:
    """Write down that the holder of ``key`` shall give its place back, unless it ends anyway."""
    known = job_of_key(key)
    job = session.get(JobRow, known[0]) if known else None
    if job is not None and known is not None and job.attempt == known[1] and job.wanted == "run":
        job.wanted = WANTED
        announce(session, "job", job.id, life.audience(job))


def gives_way(job: JobRow, ending: dict[str, Any]) -> bool:
    """Whether this end is the one that was asked for; a job that finished or failed by itself just then has ended."""
    return job.wanted == WANTED and ending["cause"] in _BY_US


def evicted(ending: dict[str, Any]) -> dict[str, Any]:
    """The certificate of such an attempt."""
    return {**ending, "cause": Cause.EVICTED, "stopped_by": None}


def again(job: JobRow) -> dict[str, Any]:
    """What changes as it goes back into the queue: to its old place in it, and to resume."""
    return {"wanted": "run", "queued": job.queued, "spec": {**job.spec, "resume": True}}


def tell(session: Session, job: JobRow) -> None:
    """Say so to its owner."""
    notices.send(session, job.owner_id, _TOLD, link=page_of(job.spec), name=job.name)
