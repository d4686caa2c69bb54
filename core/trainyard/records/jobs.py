"""Images, resource packages, jobs, workspaces, and who uses what."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from trainyard.jobs.states import Cause, JobState
from trainyard.records.accounts import Quota, Use
from trainyard.records.base import Person, Record


class Progress(Record):
    """How far a long task is; ``remaining`` seconds is None while unknown."""

    done: int
    total: int
    elapsed: float
    remaining: float | None
    skipped: int = 0
    message: str = ""


class JobKind(StrEnum):
    """What a job does."""

    PREPARE = "prepare"
    FORMAT = "format"
    TRAIN = "train"


class Waiting(Record):
    """Why a queued job does not run yet: its place, and the short resource with numbers.

    ``subject`` is whose quota or what is short: ``group vision``, ``you``, ``machine``; ``resource`` a field of Quota.
    """

    place: int
    subject: str
    resource: str
    used: float
    limit: float
    asked: float
    text: str


class Ending(Record):
    """How a job ended: the death certificate. ``peak_memory`` and ``memory_limit`` in bytes."""

    cause: Cause
    text: str
    exit_code: int | None = None
    signal: int | None = None
    peak_memory: int | None = None
    memory_limit: int | None = None
    stopped_by: str | None = None
    last_lines: list[str] = []


class Job(Record):
    """Any job: formatting, training and what follows. ``wanted`` is ``run`` or ``stop``."""

    id: str
    kind: JobKind
    name: str
    owner: Person
    group: str | None
    state: JobState
    wanted: str
    attempt: int
    image: str
    package: str
    created: datetime
    queued: datetime | None
    started: datetime | None
    ended: datetime | None
    deadline: datetime | None
    progress: Progress | None = None
    waiting: Waiting | None = None
    ending: Ending | None = None


class Package(Record):
    """A resource package such as ``1GPU4Core60G``; ``available`` says whether it fits the caller's quota, ``why_not`` else."""

    name: str
    cpu: float
    memory: int
    gpu: int
    available: bool = True
    why_not: str = ""


class Image(Record):
    """An image of the catalogue; ``state`` is ready, building, missing or failed."""

    name: str
    version: str
    title: str
    description: str
    kind: str
    framework: str
    entries: list[str]
    state: str
    size: int | None = None
    error: str = ""


class WorkspaceView(Record):
    """The caller's workspace; ``state`` is stopped, starting, running or stopping."""

    state: str
    group: str | None
    image: str
    package: str
    started: datetime | None
    ends: datetime | None
    address: str
    datasets: list[str] = []
    ending: Ending | None = None


class UsageRow(Record):
    """Who uses what, now: one workspace or job."""

    person: Person
    group: str | None
    kind: str
    name: str
    use: Use
    since: datetime


class Usage(Record):
    """The machine's capacity and what is given out; rows are visible to administrators, own rows to everybody."""

    capacity: Quota
    used: Use
    rows: list[UsageRow]
    machine: dict[str, Any] = {}
