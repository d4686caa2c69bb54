"""The reconciler: rows say what is wanted, the launcher tells what is, and every pass closes the difference.

It may be killed between any two statements and started again. A start is keyed by (job, attempt) and written down, with what it
holds, before anything starts; what is found running is adopted; nothing is started twice, also not by two services at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.errors import UserError
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import ACTIVE, Cause, JobState
from trainyard.metrics.beneath import open_beneath
from trainyard.quotas import Request, admit
from trainyard.records.jobs import JobKind

from trainyard_service.context import Context
from trainyard_service.database.tables.jobs import AllocationRow, AttemptRow, JobRow
from trainyard_service.events import announce
from trainyard_service.jobs import enforcement, life
from trainyard_service.jobs.endings import certificate, launch_failure, next_state
from trainyard_service.jobs.kinds import Kind, Start, launch_spec
from trainyard_service.jobs.lease import lease
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.jobs.naming import job_of_key
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.jobs.tokens import remove_private_folder
from trainyard_service.lasting import beside

log = logging.getLogger(__name__)
_TOPICS = frozenset({"job", "account", "group", "workspace", "reset"})
_LAST_LINES = 20
_LAST_BYTES = 16 * 1024


@dataclass
class JobEngine:
    """Queue and reconciler over one context. ``reconcile`` is one blocking pass; ``run`` does passes as things change."""

    context: Context
    settings: JobSettings
    ledger: Ledger
    kinds: Mapping[JobKind, Kind]

    def __post_init__(self) -> None:
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.context.enforcers.append(lambda _account: self.wake())

    def wake(self) -> None:
        """Ask for a pass soon; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._changed.set)

    async def run(self) -> None:
        """Act until cancelled; of several services on one database one acts, the others wait for its end."""
        while True:
            async with lease(self.context.database) as lost:
                log.info("this service acts")
                await self._act(lost)

    async def _act(self, lost: asyncio.Event) -> None:
        """Pass after pass: when the launcher or a row changes, and at every slow tick."""
        self._loop = asyncio.get_running_loop()
        try:
            async with beside(self._watch_launcher, self._watch_rows, partial(self._watch_lease, lost)):
                while not lost.is_set():
                    self._changed.clear()
                    await self._pass()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), self.settings.tick)
        finally:
            self._loop = None

    async def _pass(self) -> None:
        try:
            await asyncio.to_thread(self.reconcile)
        except Exception:
            # a failed pass is logged and tried again; the queue must not stand still for one bad row
            log.exception("a pass of the reconciler failed")

    async def _watch_launcher(self) -> None:
        async for _key in self.context.launcher.changes():
            self._changed.set()

    async def _watch_rows(self) -> None:
        async with self.context.events.subscribe() as events:
            async for event in events:
                if event.topic in _TOPICS:
                    self._changed.set()

    async def _watch_lease(self, lost: asyncio.Event) -> None:
        await lost.wait()
        self._changed.set()

    def reconcile(self) -> None:
        """One pass: who may not go on, what has changed, who may start, what to start, what to tidy up."""
        truth = {state.key: state for state in self.context.launcher.states()}
        self._guard("who may not go on", self._enforce, truth)
        for job_id in self._ids(*ACTIVE):
            self._guard(job_id, self._observe, job_id, truth)
        self._guard("what was stopped in the queue", self._stop_queued)
        self._guard("the queue", self._admit)
        for job_id in self._ids(JobState.STARTING):
            self._guard(job_id, self._launch, job_id, truth)
        for key, state in truth.items():
            self._guard(key, self._tidy, key, state)

    def _ids(self, *states: JobState) -> list[str]:
        with self.context.database.read() as session:
            return list(session.scalars(select(JobRow.id).where(JobRow.state.in_(states)).order_by(JobRow.created)))

    def _guard(self, what: str, step: Callable[..., None], *arguments: Any) -> None:
        """The trouble of one job, or of one step, is logged and stays its own."""
        try:
            step(*arguments)
        except Exception:
            log.exception("%s could not be reconciled", what, extra={"job": what})

    def _enforce(self, truth: Mapping[str, LaunchState]) -> None:
        """Rights that have ended; workspaces are stopped when that is written down."""
        with self.context.database.write() as session:
            ending = enforcement.enforce(session, truth, self.settings)
        for key in ending:
            self._guard(key, self.context.launcher.stop, key)

    def _observe(self, job_id: str, truth: Mapping[str, LaunchState]) -> None:
        """Bring an active job's row in line with what the launcher tells."""
        with self.context.database.read() as session:
            job = session.get_one(JobRow, job_id)
            key, now_state, wanted = job.key, JobState(job.state), job.wanted
        state = truth.get(key) or self.context.launcher.state(key)
        if state is None:
            if now_state is JobState.RUNNING:
                self._finish(job_id, LaunchState(key=key, phase="ended", cause=Cause.SUPERVISOR_LOST))
            return
        if state.phase == "running" and now_state is JobState.STARTING:
            self._now_running(job_id, state)
        if state.phase == "ended":
            self._finish(job_id, state)
        elif wanted == "stop":
            self.context.launcher.stop(key, grace=self.settings.grace)

    def _now_running(self, job_id: str, state: LaunchState) -> None:
        started = datetime.fromtimestamp(state.started_at, UTC) if state.started_at else datetime.now(UTC)
        with self.context.database.write() as session:
            job = session.get_one(JobRow, job_id)
            if job.key == state.key and job.state == JobState.STARTING:
                self._move(session, job, JobState.RUNNING, started=started)

    def _finish(self, job_id: str, state: LaunchState) -> None:
        """Write the end of an attempt: certificate, dead token, allocation given back, next state; all or nothing."""
        with self.context.database.write() as session:
            job = session.get_one(JobRow, job_id)
            if job.key != state.key or JobState(job.state) not in ACTIVE:
                return
            if job.state == JobState.STARTING and state.started_at:
                # it ran and ended between two looks; its start is known nevertheless
                job.started = datetime.fromtimestamp(state.started_at, UTC)
            self._end(session, job, certificate(state, job, self._last_lines(session, job)))
        remove_private_folder(self.context.home, state.key)
        self.kinds[JobKind(job.kind)].after(job)

    def _end(self, session: Session, job: JobRow, ending: dict[str, Any]) -> None:
        life.end_attempt(session, job, ending)
        self.ledger.release(session, job.key)
        announce(session, "usage", "machine", life.audience(job))
        lost = ending["cause"] == Cause.SUPERVISOR_LOST
        if lost and job.wanted == "run" and self.kinds[JobKind(job.kind)].resumes and job.lost < self.settings.lost_limit:
            self._move(session, job, JobState.QUEUED, lost=job.lost + 1)
        else:
            self._move(session, job, next_state(ending, job.wanted), ending=ending)

    def _move(self, session: Session, job: JobRow, then: JobState, **changes: Any) -> None:
        if life.move(session, job, then, **changes):
            self.kinds[JobKind(job.kind)].moved(session, job, then)

    def _stop_queued(self) -> None:
        with self.context.database.write() as session:
            waiting = (JobState.QUEUED, JobState.CREATED)
            for job in session.scalars(select(JobRow).where(JobRow.state.in_(waiting), JobRow.wanted == "stop")):
                ending: dict[str, Any] = {"cause": Cause.STOPPED, "stopped_by": job.stopped_by, "last_lines": []}
                self._move(session, job, JobState.STOPPED, ending=ending)

    def _admit(self) -> None:
        """Decide who starts, and write down attempts and allocations in the same transaction."""
        with self.context.database.write() as session:
            waiting = session.scalars(select(JobRow).where(JobRow.state == JobState.QUEUED))
            queue = [job for job in waiting if self._has_package(session, job)]
            if not queue:
                return
            rows = {job.id: job for job in queue}
            admission = admit(map(self._request, queue), self.ledger.holdings(session), self.ledger.limits(session))
            for job_id, devices in admission.starts.items():
                self._allocate(session, rows[job_id], devices)
            for job_id, wait in admission.waits.items():
                reason = {"place": wait.place, **asdict(wait.shortage)}
                if rows[job_id].waiting != reason:
                    rows[job_id].waiting = reason
                    announce(session, "job", job_id, life.audience(rows[job_id]))

    def _has_package(self, session: Session, job: JobRow) -> bool:
        """A job whose package is not offered any more fails alone; the queue behind it goes on."""
        try:
            self.ledger.size(job.package)
        except UserError as error:
            self._move(session, job, JobState.FAILED, ending={**launch_failure(error), "last_lines": []})
            return False
        return True

    def _request(self, job: JobRow) -> Request:
        queued = (job.queued or job.created).timestamp()
        amount = self.ledger.size(job.package).amount()
        return Request(job.id, job.owner_id, job.group_id, amount, job.priority, queued)

    def _allocate(self, session: Session, job: JobRow, devices: tuple[str, ...]) -> None:
        if not life.begin_attempt(session, job):
            return
        amount = self.ledger.size(job.package).amount()
        row = AllocationRow(key=job.key, owner_id=job.owner_id, group_id=job.group_id, job_id=job.id)
        row.cpu, row.memory, row.gpu, row.jobs = amount.cpu, amount.memory, amount.gpu, amount.jobs
        row.devices = list(devices)
        session.add(row)
        session.flush()
        self.kinds[JobKind(job.kind)].moved(session, job, JobState.STARTING)
        announce(session, "usage", "machine", life.audience(job))

    def _launch(self, job_id: str, truth: Mapping[str, LaunchState]) -> None:
        """Start what is written down as starting and not known to the launcher; a refusal ends the attempt."""
        with self.context.database.read() as session:
            job = session.get_one(JobRow, job_id)
            if job.key in truth or self.context.launcher.state(job.key) is not None:
                return
            if job.wanted == "stop":
                refusal: dict[str, Any] = {"cause": Cause.STOPPED, "stopped_by": job.stopped_by, "last_lines": []}
                self._refused(job_id, job.key, refusal)
                return
            start = Start(job, self._devices(session, job))
            try:
                inside = self.kinds[JobKind(job.kind)].inside(session, start)
                spec, token = launch_spec(self.context, self.settings, start, inside)
            except Exception as error:
                self._refused(job_id, job.key, self._told(job, error))
                return
        self._keep_token(job_id, start.job.attempt, token)
        try:
            self.context.launcher.start(spec)
        except Exception as error:
            self._refused(job_id, spec.key, self._told(start.job, error))

    def _told(self, job: JobRow, error: Exception) -> dict[str, Any]:
        if not isinstance(error, UserError):
            log.error("job %s could not be started", job.id, exc_info=error, extra={"job": job.id})
        return {**launch_failure(error), "last_lines": []}

    def _devices(self, session: Session, job: JobRow) -> tuple[str, ...]:
        row = session.scalar(select(AllocationRow).where(AllocationRow.key == job.key))
        return tuple(row.devices) if row else ()

    def _keep_token(self, job_id: str, attempt: int, hashed: str) -> None:
        with self.context.database.write() as session:
            row = session.get_one(AttemptRow, (job_id, attempt))
            if row.ended is None:
                row.token_hash = hashed

    def _refused(self, job_id: str, key: str, ending: dict[str, Any]) -> None:
        with self.context.database.write() as session:
            job = session.get_one(JobRow, job_id)
            if job.key == key and job.state == JobState.STARTING:
                self._end(session, job, ending)
        remove_private_folder(self.context.home, key)

    def _tidy(self, key: str, state: LaunchState) -> None:
        """Stop a launch whose attempt has ended by our books, and forget what no job needs any more."""
        known = job_of_key(key)
        if known is None:
            return
        with self.context.database.read() as session:
            job = session.get(JobRow, known[0])
        current = job is not None and job.attempt == known[1]
        if state.phase != "ended" and not (current and job is not None and JobState(job.state) in ACTIVE):
            self.context.launcher.stop(key, grace=self.settings.grace)
        elif state.phase == "ended" and not current:
            self.context.launcher.forget(key)

    def output(self, session: Session, job: JobRow) -> tuple[Path, str]:
        """Where a job's output lies: a trusted folder, and the path below it."""
        return self.kinds[JobKind(job.kind)].log(session, job) or (self.context.home.launches, f"{job.key}/output.log")

    def _last_lines(self, session: Session, job: JobRow) -> list[str]:
        root, relative = self.output(session, job)
        try:
            with open_beneath(root, relative) as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - _LAST_BYTES))
                return file.read().decode("utf-8", "replace").splitlines()[-_LAST_LINES:]
        except (OSError, ValueError):
            return []
