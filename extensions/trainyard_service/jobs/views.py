"""Jobs as the caller sees them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from trainyard.jobs.states import JobState
from trainyard.quotas import Scope, Shortage
from trainyard.records.base import Person
from trainyard.records.jobs import Job, JobKind, Waiting

from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs.endings import ending_view
from trainyard_service.jobs.kinds import Kind


def person(row: AccountRow | None) -> Person:
    """Whoever owns something; what has no owner is the platform's."""
    return Person(id=row.id, name=row.name) if row else Person(id=0, name="Trainyard")


def job_view(job: JobRow, kinds: Mapping[JobKind, Kind], language: str) -> Job:
    """The record of one job, with its reasons in ``language``."""
    limit = timedelta(seconds=job.time_limit) if job.time_limit else None
    deadline = job.started + limit if job.started and limit else None
    if job.ends_at and (deadline is None or job.ends_at < deadline):
        deadline = job.ends_at
    return Job(
        id=job.id,
        kind=JobKind(job.kind),
        name=job.name,
        owner=person(job.owner),
        group=job.group.name if job.group else None,
        state=JobState(job.state),
        wanted=job.wanted,
        attempt=job.attempt,
        image=job.image,
        package=job.package,
        created=job.created,
        queued=job.queued,
        started=job.started,
        ended=job.ended,
        deadline=deadline,
        progress=kinds[JobKind(job.kind)].progress(job),
        waiting=_waiting(job, language) if job.state == JobState.QUEUED else None,
        ending=ending_view(job.ending, language),
    )


def _waiting(job: JobRow, language: str) -> Waiting | None:
    if job.waiting is None:
        return None
    told: dict[str, Any] = dict(job.waiting)
    place = told.pop("place")
    shortage = Shortage(**{**told, "scope": Scope(told["scope"])})
    group = job.group.name if job.group else ""
    subject = {Scope.PERSON: "you", Scope.GROUP: f"group {group}"}.get(shortage.scope, str(shortage.scope))
    return Waiting(
        place=place,
        subject=subject,
        resource=shortage.resource,
        used=shortage.used,
        limit=shortage.limit,
        asked=shortage.asked,
        text=shortage.sentence(language, group),
    )
