"""Images, resource packages, jobs, workspaces, and who uses what."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from trainyard.jobs.states import Cause, ErrorClass, JobState
from trainyard.records.accounts import Quota, Use
from trainyard.records.base import Person, Record
from trainyard.records.resources import DeviceType


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
    EXAMINE = "examine"
    FORMAT = "format"
    PREPROCESS = "preprocess"
    FETCH = "fetch"
    TRAIN = "train"


class Holder(Record):
    """What a group holds of something that is short; ``group`` None: people without a group."""

    group: str | None
    used: float


class Waiting(Record):
    """Why a queued job does not run yet: its place among ``of``, and the short resource with numbers.

    ``subject`` is whose quota or what is short: ``group vision``, ``you``, ``machine``; ``resource`` a field of Quota. Of
    ``used``, ``reserved`` is not held yet but kept for those in front or for guarantees; ``free`` is what is left.
    ``promised``: what it lacks is being given back, it starts as soon as that has stopped. ``guaranteed``: it asks for no more
    than its group's guarantee.

    Only where one job is asked about: ``holders``, who holds what is short; ``startable_now``, the largest package with which
    it would start at once; ``at_latest``, when it starts if all that runs and waits in front uses its time limit to the end and
    nobody comes who goes first (None: nothing bounds it).
    """

    place: int
    of: int = 0
    subject: str
    resource: str
    device_type: str = ""
    used: float
    limit: float
    asked: float
    free: float = 0
    reserved: float = 0
    text: str
    promised: bool = False
    guaranteed: bool = False
    holders: list[Holder] = []
    startable_now: str | None = None
    at_latest: datetime | None = None


class Offer(Record):
    """What a person may do about an end with one click: start again with ``package`` (``kind`` is twice-the-memory)."""

    kind: str
    package: str


class Ending(Record):
    """How something ended: the death certificate. ``peak_…`` against ``…_limit``: memory in bytes, CPU in cores.

    ``replica`` is, of a distributed job, the one that ended first.
    ``last_lines`` are the last 50 of its output; ``suggestion`` is what to do, in words; ``error_class`` says of a failure
    whether trying again may help.
    """

    cause: Cause
    text: str
    exit_code: int | None = None
    signal: int | None = None
    peak_memory: int | None = None
    memory_limit: int | None = None
    peak_cpu: float | None = None
    cpu_limit: float | None = None
    peak_gpu_memory: int | None = None
    gpu_memory_limit: int | None = None
    stopped_by: str | None = None
    last_lines: list[str] = []
    suggestion: str = ""
    error_class: ErrorClass | None = None
    offer: Offer | None = None
    replica: str = ""


class RestartPolicy(Record):
    """Whether the platform starts a job again by itself, at most ``max_retries`` times, from its newest complete checkpoint.

    ``on``: which failures are tried again. ``backoff``: seconds before the first try, twice as long before each further one, at
    most an hour. ``after_time_limit``: go on also when the time limit has ended it.
    """

    max_retries: int = Field(default=0, ge=0, le=100)
    on: list[ErrorClass] = [ErrorClass.TRANSIENT]
    backoff: float = Field(default=30, ge=0, le=3600)
    after_time_limit: bool = False


class Attempt(Record):
    """One start of a job, and how that ended."""

    number: int
    created: datetime
    ended: datetime | None
    ending: Ending | None


class Job(Record):
    """Any job: formatting, training and what follows. ``wanted`` is ``run`` or ``stop``; ``training`` is what it trains,
    ``dataset`` what it makes or works on. ``replicas`` names its processes where it is distributed; empty: it is one.

    ``retries`` counts the starts the platform made by itself; ``retry_at``: when the next of them may begin.
    """

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
    priority: int = 100
    preemptible: bool = False
    cluster: str | None = None
    created: datetime
    queued: datetime | None
    started: datetime | None
    ended: datetime | None
    deadline: datetime | None
    progress: Progress | None = None
    waiting: Waiting | None = None
    ending: Ending | None = None
    restart: RestartPolicy | None = None
    retries: int = 0
    retry_at: datetime | None = None
    paused: bool = False
    training: str | None = None
    dataset: str | None = None
    replicas: list[str] = []


class Package(Record):
    """A resource package such as ``1GPU4Core60G``; ``available`` says whether it fits the caller's quota, ``why_not`` else.

    Of one that has just been declared they say whether the empty machine, on a cluster also a single node, could give it.
    """

    name: str
    cpu: float
    memory: int
    gpu: int
    gpu_type: str | None = None
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
    """The caller's workspace; ``state`` is stopped, starting, running or stopping.

    ``waiting`` says for what a start waits: preemptible jobs that give up their places.
    """

    state: str
    group: str | None
    image: str
    package: str
    started: datetime | None
    ends: datetime | None
    address: str
    datasets: list[str] = []
    ending: Ending | None = None
    waiting: str = ""


class UsageRow(Record):
    """Who uses what, now: one workspace or job."""

    person: Person
    group: str | None
    kind: str
    name: str
    use: Use
    since: datetime


class Usage(Record):
    """The machine's capacity and what is given out; rows are visible to administrators, own rows to everybody.

    ``training_hours``: the longest time limit of a training outside the virtual clusters; ``dry_run_seconds``: of a try.
    """

    capacity: Quota
    used: Use
    rows: list[UsageRow]
    devices: list[DeviceType] = []
    training_hours: float = 72
    dry_run_seconds: float = 60
    machine: dict[str, Any] = {}
