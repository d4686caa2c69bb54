"""Why a queued job waits: its place, what is short and who holds it, what would start now, and how long it waits at most."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, object_session
from trainyard.jobs.states import JobState
from trainyard.quotas import Holding, Request, Scope, Shortage, at_latest, given_by, startable
from trainyard.records.jobs import Holder, Waiting

from trainyard_service.database.tables.accounts import GroupRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs.gang import other_sizes
from trainyard_service.jobs.line import Standing, line_of


def waiting(job: JobRow, language: str) -> Waiting | None:
    """The short answer, for lists; None where nothing is decided yet."""
    session = object_session(job)
    line = line_of(session) if session is not None else None
    if session is None or line is None or job.state != JobState.QUEUED:
        return None
    with line.lock:
        return _told(line.standing(session), job, language)


def explained(session: Session, job: JobRow, language: str) -> Waiting | None:
    """The whole answer; takes up to a tenth of a second where ten thousand wait."""
    line = line_of(session)
    if line is None:
        return None
    with line.lock:
        standing = line.standing(session)
        told, request = _told(standing, job, language), standing.queue.get(job.id)
        if told is None or request is None:
            return told
        sizes = given_by(line.ledger.capacity.machine, other_sizes(job.replicas, [*line.ledger.sizes(session).values()]))
        smaller = startable(request, sizes, standing.queue, standing.facts)
        latest = at_latest(request, standing.queue, standing.facts, time.time())
        details = {
            "holders": _holders(session, standing, request, job),
            "startable_now": smaller.name if smaller and smaller.name != job.package else None,
            "at_latest": datetime.fromtimestamp(latest, UTC) if latest is not None else None,
        }
        return told.model_copy(update=details)


def _told(standing: Standing, job: JobRow, language: str) -> Waiting | None:
    wait = standing.admission.wait(job.id)
    if wait is None:
        return None
    short, group = wait.shortage, job.group.name if job.group else ""
    subjects = {Scope.PERSON: "you", Scope.GROUP: f"group {group}", Scope.CLUSTER: f"cluster {short.cluster}"}
    return Waiting(
        place=wait.place,
        of=len(standing.queue),
        subject=subjects.get(short.scope, str(short.scope)),
        resource=short.resource,
        device_type=short.device_type,
        used=short.used,
        limit=short.limit,
        asked=short.asked,
        free=max(0.0, short.limit - short.used),
        reserved=short.reserved,
        text=short.sentence(language, group),
        promised=wait.promised,
        guaranteed=wait.guaranteed,
    )


def _holders(session: Session, standing: Standing, request: Request, job: JobRow) -> list[Holder]:
    """Who holds what is short, by group, the largest first."""
    wait = standing.admission.wait(job.id)
    if wait is None or wait.shortage.resource == "disk":
        return []
    short, sums = wait.shortage, Counter[int | None]()
    types = standing.facts.limits.types
    for one in standing.facts.holdings:
        if _counts(one, short, request):
            typed = sum(types.get(device) == short.device_type for device in one.devices)
            sums[one.group] += typed if short.device_type else getattr(one.amount, short.resource)
    names = {row.id: row.name for row in session.scalars(select(GroupRow).where(GroupRow.id.in_([one for one in sums if one])))}
    found = [Holder(group=names.get(group) if group else None, used=used) for group, used in sums.items() if used]
    return sorted(found, key=lambda one: (-one.used, one.group or ""))


def _counts(one: Holding, short: Shortage, request: Request) -> bool:
    """Whether a holding counts in the scope that is short."""
    if short.scope is Scope.PERSON:
        return (one.group, one.person) == (request.group, request.person)
    if short.scope in (Scope.GROUP, Scope.NEWCOMERS):
        return one.group == request.group
    if short.scope is Scope.CLUSTER_PERSON:
        return one.cluster == request.cluster and one.person == request.person
    if short.scope is Scope.CLUSTER:
        return one.cluster == request.cluster
    return short.scope is Scope.MACHINE or one.cluster is None
