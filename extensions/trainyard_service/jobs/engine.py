"""The reconciler: rows say what is wanted, the launcher tells what is, and every pass closes the difference.

It may be killed between any two statements and started again. A start is keyed by (job, attempt) and written down, with what it
holds, before anything starts; what is found running is adopted; nothing is started twice, also not by two services at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session
from trainyard.jobs.launch import LaunchState
from trainyard.records.jobs import JobKind

from trainyard_service.context import Context
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.events import EVERYBODY, announce, made_by
from trainyard_service.jobs import enforcement, gang, leftovers, preemption
from trainyard_service.jobs.kinds import Kind
from trainyard_service.jobs.launches import Launches
from trainyard_service.jobs.lease import lease
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.jobs.line import Line
from trainyard_service.jobs.naming import attempt_of_key, job_of_key
from trainyard_service.jobs.news import Known, News, concerned, holding, starting
from trainyard_service.jobs.settings import JobSettings
from trainyard_service.jobs.transitions import GIVEN, SEVERAL, Given, Transitions
from trainyard_service.lasting import beside, guarded

log = logging.getLogger(__name__)
_TOPICS = frozenset({"job", "account", "group", "workspace", "usage", "reset"})
_GATHER_SECONDS, _MOST_GATHER_SECONDS, _OWN_SECONDS = 0.05, 0.3, 0.2
QUEUE = "queue"
"""What the topic ``usage`` says when places in the queue have changed."""


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
        self.transitions = Transitions(self.context, self.settings, self.ledger, self.kinds)
        self.launches = Launches(self.context, self.transitions)
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
            guarded("who may not go on", self._enforce, news, truth)
        with self.context.database.read() as session:
            known = concerned(session, news)
        active = [one for one in known if one.is_active]
        for one in self._to_observe(active, news, truth):
            guarded(one.id, self.launches.observe, one, truth)
        queued = [one for one in known if one.is_queued]
        for one in queued:
            if one.wanted == "stop":
                guarded(one.id, self.transitions.stop_in_queue, one.id)
        waits = not news.names_few or any(one.wanted == "run" for one in queued)
        self._given = None  # what it is has to be looked up, until the queue has said it
        decided = guarded("the queue", self._admit, news, waits)
        self._start_what_is_admitted(news, truth)
        expected = {one.key for one in active}
        living = {key: state for key, state in truth.items() if state.phase != "ended"}
        stray = {key for key in living if news.whole or (key in news.keys and attempt_of_key(key) not in expected)}
        if stray:
            guarded("what is left of launches", self.launches.end_strays, stray)
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
            guarded(one.id, self.launches.start, one.id, given.get(one.id), truth)
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

    def _enforce(self, news: News, truth: Mapping[str, LaunchState]) -> None:
        """Rights that have ended; workspaces are stopped when that is written down."""
        with self.context.database.read() as session:
            if not enforcement.is_needed(session, truth, self.settings, whole=news.whole):
                return
        with self.context.database.write() as session:
            ending = enforcement.enforce(session, truth, self.context, self.ledger)
        for key in ending:
            guarded(key, self.context.launcher.stop, key)

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
                self.transitions.without_package(session, session.get_one(JobRow, job_id))
            if not len(self.line):
                self._given = {}
                return
            admission = self.line.decide(session, fresh=news.whole or for_disk)
            # workspaces that wait are started by their spawners, who ask again
            starts = {key: devices for key, devices in admission.starts.items() if key not in self.line.workspaces}
            jobs = {job.id: job for job in session.scalars(SEVERAL, {"jobs": list(starts)})} if starts else {}
            # one that has just been deleted stands in the line until its news come
            given = {
                one: self.transitions.allocate(session, jobs[one], devices) for one, devices in starts.items() if one in jobs
            }
            for key in admission.preempts:
                preemption.want_back(session, key)
            if changed is None or changed or starts:
                announce(session, "usage", QUEUE, EVERYBODY)
        self._given = given

    def output(self, session: Session, job: JobRow, replica: str = "") -> tuple[Path, str]:
        """See ``Transitions.output``."""
        return self.transitions.output(session, job, replica)
