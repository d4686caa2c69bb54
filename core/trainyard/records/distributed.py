"""A training on several processes that talk to each other: how many of which role, and how each of them stands."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from trainyard.jobs.states import Cause
from trainyard.records.base import Record


class Role(StrEnum):
    """What a replica does. Only MXNet's parameter server has servers, and one scheduler."""

    WORKER = "worker"
    SERVER = "server"
    SCHEDULER = "scheduler"


class DistributedKind(StrEnum):
    """How the replicas find each other: ``torchrun``'s variables, ``TF_CONFIG``, or those of MXNet's parameter server."""

    PYTORCH = "pytorch"
    TENSORFLOW = "tensorflow"
    MXNET = "mxnet"


class Distributed(Record):
    """The one switch: ``workers`` processes run the entry together, for MXNet beside ``servers`` and one scheduler.

    ``packages`` names a resource package for a role; a role that is not named has the training's own. All replicas start
    together or none; when one dies the others are ended, and the training's restart policy says what follows.
    """

    kind: DistributedKind
    workers: int = Field(default=2, ge=1, le=32)
    servers: int = Field(default=1, ge=1, le=16)
    packages: dict[Role, str] = {}


class Replica(Record):
    """One process of a distributed job in its present attempt. ``state`` is waiting, starting, running or ended.

    ``package`` is what it may use, ``log`` where its output lies as people see it; memory in bytes. ``first``: of those that
    died it was the first.
    """

    name: str
    role: Role
    rank: int
    package: str
    state: str
    log: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    cause: Cause | None = None
    exit_code: int | None = None
    signal: int | None = None
    peak_memory: int | None = None
    memory_limit: int | None = None
    first: bool = False
