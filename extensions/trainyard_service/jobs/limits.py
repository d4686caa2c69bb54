"""Time limits of running trainings: when they end, by a clock that nobody sets, and warnings before that.

The supervisor ends what is over its limit; here people are told. Where the machine's clock was set, the moment shown follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache

from sqlalchemy import Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import JobState
from trainyard.records.jobs import JobKind
from trainyard.words import N_

from trainyard_service.accounts import notices
from trainyard_service.database.base import now
from trainyard_service.database.rows import ask
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.events import announce
from trainyard_service.jobs import gang, life
from trainyard_service.jobs.naming import page_of
from trainyard_service.jobs.settings import JobSettings

_LIMITED = and_(JobRow.state == JobState.RUNNING, JobRow.kind == JobKind.TRAIN, JobRow.time_limit.is_not(None))
_DRIFT = timedelta(seconds=30)
_HOUR = 3600
_HOURS = N_(
    "The training {name} reaches its time limit in {left} h. It is asked to save and ended then; its checkpoints are kept."
)
_MINUTES = N_(
    "The training {name} reaches its time limit in {left} min. It is asked to save and ended then; its checkpoints are kept."
)


def is_due(session: Session, truth: Mapping[str, LaunchState], settings: JobSettings) -> bool:
    """Whether ``watch`` has something to write: an owner is to be warned now, or an end is not written down yet."""
    moment = now()
    near = {f"near{mark}": moment + timedelta(seconds=mark) for mark in settings.time_warnings}
    due = ask(session, _due(tuple(settings.time_warnings)), **near).scalars().all()
    return any(_running(session.get_one(JobRow, job_id), truth) for job_id in due)


@cache
def _due(marks: tuple[float, ...]) -> Select[str]:
    """Running trainings whose owner has had no warning of a mark yet that is ``near``, or whose end is not known."""
    warnings = [
        and_(
            JobRow.deadline <= bindparam(f"near{mark}"),
            JobRow.time_limit > mark,
            or_(JobRow.warned.is_(None), JobRow.warned > mark),
        )
        for mark in marks
    ]
    return select(JobRow.id).where(_LIMITED, JobRow.wanted == "run", or_(JobRow.deadline.is_(None), *warnings))


def watch(session: Session, truth: Mapping[str, LaunchState], settings: JobSettings) -> None:
    """Write down when each running training ends, and warn its owner as that comes near."""
    for job in session.scalars(select(JobRow).where(_LIMITED)):
        state = _running(job, truth)
        if state is None or job.wanted != "run":
            continue
        left = _seconds_left(job, state)
        deadline = now() + timedelta(seconds=left)
        if job.deadline is None or abs(job.deadline - deadline) > _DRIFT:
            job.deadline = deadline
            announce(session, "job", job.id, life.audience(job))
        _warn(session, job, left, settings)


def _running(job: JobRow, truth: Mapping[str, LaunchState]) -> LaunchState | None:
    """What the launcher tells of the process that stands for the job, as long as that runs."""
    state = truth.get(gang.lead_key(job))
    return state if state is not None and state.phase == "running" else None


def _seconds_left(job: JobRow, state: LaunchState) -> float:
    limit = job.time_limit or 0.0
    if state.running_for is not None:
        return max(0.0, limit - state.running_for)
    return max(0.0, limit - (now() - (job.started or now())).total_seconds())


def _warn(session: Session, job: JobRow, left: float, settings: JobSettings) -> None:
    """One notice for each mark that is passed; marks longer than the limit itself say nothing."""
    passed = [mark for mark in settings.time_warnings if left <= mark < (job.time_limit or 0)]
    if not passed or (job.warned is not None and job.warned <= min(passed)):
        return
    job.warned = min(passed)
    sentence, unit = (_HOURS, _HOUR) if left >= 2 * _HOUR * 0.99 else (_MINUTES, 60)
    notices.send(session, job.owner_id, sentence, link=page_of(job.spec), name=job.name, left=f"{max(1, round(left / unit))}")
