"""What a pass of the reconciler is about, and what it knows of the jobs concerned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import ACTIVE, JobState

from trainyard_service.database.rows import ask
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.jobs import gang
from trainyard_service.jobs.naming import job_of_key

_MOST_NAMED = 500
_IN_QUEUE = (JobState.QUEUED, JobState.CREATED)
_COLUMNS = (JobRow.id, JobRow.attempt, JobRow.state, JobRow.wanted, JobRow.replicas, JobRow.package, JobRow.group_id)

# built once: that takes longer than asking
_JOBS = select(*_COLUMNS).order_by(JobRow.created)
_NAMED = _JOBS.where(JobRow.id.in_(bindparam("named", expanding=True)))
_ACTIVE = _JOBS.where(JobRow.state.in_(ACTIVE))
_STARTING = _JOBS.where(JobRow.state == JobState.STARTING)
_NAMED_OR_ACTIVE = _JOBS.where(or_(JobRow.id.in_(bindparam("named", expanding=True)), JobRow.state.in_(ACTIVE)))
_TO_LOOK_AT = _JOBS.where(or_(JobRow.state.in_(ACTIVE), and_(JobRow.state.in_(_IN_QUEUE), JobRow.wanted == "stop")))
_HELD = select(AllocationRow.key)


@dataclass
class News:
    """What a pass is about: launches and jobs that changed, whether what is held changed, who may what, or everything.

    ``own`` are jobs that the engine itself changed: nothing is to be done about them unless they are queued now, or are to stop
    because of another (the shards beside one that failed).
    """

    keys: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)
    held: bool = False
    rights: bool = False
    whole: bool = False

    def add(self, more: News) -> None:
        """These too."""
        self.keys |= more.keys
        self.jobs |= more.jobs
        self.own |= more.own
        self.held, self.rights, self.whole = self.held or more.held, self.rights or more.rights, self.whole or more.whole

    @property
    def named(self) -> set[str]:
        """All jobs it names."""
        return self.jobs | self.own | {known[0] for key in self.keys if (known := job_of_key(key))}

    @property
    def names_few(self) -> bool:
        """Whether the jobs it names can be asked for one by one, and need be: otherwise it is about all."""
        return not self.whole and len(self.named) <= _MOST_NAMED


@dataclass(frozen=True)
class Known:
    """As much of a job's row as is needed to look at its launches."""

    id: str
    attempt: int
    state: str
    wanted: str
    replicas: Any
    package: str
    group_id: int | None = None

    @classmethod
    def of(cls, job: JobRow) -> Known:
        """What a row says."""
        return cls(job.id, job.attempt, job.state, job.wanted, job.replicas, job.package, job.group_id)

    @property
    def row(self) -> JobRow:
        """These columns, of no session."""
        return JobRow(**self.__dict__)

    @property
    def key(self) -> str:
        """That of its present attempt."""
        return f"job-{self.id}-{self.attempt}"

    @property
    def is_active(self) -> bool:
        """Whether it starts or runs."""
        return self.state in ACTIVE

    @property
    def is_queued(self) -> bool:
        """Whether it stands in the queue."""
        return self.state in _IN_QUEUE

    def goes_on(self, told: LaunchState | None, *, at_tick: bool) -> bool:
        """Whether there is nothing to do: most news of a launch, and most looks at it, are that it starts or runs.

        One that starts is looked at more closely at the tick: half of its start may have failed.
        """
        if told is None or self.replicas or self.wanted != "run":
            return False
        return self.state == told.phase and (self.state == JobState.RUNNING or not at_tick)


def concerned(session: Session, news: News) -> list[Known]:
    """The jobs a pass is about, the oldest first: in its news, active at the tick, or to be ended in the queue."""
    if not news.names_few:
        return _known(session, _TO_LOOK_AT)
    named = list(news.named)
    if news.rights:
        return _known(session, _NAMED_OR_ACTIVE, named=named)
    return _known(session, _NAMED, named=named) if named else []


def starting(session: Session) -> list[Known]:
    """The jobs that have been admitted and do not run yet, the oldest first."""
    return _known(session, _STARTING)


def holding(session: Session) -> set[str]:
    """The keys of all launches that hold something, and of the replicas of those that have some."""
    several = [one.row for one in _known(session, _ACTIVE) if one.replicas]
    return {*ask(session, _HELD).scalars(), *(key for job in several for key in gang.keys_of(job).values())}


def states(session: Session, jobs: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Attempt and state of these jobs, as far as they are there."""
    found: dict[str, tuple[int, str]] = {}
    for first in range(0, len(jobs), _MOST_NAMED):
        some = select(JobRow.id, JobRow.attempt, JobRow.state).where(JobRow.id.in_(jobs[first : first + _MOST_NAMED]))
        found |= {job_id: (attempt, state) for job_id, attempt, state in session.execute(some)}
    return found


def _known(session: Session, which: Select[Any], **parameters: Any) -> list[Known]:
    return [Known(*row) for row in ask(session, which, **parameters)]
