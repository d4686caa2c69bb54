"""Jobs as the caller sees them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from trainyard.jobs.states import JobState
from trainyard.records.base import Person
from trainyard.records.jobs import Attempt, Job, JobKind, RestartPolicy

from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.tables.jobs import AttemptRow, JobRow
from trainyard_service.jobs.endings import ending_view
from trainyard_service.jobs.gang import members_of
from trainyard_service.jobs.kinds import Kind
from trainyard_service.jobs.line import is_held_back
from trainyard_service.jobs.waiting import waiting


def person(row: AccountRow | None) -> Person:
    """Whoever owns something; what has no owner is the platform's."""
    return Person(id=row.id, name=row.name) if row else Person(id=0, name="Trainyard")


def job_view(job: JobRow, kinds: Mapping[JobKind, Kind], language: str) -> Job:
    """The record of one job, with its reasons in ``language``."""
    state = JobState(job.state)
    held_back = state is JobState.QUEUED and is_held_back(job.not_before)
    return Job(
        id=job.id,
        kind=JobKind(job.kind),
        name=job.name,
        owner=person(job.owner),
        group=job.group.name if job.group else None,
        state=state,
        wanted=job.wanted,
        attempt=job.attempt,
        image=job.image,
        package=job.package,
        priority=job.priority,
        preemptible=job.preemptible,
        cluster=job.cluster,
        created=job.created,
        queued=job.queued,
        started=job.started,
        ended=job.ended,
        deadline=_deadline(job),
        progress=kinds[JobKind(job.kind)].progress(job),
        waiting=waiting(job, language) if state is JobState.QUEUED else None,
        ending=ending_view(job.ending, language),
        restart=RestartPolicy.model_validate(job.restart) if job.restart else None,
        retries=job.retries,
        retry_at=job.not_before if held_back else None,
        paused=bool(job.spec.get("paused")) and state is JobState.STOPPED,
        training=job.spec.get("training"),
        dataset=None if job.kind == JobKind.TRAIN else job.spec.get("dataset"),
        replicas=[one.name for one in members_of(job)],
    )


def attempt_view(attempt: AttemptRow, language: str) -> Attempt:
    """One start of a job, with its end in ``language``."""
    ending = ending_view(attempt.ending, language)
    return Attempt(number=attempt.number, created=attempt.created, ended=attempt.ended, ending=ending)


def _deadline(job: JobRow) -> datetime | None:
    """When it ends at the latest: by its time limit, or by the notice after its owner left the group."""
    deadline = job.deadline
    if deadline is None and job.started and job.time_limit:
        deadline = job.started + timedelta(seconds=job.time_limit)
    return min(filter(None, (deadline, job.ends_at)), default=None)
