"""The queue as a running service keeps it: read once, then row by row as jobs change; and what was decided last.

The engine that acts decides and leaves its decision here. A service that does not act (or whose engine is not running) reads
the whole queue when somebody asks, and keeps the answer for a moment.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import RLock
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from trainyard.jobs.restarts import LONGEST
from trainyard.jobs.states import JobState
from trainyard.quotas import Admission, Facts, PackageSize, Queue, Request, admit

from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs.gang import size_of
from trainyard_service.jobs.ledger import Ledger
from trainyard_service.workspaces.waiting import requests

_KEPT_SECONDS = 2.0
_PIECE = 500
_LINE = "line"
_COLUMNS = (
    JobRow.id, JobRow.owner_id, JobRow.group_id, JobRow.package, JobRow.priority, JobRow.preemptible, JobRow.cluster,
    JobRow.queued, JobRow.created, JobRow.time_limit, JobRow.not_before, JobRow.state, JobRow.wanted, JobRow.replicas,
)  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """One decision: what it was made on, and what it said."""

    queue: Queue
    facts: Facts
    admission: Admission
    at: float


class Line:
    """The queue of one service. Calls come from the engine's thread and from requests."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._queue = Queue()
        self._later: dict[str, datetime] = {}
        self._lock = RLock()
        self._standing: Standing | None = None
        self.acting = False
        self.workspaces: set[str] = set()

    def __len__(self) -> int:
        return len(self._queue)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._queue or job_id in self._later

    def due(self) -> set[str]:
        """Jobs whose pause before a retry is over."""
        return {job_id for job_id, at in self._later.items() if not is_held_back(at)}

    def read(self, session: Session, changed: Collection[str] | None = None) -> list[str]:
        """Bring the queue in line with the rows: with all of them, or with those of ``changed``.

        Gives the jobs whose package is not offered any more: they cannot be in the queue.
        """
        with self._lock:
            if changed is None:
                queue, broken = self._whole(session)
                self._queue = queue
                return broken
            return self._part(session, changed)

    @property
    def waits_for_disk(self) -> bool:
        """Whether somebody waited for bytes to be deleted when it was decided last."""
        with self._lock:
            return self._standing is not None and self._standing.admission.waits_for_disk

    def forget(self, job_id: str) -> None:
        """Take a job out, until it is read again."""
        with self._lock:
            self._queue.drop(job_id)

    def decide(self, session: Session, *, fresh: bool = True) -> Admission:
        """Who starts, who is preempted, who waits; ``fresh``: with the bytes on disk as of now, not of some seconds ago."""
        with self._lock:
            facts = self._facts(session, fresh=fresh)
            self._seat(session, self._queue)
            admission = admit(self._queue, facts.holdings, facts.limits)
            for key in admission.starts:
                self._queue.drop(key)
            self._standing = Standing(self._queue, facts, admission, time.monotonic())
            return admission

    def standing(self, session: Session) -> Standing:
        """The last decision, or what would be decided now where nobody here decides."""
        with self._lock:
            known = self._standing
            if known is not None and (self.acting or time.monotonic() - known.at < _KEPT_SECONDS):
                return known
            queue, facts = self._whole(session)[0], self._facts(session, fresh=False)
            self._seat(session, queue)
            self._standing = Standing(queue, facts, admit(queue, facts.holdings, facts.limits), time.monotonic())
            return self._standing

    @property
    def lock(self) -> RLock:
        """Held while a standing is looked into."""
        return self._lock

    def _whole(self, session: Session) -> tuple[Queue, list[str]]:
        sizes = self.ledger.sizes(session)
        rows = session.execute(select(*_COLUMNS).where(JobRow.state == JobState.QUEUED, JobRow.wanted == "run")).all()
        self._later = {row.id: row.not_before for row in rows if is_held_back(row.not_before)}
        ready = [row for row in rows if row.id not in self._later]
        asked = [(row, size_of(row.package, row.replicas, sizes)) for row in ready]
        queue = Queue(_request(row, size) for row, size in asked if size is not None)
        return queue, [row.id for row, size in asked if size is None]

    def _part(self, session: Session, changed: Collection[str]) -> list[str]:
        sizes, broken, names = self.ledger.sizes(session), [], list(changed)
        found: dict[str, Any] = {}
        for first in range(0, len(names), _PIECE):
            query = select(*_COLUMNS).where(JobRow.id.in_(names[first : first + _PIECE]))
            found |= {row.id: row for row in session.execute(query)}
        for job_id in names:
            row = found.get(job_id)
            self._later.pop(job_id, None)
            if row is None or row.state != JobState.QUEUED or row.wanted != "run":
                self._queue.drop(job_id)
            elif is_held_back(row.not_before):
                self._queue.drop(job_id)
                self._later[job_id] = row.not_before
            elif (size := size_of(row.package, row.replicas, sizes)) is None:
                self._queue.drop(job_id)
                broken.append(job_id)
            else:
                self._queue.put(_request(row, size))
        return broken

    def _seat(self, session: Session, queue: Queue) -> None:
        """Workspaces that wait stand in front of the jobs, as long as they are asked for."""
        for key in self.workspaces:
            queue.drop(key)
        waiting = requests(session, self.ledger)
        self.workspaces = {one.key for one in waiting}
        for one in waiting:
            queue.put(one)

    def _facts(self, session: Session, *, fresh: bool) -> Facts:
        limits = self.ledger.limits(session, self.ledger.stored(session, fresh=fresh))
        return Facts(self.ledger.holdings(session), limits, self.ledger.settings.grace)


def line_of(session: Session) -> Line | None:
    """The line of the service a session belongs to."""
    line: Line | None = session.info.get(_LINE)
    return line


def is_held_back(until: datetime | None) -> bool:
    """Whether a retry waits until then; for longer than any pause is nobody's wish, but that of a clock that was set back."""
    return until is not None and timedelta() < until - now() <= timedelta(seconds=LONGEST)


def _request(row: Any, size: PackageSize) -> Request:
    queued = (row.queued or row.created).timestamp()
    return Request(
        key=row.id,
        person=row.owner_id,
        group=row.group_id,
        amount=size.amount(),
        priority=row.priority,
        submitted=queued,
        preemptible=row.preemptible,
        cluster=row.cluster,
        device_type=size.gpu_type,
        seconds=row.time_limit,
    )
