"""Trainings, their instances, curves and models."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import Field

from trainyard.records.base import Description, Name, Person, Record
from trainyard.records.datasets import FormattedSet
from trainyard.records.jobs import Job
from trainyard.records.storage import BucketCopy


class NewTraining(Record):
    """What the wizard collects. ``entry`` is an absolute path inside the sandbox with arguments, split like a shell would,
    never run by a shell. ``hours`` is the time limit, counted from running on."""

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
    hours: float = Field(default=72, gt=0, le=72)


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


class Training(Record):
    """A training: its configuration and the job that runs it."""

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
    may_change: bool = False


class SeriesPoints(Record):
    """One scalar's points, down-sampled so that minima and maxima stay. Same length lists; times are UTC seconds."""

    tag: str
    steps: list[int]
    times: list[float]
    values: list[float | None]
    total: int


class SnapshotMark(Record):
    """Where on the loss curve a snapshot was taken."""

    model: str
    epoch: int
    step: int


class Curves(Record):
    """Every scalar of an instance, with the snapshots on it."""

    instance: str
    series: list[SeriesPoints]
    snapshots: list[SnapshotMark]


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
