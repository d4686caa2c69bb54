"""Runs that go wrong without ending: one that says nothing any more, one whose loss is no number. Their owners get a notice.

One for each attempt and cause, kept with the attempt, so that neither a restart of the service nor a second one sends it twice.
The trials of a search may lose their numbers, that is what a search tries out; a try of one batch is over before anybody reads.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload
from trainyard.jobs.states import JobState
from trainyard.metrics.beneath import modified_beneath
from trainyard.records.trainings import InstanceState
from trainyard.words import N_

from trainyard_service.accounts import notices
from trainyard_service.context import Context
from trainyard_service.database.tables.jobs import AttemptRow, JobRow
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.jobs import gang
from trainyard_service.jobs.naming import log_of_replica, page_of
from trainyard_service.lasting import every
from trainyard_service.trainings import places
from trainyard_service.trainings.curves import curves_of, moment

log = logging.getLogger(__name__)
QUIET, LOST = "quiet", "lost"
_SECONDS = 60.0
_NAMED = 5
_SAYS_NOTHING = N_(
    "The training {name} has written no line and no point for {minutes} min. It may be stuck: look at its log, or enter it by "
    "the console."
)
_NO_NUMBER = N_(
    "The loss of the training {name} is no number any more: {tags}. Nothing is learnt from there on. Stop it, and go on from a "
    "snapshot before that; a smaller learning rate or gradient clipping often helps."
)


async def watch_runs(context: Context) -> None:
    """Look at what runs once a minute, until cancelled."""
    await every(_SECONDS, "runs that go wrong", lambda: look(context))


def look(context: Context) -> None:
    """Every running training, once; what is wrong with the files of one keeps nobody from looking at the others."""
    with context.database.read() as session:
        query = select(TrainingRow).join(JobRow, JobRow.id == TrainingRow.job_id).where(JobRow.state == JobState.RUNNING)
        told = (joinedload(TrainingRow.job), joinedload(TrainingRow.owner), selectinload(TrainingRow.instances))
        rows = list(session.scalars(query.options(*told)))
    for row in rows:
        try:
            _look_at(context, row)
        except Exception:
            log.exception("a run could not be looked at", extra={"training": row.id})


def _look_at(context: Context, row: TrainingRow) -> None:
    if _is_silent(context, row):
        _tell(context, row.job_id, QUIET, _SAYS_NOTHING, minutes=f"{context.settings.quiet_minutes:g}")
    for one in row.instances:
        if one.state == InstanceState.RUNNING:
            tell_lost(context, one.id, curves_of(context).follow(row.id, one.id))


def tell_lost(context: Context, instance: str, tags: Sequence[str]) -> None:
    """These losses of an instance are no numbers any more."""
    if not tags:
        return
    with context.database.read() as session:
        row = session.get(InstanceRow, instance)
        job = row.training.job if row is not None else None
        if row is None or job is None or job.attempt != row.attempt or job.spec.get("search"):
            return
        job_id = job.id
    _tell(context, job_id, LOST, _NO_NUMBER, tags=", ".join(tags[:_NAMED]))


def last_output(context: Context, row: TrainingRow) -> datetime | None:
    """When the present attempt of a running training last wrote a line or a point; nothing is older than its start."""
    if row.job.state != JobState.RUNNING or row.job.started is None:
        return None
    share, log = context.home.group_share(row.group_id), places.log_below_share(row)
    lines = [modified_beneath(share, log_of_replica(log, name)) for name in gang.names_of(row.job)]
    points = [curves_of(context).progress(row.id, one.id)[1] for one in row.instances if one.attempt == row.job.attempt]
    known = [one for seconds in (*lines, *points) if (one := moment(seconds))]
    return max([row.job.started, *known])


def _is_silent(context: Context, row: TrainingRow) -> bool:
    limit, wrote = context.settings.quiet_minutes * 60, None
    if limit:
        wrote = last_output(context, row)
    return wrote is not None and time.time() - wrote.timestamp() > limit


def _tell(context: Context, job_id: str, cause: str, message: str, **values: Any) -> None:
    """A notice to the owner, unless that attempt's has been sent: both are one transaction."""
    with context.database.read() as session:
        if _told(session, job_id, cause) is None:
            return
    with context.database.write() as session:
        attempt, job = _told(session, job_id, cause), session.get(JobRow, job_id)
        if attempt is None or job is None:
            return
        attempt.told = [*(attempt.told or ()), cause]
        notices.send(session, job.owner_id, message, link=page_of(job.spec), name=job.name, **values)


def _told(session: Session, job_id: str, cause: str) -> AttemptRow | None:
    """The job's present attempt, if nobody was told about ``cause`` yet."""
    job = session.get(JobRow, job_id)
    attempt = session.get(AttemptRow, (job_id, job.attempt)) if job and not job.spec.get("dry_run") else None
    return attempt if attempt is not None and cause not in (attempt.told or ()) else None
