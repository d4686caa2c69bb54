"""What happens to jobs, written down: each step in one transaction, with what it means for the job's subject."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, joinedload, load_only
from trainyard.errors import UserError
from trainyard.jobs.launch import OUTPUT, LaunchState
from trainyard.jobs.replicas import Together, key_of
from trainyard.jobs.states import ACTIVE, Cause, JobState
from trainyard.quotas import Request
from trainyard.records.jobs import JobKind

from trainyard_service.context import Context
from trainyard_service.database.rows import change_row
from trainyard_service.database.tables.accounts import AccountRow, GroupRow
from trainyard_service.database.tables.jobs import AllocationRow, AttemptRow, JobRow
from trainyard_service.events import announce
from trainyard_service.jobs import gang, life, preemption, remedies
from trainyard_service.jobs.again import next_try
from trainyard_service.jobs.endings import job_certificate, launch_failure, next_state, stopped
from trainyard_service.jobs.kinds import Kind
from trainyard_service.jobs.last_lines import last_lines
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.jobs.naming import log_of_replica
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.jobs.tokens import attempt_token, remove_private_folder
from trainyard_service.token_directory import token_hash

_WHOLE = select(JobRow).options(
    joinedload(JobRow.owner).load_only(AccountRow.name), joinedload(JobRow.group).load_only(GroupRow.name)
)
ONE = _WHOLE.where(JobRow.id == bindparam("job"))
"""A job with the names of its owner and group."""
SEVERAL = _WHOLE.where(JobRow.id.in_(bindparam("jobs", expanding=True)))
_TO_MOVE = load_only(JobRow.kind, JobRow.owner_id, JobRow.group_id, JobRow.state, JobRow.attempt, JobRow.started, JobRow.spec)
_MOVING = select(JobRow).where(JobRow.id == bindparam("job")).options(_TO_MOVE)
GIVEN = "given"
"""What the topic ``usage`` says when the queue has given something out."""


@dataclass(frozen=True)
class Given:
    """What the queue has given to a job that is to start: its rows, of no session, with the job's person and group."""

    job: JobRow
    attempt: AttemptRow
    held: AllocationRow


@dataclass
class Transitions:
    """From one state of a job to the next; whoever asks has looked at the launcher, or decided."""

    context: Context
    settings: JobSettings
    ledger: Ledger
    kinds: Mapping[JobKind, Kind]

    def allocate(self, session: Session, job: JobRow, devices: tuple[str, ...]) -> Given:
        """A queued job is given what it asked for: its attempt and its allocation begin."""
        amount = self.ledger.whole(session, job.package, job.replicas).amount()
        attempt = life.begin_attempt(session, job)
        with contextlib.suppress(OSError):  # a full disk ends this attempt at its launch, not everybody's admission
            attempt.token_hash = token_hash(attempt_token(self.context.home, job.key))
        row = AllocationRow(key=job.key, owner_id=job.owner_id, group_id=job.group_id, job_id=job.id)
        row.cpu, row.memory, row.gpu, row.jobs = amount.cpu, amount.memory, amount.gpu, amount.jobs
        row.devices = list(devices)
        session.add(row)
        self.kinds[JobKind(job.kind)].moved(session, job, JobState.STARTING)
        announce(session, "usage", GIVEN, life.audience(job))
        return Given(job, attempt, row)

    def now_running(self, job_id: str, state: LaunchState) -> None:
        """A job that starts runs now, by what the launcher tells."""
        started = datetime.fromtimestamp(state.started_at, UTC) if state.started_at else datetime.now(UTC)
        with self.context.database.write() as session:
            job = session.scalars(_MOVING, {"job": job_id}).one()
            if job.key == state.key and job.state == JobState.STARTING:
                self._move(session, job, JobState.RUNNING, started=started)

    def finish(self, job_id: str, seen: Together) -> None:
        """Write the end of an attempt: certificate, dead token, allocation given back, next state; all or nothing."""
        state = seen.state
        assert state is not None
        with self.context.database.write() as session:
            job = session.scalars(ONE, {"job": job_id}).one()
            if job.key != state.key or JobState(job.state) not in ACTIVE:
                return
            if job.state == JobState.STARTING and state.started_at:
                # it ran and ended between two looks; its start is known nevertheless
                change_row(session, job, {"started": datetime.fromtimestamp(state.started_at, UTC)})
            ending = job_certificate(state, job, last_lines(*self.output(session, job, seen.first)))
            ending["replica"] = seen.first
            if ending["cause"] == Cause.OUT_OF_MEMORY:
                has = (job.package, job.replicas)
                ending["offer"] = remedies.twice_the_memory(session, self.ledger, self._request(session, job), has)
            self._end(session, job, ending)
        remove_private_folder(self.context.home, state.key)
        self.kinds[JobKind(job.kind)].after(job)

    def refuse(self, job_id: str, key: str, ending: dict[str, Any]) -> None:
        """A job that was to start did not: so its attempt ends."""
        with self.context.database.write() as session:
            job = session.get_one(JobRow, job_id)
            if job.key == key and job.state == JobState.STARTING:
                self._end(session, job, ending)
        remove_private_folder(self.context.home, key)

    def stop_in_queue(self, job_id: str) -> None:
        """A job that is not wanted any more ends where it waits."""
        with self.context.database.write() as session:
            job = session.get_one(JobRow, job_id)
            if job.wanted == "stop" and job.state in (JobState.QUEUED, JobState.CREATED):
                self._move(session, job, JobState.STOPPED, ending=stopped(job.stopped_by, paused=bool(job.spec.get("paused"))))

    def without_package(self, session: Session, job: JobRow) -> None:
        """A job whose package is not offered any more fails alone; the queue behind it goes on."""
        try:
            self.ledger.whole(session, job.package, job.replicas)
        except UserError as error:
            self._move(session, job, JobState.FAILED, ending=launch_failure(error))

    def _end(self, session: Session, job: JobRow, ending: dict[str, Any]) -> None:
        back = preemption.gives_way(job, ending)
        ending = preemption.evicted(ending) if back else ending
        if job.wanted == preemption.WANTED:
            job.wanted = "run"
        life.end_attempt(session, job, ending)
        self.ledger.release(session, job.key)
        announce(session, "usage", "machine", life.audience(job))
        if back:
            self._move(session, job, JobState.QUEUED, **preemption.again(job))
            preemption.tell(session, job)
            return
        resumes = self.kinds[JobKind(job.kind)].resumes
        again = next_try(job, ending, resumes=resumes, lost_limit=self.settings.lost_limit)
        if again is not None:
            self._move(session, job, JobState.QUEUED, **again)
        else:
            self._move(session, job, next_state(ending, job.wanted), ending=ending)

    def _move(self, session: Session, job: JobRow, then: JobState, **changes: Any) -> None:
        life.move(session, job, then, **changes)
        self.kinds[JobKind(job.kind)].moved(session, job, then)

    def _request(self, session: Session, job: JobRow) -> Request:
        size = self.ledger.whole(session, job.package, job.replicas)
        return Request(job.id, job.owner_id, job.group_id, size.amount(), device_type=size.gpu_type)

    def output(self, session: Session, job: JobRow, replica: str = "") -> tuple[Path, str]:
        """Where a job's output lies, or that of one replica: a trusted folder, and the path below it.

        Raises:
            NotFound: it has no such replica.
        """
        names = gang.names_of(job)
        name = gang.must_be_one(job, replica) if replica else names[0]
        known = self.kinds[JobKind(job.kind)].log(session, job)
        if known is None:
            return self.context.home.kept(key_of(job.key, name)), OUTPUT
        return known[0], log_of_replica(known[1], name)
