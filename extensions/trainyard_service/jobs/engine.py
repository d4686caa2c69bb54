"""The reconciler: rows say what is wanted, the launcher tells what is, and every pass closes the difference.

It may be killed between any two statements and started again. A start is keyed by (job, attempt) and written down, with what it
holds, before anything starts; what is found running is adopted; nothing is started twice, also not by two services at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, joinedload, load_only
from trainyard.errors import UserError
from trainyard.jobs.launch import OUTPUT, LaunchSpec, LaunchState
from trainyard.jobs.replicas import Together, key_of
from trainyard.jobs.states import ACTIVE, Cause, JobState
from trainyard.quotas import Request
from trainyard.records.jobs import JobKind

from trainyard_service.context import Context
from trainyard_service.database.rows import ask, change_row
from trainyard_service.database.tables.accounts import AccountRow, GroupRow
from trainyard_service.database.tables.jobs import AllocationRow, AttemptRow, JobRow
from trainyard_service.events import EVERYBODY, announce, made_by
from trainyard_service.jobs import enforcement, gang, leftovers, life, preemption, remedies
from trainyard_service.jobs.again import next_try
from trainyard_service.jobs.endings import job_certificate, launch_failure, next_state, stopped
from trainyard_service.jobs.kinds import Kind, launch_spec
from trainyard_service.jobs.last_lines import last_lines
from trainyard_service.jobs.lease import lease
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.jobs.line import Line
from trainyard_service.jobs.naming import attempt_of_key, job_of_key, log_of_replica
from trainyard_service.jobs.news import Known, News, concerned, holding, starting
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.jobs.tokens import attempt_token, remove_private_folder
from trainyard_service.lasting import beside
from trainyard_service.token_directory import token_hash

log = logging.getLogger(__name__)
_TOPICS = frozenset({"job", "account", "group", "workspace", "usage", "reset"})
_GATHER_SECONDS, _MOST_GATHER_SECONDS, _OWN_SECONDS = 0.05, 0.3, 0.2
_LONG_AGO_SECONDS = 1.0
_OF_JOB = JobRow.id == bindparam("job")
_WHOLE = select(JobRow).options(
    joinedload(JobRow.owner).load_only(AccountRow.name), joinedload(JobRow.group).load_only(GroupRow.name)
)
_ONE = _WHOLE.where(_OF_JOB)
_SEVERAL = _WHOLE.where(JobRow.id.in_(bindparam("jobs", expanding=True)))
_TO_MOVE = load_only(JobRow.kind, JobRow.owner_id, JobRow.group_id, JobRow.state, JobRow.attempt, JobRow.started, JobRow.spec)
_MOVING = select(JobRow).where(_OF_JOB).options(_TO_MOVE)
_STANDING = select(JobRow.attempt, JobRow.state, JobRow.wanted).where(_OF_JOB)
QUEUE, GIVEN = "queue", "given"
"""What the topic ``usage`` says when places in the queue have changed, and when the queue has given something out."""


@dataclass(frozen=True)
class Given:
    """What the queue has given to a job that is to start: its rows, of no session, with the job's person and group."""

    job: JobRow
    attempt: AttemptRow
    held: AllocationRow


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
        self._news = News(whole=True)
        self._begun: set[str] = set()
        self._last_whole = self._last_rights = 0.0
        self.line = Line(self.ledger)
        self.context.database.info["line"] = self.line
        self.context.enforcers.append(lambda _account: self.wake())
        self._given: dict[str, Given] | None = {}
        self._waits_its_turn = False

    def wake(self) -> None:
        """Ask for a pass soon; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._hear, News(held=True, rights=True))

    def _hear(self, news: News) -> None:
        """Keep what a pass shall look at, and ask for one."""
        self._news.add(news)
        if not news.own:
            self._changed.set()
        elif self._loop is not None:
            # mostly something else comes in the meantime, and both are one pass
            self._loop.call_later(_OWN_SECONDS, self._changed.set)

    async def run(self) -> None:
        """Act until cancelled; of several services on one database one acts, the others wait for its end."""
        while True:
            async with lease(self.context.database) as lost:
                log.info("this service acts")
                await self._act(lost)

    async def _act(self, lost: asyncio.Event) -> None:
        """Pass after pass: when the launcher or a row changes, and at every slow tick."""
        self._loop = asyncio.get_running_loop()
        made_by.set(self)
        self._news, self.line.acting = News(whole=True), True
        over = partial(leftovers.let_go, self.context, self.settings.whole_tick)
        try:
            async with beside(self._watch_launcher, self._watch_rows, partial(self._watch_lease, lost), over):
                await asyncio.sleep(0)  # they listen before the first pass reads what there is
                while not lost.is_set():
                    self._changed.clear()
                    news, self._news = self._news, News()
                    news.whole = news.whole or self._is_time()
                    began = time.monotonic()
                    await self._pass(news)
                    # launches that change at once are looked at together; the first of them does not wait. Where passes
                    # are long, much goes on, and the more is looked at in one
                    await asyncio.sleep(min(max(_GATHER_SECONDS, 4 * (time.monotonic() - began)), _MOST_GATHER_SECONDS))
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._changed.wait(), self.settings.tick)
        finally:
            self._loop, self.line.acting = None, False

    def _is_time(self) -> bool:
        """Whether everything is to be looked at again, in case something was missed."""
        return time.monotonic() - self._last_whole >= self.settings.whole_tick

    async def _pass(self, news: News) -> None:
        try:
            self._news.whole |= not await asyncio.to_thread(self.reconcile, news)
        except Exception:
            # a failed pass is logged and tried again; the queue must not stand still for one bad row
            log.exception("a pass of the reconciler failed")
            self._news.whole = True

    async def _watch_launcher(self) -> None:
        async for key in self.context.launcher.changes():
            self._hear(News(keys={key}, rights=job_of_key(key) is None))

    async def _watch_rows(self) -> None:
        async with self.context.events.subscribe() as events:
            async for event in events:
                if event.topic == "job":
                    self._hear(News(own={event.id}) if event.maker is self else News(jobs={event.id}))
                elif event.topic == "reset":
                    self._hear(News(whole=True))
                elif event.topic in _TOPICS and event.id not in (QUEUE, GIVEN):
                    self._hear(News(held=True, rights=event.topic != "usage"))

    async def _watch_lease(self, lost: asyncio.Event) -> None:
        await lost.wait()
        self._changed.set()

    def reconcile(self, news: News | None = None) -> bool:
        """One pass: who may not go on, what has changed, who may start, what to start, what to tidy up.

        False: the queue stumbled, and nobody tells this news again.
        """
        news = news or News(whole=True)
        news.rights = news.rights or news.whole or time.monotonic() - self._last_rights >= self.settings.tick
        truth = self._truth(news)
        if news.rights:
            self._guard("who may not go on", self._enforce, news, truth)
        with self.context.database.read() as session:
            known = concerned(session, news)
        active = [one for one in known if one.is_active]
        for one in self._to_observe(active, news, truth):
            self._guard(one.id, self._observe, one, truth)
        queued = [one for one in known if one.is_queued]
        for one in queued:
            if one.wanted == "stop":
                self._guard(one.id, self._stop_in_queue, one.id)
        waits = not news.names_few or any(one.wanted == "run" for one in queued)
        self._given = None  # what it is has to be looked up, until the queue has said it
        decided = self._guard("the queue", self._admit, news, waits)
        self._start_what_is_admitted(news, truth)
        expected = {one.key for one in active}
        living = {key: state for key, state in truth.items() if state.phase != "ended"}
        stray = {key for key in living if news.whole or (key in news.keys and attempt_of_key(key) not in expected)}
        if stray:
            self._guard("what is left of launches", self._tidy, stray)
        return decided

    def _start_what_is_admitted(self, news: News, truth: Mapping[str, LaunchState]) -> None:
        given = self._given or {}
        if news.rights or self._waits_its_turn or self._given is None or any(one.job.replicas for one in given.values()):
            with self.context.database.read() as session:
                admitted = starting(session)
        else:
            admitted = [Known.of(one.job) for one in given.values()]
        self._waits_its_turn = False
        for one in admitted:
            if not news.rights and one.key in self._begun:
                continue
            if gang.waits_its_turn(one, admitted, self.context.launcher.state):
                self._waits_its_turn = True
                continue
            self._guard(one.id, self._launch, one.id, given.get(one.id), truth)
            self._begun.add(one.key)

    def _truth(self, news: News) -> dict[str, LaunchState]:
        """What the launcher tells: of all launches, of those that hold something, or of those that have just changed."""
        if news.whole:
            self._last_whole = self._last_rights = time.monotonic()
            self._begun.clear()
            return {state.key: state for state in self.context.launcher.states()}
        keys = set(news.keys)
        if news.rights:
            self._last_rights = time.monotonic()
            with self.context.database.read() as session:
                keys |= holding(session)
        return {key: state for key in keys if (state := self.context.launcher.state(key)) is not None}

    def _to_observe(self, active: Sequence[Known], news: News, truth: Mapping[str, LaunchState]) -> list[Known]:
        """Those in the news, and at the tick all; but not those of which the launcher tells what their rows say already."""
        changed = set(map(attempt_of_key, news.keys))
        told = news.jobs | {one.id for one in active if one.id in news.own and one.wanted != "run"}
        chosen = [one for one in active if news.rights or one.key in changed or one.id in told]
        return [one for one in chosen if not one.goes_on(truth.get(one.key), at_tick=news.rights)]

    def _guard(self, what: str, step: Callable[..., None], *arguments: Any, **more: Any) -> bool:
        """Whether it was done; the trouble of one job, or of one step, is logged and stays its own."""
        try:
            step(*arguments, **more)
        except Exception:
            log.exception("%s could not be reconciled", what, extra={"job": what})
            return False
        return True

    def _enforce(self, news: News, truth: Mapping[str, LaunchState]) -> None:
        """Rights that have ended; workspaces are stopped when that is written down."""
        with self.context.database.read() as session:
            if not enforcement.is_needed(session, truth, self.settings, whole=news.whole):
                return
        with self.context.database.write() as session:
            ending = enforcement.enforce(session, truth, self.context, self.ledger)
        for key in ending:
            self._guard(key, self.context.launcher.stop, key)

    def _observe(self, one: Known, truth: Mapping[str, LaunchState]) -> None:
        """Bring an active job's row in line with what the launcher tells of its replicas."""
        job, refused = one.row, None
        if one.replicas:
            with self.context.database.read() as session:
                refused = _refused_in_part(session, job)
        seen = gang.look(job, truth, self.context.launcher.state, closing=refused is not None)
        if refused is not None and (seen.state is None or seen.state.phase == "ended"):
            self._refused(one.id, one.key, refused)
        elif seen.state is None:
            return
        elif seen.state.phase == "ended":
            self._finish(one.id, seen)
        else:
            if seen.state.phase == "running" and one.state == JobState.STARTING:
                self._now_running(one.id, seen.state)
            keys = gang.keys_of(job)
            for name in seen.stop:
                self._guard(one.key, self.context.launcher.stop, keys[name], grace=self.settings.grace)

    def _now_running(self, job_id: str, state: LaunchState) -> None:
        started = datetime.fromtimestamp(state.started_at, UTC) if state.started_at else datetime.now(UTC)
        with self.context.database.write() as session:
            job = session.scalars(_MOVING, {"job": job_id}).one()
            if job.key == state.key and job.state == JobState.STARTING:
                self._move(session, job, JobState.RUNNING, started=started)

    def _finish(self, job_id: str, seen: Together) -> None:
        """Write the end of an attempt: certificate, dead token, allocation given back, next state; all or nothing."""
        state = seen.state
        assert state is not None
        with self.context.database.write() as session:
            job = session.scalars(_ONE, {"job": job_id}).one()
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

    def _stop_in_queue(self, job_id: str) -> None:
        with self.context.database.write() as session:
            job = session.get_one(JobRow, job_id)
            if job.wanted == "stop" and job.state in (JobState.QUEUED, JobState.CREATED):
                self._move(session, job, JobState.STOPPED, ending=stopped(job.stopped_by, paused=bool(job.spec.get("paused"))))

    def _admit(self, news: News, queued: bool) -> None:
        """Decide who starts and who gives way, and write down attempts and allocations in the same transaction.

        ``queued``: one that is in the news waits in the queue now.
        """
        changed = None if news.whole else news.jobs | news.own | self.line.due()
        for_disk = self.line.waits_for_disk
        concerned = queued or changed is None or any(job_id in self.line for job_id in changed)
        if not concerned and not (len(self.line) and (news.held or for_disk)):
            self._given = {}
            return
        with self.context.database.write() as session:
            for job_id in self.line.read(session, changed):
                self._without_package(session, session.get_one(JobRow, job_id))
            if not len(self.line):
                self._given = {}
                return
            admission = self.line.decide(session, fresh=news.whole or for_disk)
            # workspaces that wait are started by their spawners, who ask again
            starts = {key: devices for key, devices in admission.starts.items() if key not in self.line.workspaces}
            jobs = {job.id: job for job in session.scalars(_SEVERAL, {"jobs": list(starts)})} if starts else {}
            # one that has just been deleted stands in the line until its news come
            given = {job_id: self._allocate(session, job, starts[job_id]) for job_id, job in jobs.items()}
            for key in admission.preempts:
                preemption.want_back(session, key)
            if changed is None or changed or starts:
                announce(session, "usage", QUEUE, EVERYBODY)
        self._given = given

    def _without_package(self, session: Session, job: JobRow) -> None:
        """A job whose package is not offered any more fails alone; the queue behind it goes on."""
        try:
            self.ledger.whole(session, job.package, job.replicas)
        except UserError as error:
            self._move(session, job, JobState.FAILED, ending=launch_failure(error))

    def _request(self, session: Session, job: JobRow) -> Request:
        size = self.ledger.whole(session, job.package, job.replicas)
        return Request(job.id, job.owner_id, job.group_id, size.amount(), device_type=size.gpu_type)

    def _allocate(self, session: Session, job: JobRow, devices: tuple[str, ...]) -> Given:
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

    def _launch(self, job_id: str, given: Given | None, truth: Mapping[str, LaunchState]) -> None:
        """Start what is written down as starting and not known to the launcher; a refusal ends the attempt.

        ``given``: what has just been written down, which need not be read again unless somebody has changed it since.
        """
        looked = time.monotonic()
        with self.context.database.read() as session:
            if given is not None and _stands(session, given.job):
                session.add_all((given.job, given.attempt, given.held))
            else:
                given = None
            job = given.job if given else session.scalars(_ONE, {"job": job_id}).one()
            if job.state != JobState.STARTING:
                return
            seen = gang.look(job, truth, self.context.launcher.state)
            if not seen.missing or seen.stop or _refused_in_part(session, job) is not None:
                return
            if job.wanted != "run":
                by_person = job.wanted == "stop"
                ending = stopped(job.stopped_by, paused=bool(job.spec.get("paused"))) if by_person else stopped(None)
                self._refused(job_id, job.key, ending)
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

    def _still_stands(self, job: JobRow) -> bool:
        with self.context.database.read() as session:
            return _stands(session, job)

    def _specs(self, session: Session, given: Given, names: Sequence[str]) -> list[LaunchSpec]:
        """What the launcher needs to start these replicas; the attempt's token is written down."""
        job = given.job
        sizes = self.ledger.sizes(session) if job.replicas else {}
        starts = [one for one in gang.starts(job, given.held, sizes) if one.replica in names]
        kind, made = self.kinds[JobKind(job.kind)], []
        for start in starts:
            spec, token = launch_spec(self.context, self.settings, start, kind.inside(session, start))
            made.append(spec)
        if given.attempt.token_hash != token:
            self._keep_token(job.id, job.attempt, token)
        return made

    def _not_started(self, job_id: str, job: JobRow, seen: Together, error: Exception) -> None:
        """End the attempt for want of a start; what has started already is ended first, and until then its place is kept."""
        ending = self._told(job, error)
        if seen.state is None:
            self._refused(job_id, job.key, ending)
            return
        half = {**ending, "half_started": not isinstance(error, UserError)}
        with self.context.database.write() as session:
            attempt = session.get_one(AttemptRow, (job_id, job.attempt))
            if attempt.ended is None:
                attempt.ending = half
        self._observe(Known.of(job), {})

    def _told(self, job: JobRow, error: Exception) -> dict[str, Any]:
        if not isinstance(error, UserError):
            log.error("job %s could not be started", job.id, exc_info=error, extra={"job": job.id})
        return launch_failure(error)

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

    def _tidy(self, living: Collection[str]) -> None:
        """Stop launches whose attempt has ended by our books."""
        with self.context.database.read() as session:
            stray = leftovers.unneeded(session, living)
        for key in stray:
            self._guard(key, self.context.launcher.stop, key, grace=self.settings.grace)

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
