"""Trainings, their instances, curves and models."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from trainyard.records.base import Description, Name, Person, Record
from trainyard.records.datasets import FormattedSet
from trainyard.records.distributed import Distributed
from trainyard.records.jobs import Job, RestartPolicy
from trainyard.records.storage import BucketCopy


class NewTraining(Record):
    """What the wizard collects. ``entry`` is an absolute path inside the sandbox with arguments, split like a shell would,
    never run by a shell. ``hours`` is the time limit, counted from running on; 72 at most, or what the virtual
    ``cluster`` allows. Higher ``priority`` (people 100 to 200, administrators 1 to 1000) goes first. ``preemptible``: it uses
    what is idle, and is
    stopped and queued again when somebody else wants it. With ``log_patterns`` (see
    ``trainyard.training.patterns``) the output of a program that only prints becomes curves. ``distributed``: the entry runs
    as several processes at once."""

    name: Name
    description: Description = ""
    group: str
    train_set: str | None = None
    val_set: str | None = None
    test_set: str | None = None
    image: str
    package: str
    entry: str = Field(min_length=1, max_length=4096)
    parameters: dict[str, Any] = {}
    hours: float = Field(default=72, gt=0, le=24 * 366)
    priority: int = Field(default=100, ge=1, le=1000)
    preemptible: bool = False
    cluster: str | None = None
    restart: RestartPolicy = RestartPolicy()
    dry_run: bool = False
    log_patterns: list[str] = Field(default=[], max_length=32)
    distributed: Distributed | None = None


class StartTraining(Record):
    """What to change before an ended training is started again; what is left out stays as it was.

    An empty set, ``cluster`` or ``distributed`` takes it away. ``resume``: go on from the newest complete checkpoint (True),
    or begin anew (False); None leaves it to the script.
    """

    description: Description | None = None
    train_set: str | None = None
    val_set: str | None = None
    test_set: str | None = None
    image: str | None = None
    package: str | None = None
    entry: str | None = Field(default=None, min_length=1, max_length=4096)
    parameters: dict[str, Any] | None = None
    hours: float | None = Field(default=None, gt=0, le=24 * 366)
    priority: int | None = Field(default=None, ge=1, le=1000)
    preemptible: bool | None = None
    cluster: str | None = None
    restart: RestartPolicy | None = None
    log_patterns: list[str] | None = Field(default=None, max_length=32)
    distributed: Distributed | Literal[""] | None = None
    resume: bool | None = None


class Problem(Record):
    """One thing that would keep a training from running; ``field`` is the one of ``NewTraining`` to mend."""

    code: str
    message: str
    hint: str = ""
    field: str = ""


class TrainingCheck(Record):
    """What a check before submission found; ``problems`` is empty when the training may be submitted."""

    problems: list[Problem] = []


class Checkpoint(Record):
    """The newest complete snapshot of a training, from which it may go on."""

    instance: str
    epoch: int
    step: int


class InstanceState(StrEnum):
    """running → done | failed."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Instance(Record):
    """One training instance: a run of a script that reports through the SDK. Rates in samples per second."""

    id: str
    training: str
    state: InstanceState
    started: datetime
    stopped: datetime | None
    error: str = ""
    parameters: dict[str, Any] = {}
    epoch: int | None = None
    epochs: int | None = None
    batch: int | None = None
    samples_per_second: float | None = None
    elapsed: float
    remaining: float | None = None
    last_output: datetime | None = None

    @property
    def epoch_under_way(self) -> int | None:
        """Counted from 1 and never above their number; scripts count from 0."""
        if self.epoch is None:
            return None
        return min(self.epoch + 1, self.epochs) if self.epochs else self.epoch + 1


class TrialOf(Record):
    """The search that a training is a trial of, and its number there."""

    id: str
    name: str
    trial: int


class Training(Record):
    """A training: its configuration and the job that runs it.

    Only where one training is asked for: ``checkpoint``; while it runs ``last_output``, when it last wrote a line or a point;
    and ``quiet_after``, the seconds without either after which it may be stuck (None: nobody is told of that).
    """

    id: str
    name: str
    description: str
    job: Job
    sets: dict[str, FormattedSet]
    entry: str
    parameters: dict[str, Any]
    hours: float
    instances: list[Instance] = []
    log: str
    log_patterns: list[str] = []
    may_change: bool = False
    dry_run: bool = False
    distributed: Distributed | None = None
    checkpoint: Checkpoint | None = None
    last_output: datetime | None = None
    quiet_after: float | None = None
    search: TrialOf | None = None

    def as_new(self, name: str, **changes: Any) -> NewTraining:
        """A new training like this one, called ``name``; ``changes`` are fields of ``NewTraining``."""
        same = {
            "description": self.description, "group": self.job.group, "image": self.job.image, "package": self.job.package,
            "entry": self.entry, "parameters": self.parameters, "hours": self.hours, "priority": self.job.priority,
            "preemptible": self.job.preemptible, "cluster": self.job.cluster, "log_patterns": self.log_patterns,
            **{f"{part}_set": one.id for part, one in self.sets.items()},
        }  # fmt: skip
        restart = {"restart": self.job.restart} if self.job.restart else {}
        several = {"distributed": self.distributed} if self.distributed else {}
        return NewTraining.model_validate({**same, **restart, **several, "name": name, **changes})


class SeriesPoints(Record):
    """One scalar's points, down-sampled so that minima and maxima stay. Same length lists; times are UTC seconds."""

    tag: str
    steps: list[int]
    times: list[float]
    values: list[float | None]
    total: int


class SnapshotMark(Record):
    """Where on the loss curve a snapshot was taken. ``whole``: at the end of ``epoch``, not in the middle of the next one."""

    model: str
    epoch: int
    step: int
    whole: bool = True


class Curves(Record):
    """Every scalar of an instance, with the snapshots on it."""

    instance: str
    series: list[SeriesPoints]
    snapshots: list[SnapshotMark]
    problems: list[str] = []


class NewInstance(Record):
    """What the SDK sends when a script starts an instance; ``id`` is made by the SDK, 24 hexadecimal digits."""

    id: str = Field(pattern=r"^[0-9a-f]{24}$")
    parameters: dict[str, Any] = {}


class InstanceChange(Record):
    """What the SDK sends as a script goes on."""

    state: InstanceState | None = None
    parameters: dict[str, Any] | None = None
    error: str | None = Field(default=None, max_length=4000)


class NewSnapshot(Record):
    """A packed snapshot below ``/workspace/run/<instance>/output``; ``file`` is its path from there."""

    epoch: int = Field(ge=0)
    step: int = Field(ge=0)
    file: str = Field(max_length=1024)
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ModelKind(StrEnum):
    """From a training, or somebody's own file."""

    SNAPSHOT = "snapshot"
    CUSTOM = "custom"


class Model(Record):
    """A kept model; ``training`` and ``instance`` lead back to where it comes from."""

    id: str
    name: str
    kind: ModelKind
    description: str
    owner: Person
    group: str | None
    created: datetime
    size: int
    sha256: str
    training: str | None = None
    training_name: str | None = None
    instance: str | None = None
    image: str | None = None
    epoch: int | None = None
    step: int | None = None
    metrics: dict[str, float] = {}
    may_change: bool = False
    used_by: list[str] = []
    in_bucket: BucketCopy | None = None


class NewModel(Record):
    """A model made of a complete upload."""

    name: Name
    description: Description = ""
    upload: str
    group: str | None = None
