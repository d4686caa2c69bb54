"""Between rows and launcher, one job at a time: what was admitted is started, what runs and ends is seen, strays are ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session
from trainyard.errors import UserError
from trainyard.jobs.launch import LaunchSpec, LaunchState
from trainyard.jobs.replicas import Together
from trainyard.jobs.states import JobState
from trainyard.records.jobs import JobKind

from trainyard_service.context import Context
from trainyard_service.database.rows import ask
from trainyard_service.database.tables.jobs import AllocationRow, AttemptRow, JobRow
from trainyard_service.jobs import gang, leftovers
from trainyard_service.jobs.endings import launch_failure, stopped
from trainyard_service.jobs.kinds import launch_spec
from trainyard_service.jobs.news import Known
from trainyard_service.jobs.transitions import ONE, Given, Transitions
from trainyard_service.lasting import guarded

log = logging.getLogger(__name__)
_LONG_AGO_SECONDS = 1.0
_STANDING = select(JobRow.attempt, JobRow.state, JobRow.wanted).where(JobRow.id == bindparam("job"))


@dataclass
class Launches:
    """What the launcher has of the jobs of one context."""

    context: Context
    transitions: Transitions

    def start(self, job_id: str, given: Given | None, truth: Mapping[str, LaunchState]) -> None:
        """Start what is written down as starting and not known to the launcher; a refusal ends the attempt.

        ``given``: what has just been written down, which need not be read again unless somebody has changed it since.
        """
        looked = time.monotonic()
        with self.context.database.read() as session:
            if given is not None and _stands(session, given.job):
                session.add_all((given.job, given.attempt, given.held))
            else:
                given = None
            job = given.job if given else session.scalars(ONE, {"job": job_id}).one()
            if job.state != JobState.STARTING:
                return
            seen = gang.look(job, truth, self.context.launcher.state)
            if not seen.missing or seen.stop or _refused_in_part(session, job) is not None:
                return
            if job.wanted != "run":
                by_person = job.wanted == "stop"
                ending = stopped(job.stopped_by, paused=bool(job.spec.get("paused"))) if by_person else stopped(None)
                self.transitions.refuse(job_id, job.key, ending)
                return
            try:
                specs = self._specs(session, given or _given(session, job), seen.missing)
            except Exception as error:
                self._not_started(job_id, job, seen, error)
                return
        for spec in specs:
            if time.monotonic() - looked > _LONG_AGO_SECONDS and not self._still_stands(job):
                # another service took over meanwhile: what it has run to its end the launcher may not know any more
                return
            try:
                self.context.launcher.start(spec)
            except Exception as error:
                self._not_started(job_id, job, gang.look(job, {}, self.context.launcher.state), error)
                return

    def observe(self, one: Known, truth: Mapping[str, LaunchState]) -> None:
        """Bring an active job's row in line with what the launcher tells of its replicas."""
        job, refused = one.row, None
        if one.replicas:
            with self.context.database.read() as session:
                refused = _refused_in_part(session, job)
        seen = gang.look(job, truth, self.context.launcher.state, closing=refused is not None)
        if refused is not None and (seen.state is None or seen.state.phase == "ended"):
            self.transitions.refuse(one.id, one.key, refused)
        elif seen.state is None:
            return
        elif seen.state.phase == "ended":
            self.transitions.finish(one.id, seen)
        else:
            if seen.state.phase == "running" and one.state == JobState.STARTING:
                self.transitions.now_running(one.id, seen.state)
            keys = gang.keys_of(job)
            for name in seen.stop:
                guarded(one.key, self.context.launcher.stop, keys[name], grace=self.transitions.settings.grace)

    def end_strays(self, living: Collection[str]) -> None:
        """Stop launches whose attempt has ended by our books."""
        with self.context.database.read() as session:
            stray = leftovers.unneeded(session, living)
        for key in stray:
            guarded(key, self.context.launcher.stop, key, grace=self.transitions.settings.grace)

    def _still_stands(self, job: JobRow) -> bool:
        with self.context.database.read() as session:
            return _stands(session, job)

    def _specs(self, session: Session, given: Given, names: Sequence[str]) -> list[LaunchSpec]:
        """What the launcher needs to start these replicas; the attempt's token is written down."""
        job = given.job
        sizes = self.transitions.ledger.sizes(session) if job.replicas else {}
        starts = [one for one in gang.starts(job, given.held, sizes) if one.replica in names]
        kind, made = self.transitions.kinds[JobKind(job.kind)], []
        for start in starts:
            spec, token = launch_spec(self.context, self.transitions.settings, start, kind.inside(session, start))
            made.append(spec)
        if given.attempt.token_hash != token:
            self._keep_token(job.id, job.attempt, token)
        return made

    def _not_started(self, job_id: str, job: JobRow, seen: Together, error: Exception) -> None:
        """End the attempt for want of a start; what has started already is ended first, and until then its place is kept."""
        ending = self._told(job, error)
        if seen.state is None:
            self.transitions.refuse(job_id, job.key, ending)
            return
        half = {**ending, "half_started": not isinstance(error, UserError)}
        with self.context.database.write() as session:
            attempt = session.get_one(AttemptRow, (job_id, job.attempt))
            if attempt.ended is None:
                attempt.ending = half
        self.observe(Known.of(job), {})

    def _told(self, job: JobRow, error: Exception) -> dict[str, Any]:
        if not isinstance(error, UserError):
            log.error("job %s could not be started", job.id, exc_info=error, extra={"job": job.id})
        return launch_failure(error)

    def _keep_token(self, job_id: str, attempt: int, hashed: str) -> None:
        with self.context.database.write() as session:
            row = session.get_one(AttemptRow, (job_id, attempt))
            if row.ended is None:
                row.token_hash = hashed


def _given(session: Session, job: JobRow) -> Given:
    """What was given to a job when that was decided."""
    held = session.scalars(select(AllocationRow).where(AllocationRow.key == job.key)).one()
    return Given(job, session.get_one(AttemptRow, (job.id, job.attempt)), held)


def _stands(session: Session, job: JobRow) -> bool:
    """Whether a job that was given something still is to start with it."""
    return ask(session, _STANDING, job=job.id).first() == (job.attempt, JobState.STARTING, "run")


def _refused_in_part(session: Session, job: JobRow) -> dict[str, Any] | None:
    """Why a replica of the present attempt could not be started; the others are being ended."""
    attempt = session.get(AttemptRow, (job.id, job.attempt)) if job.replicas else None
    return attempt.ending if attempt is not None and attempt.ended is None else None
