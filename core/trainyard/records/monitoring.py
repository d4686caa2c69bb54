"""What watches a job: its log searched and timed, what it uses, and runs side by side."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from trainyard.records.base import Record

TENSORBOARD_SECONDS = 60.0
"""So long the service waits for the first answer of a TensorBoard that somebody opens: on a busy node it starts slowly."""


class Address(Record):
    """Where something is reached, below the platform's own address."""

    address: str


class JobUsage(Record):
    """What a job used, sample by sample; lists of one length, None where the machine did not tell.

    ``times`` are UTC seconds, ``cpu`` cores, ``memory`` and ``gpu_memory`` bytes, ``gpu`` 0 to 1, the others bytes a second;
    ``attempts`` are the places in the lists where an attempt begins. ``cpu_limit`` and ``memory_limit`` are what its package
    allows, None where that package is not offered any more; ``gpu_memory_limit`` is what its cards have together, once the
    machine has told it.
    """

    job: str
    times: list[float] = []
    cpu: list[float | None] = []
    memory: list[float | None] = []
    gpu: list[float | None] = []
    gpu_memory: list[float | None] = []
    disk_read: list[float | None] = []
    disk_write: list[float | None] = []
    network_in: list[float | None] = []
    network_out: list[float | None] = []
    attempts: list[int] = []
    cpu_limit: float | None = None
    memory_limit: int | None = None
    gpu_memory_limit: int | None = None


class LogMatch(Record):
    """A line of a log that holds what was searched for: where it begins in bytes, its number from 1, its text (cut).

    In the view of all replicas: ``replica`` wrote it, ``offset`` is in that one's own log, ``at`` the cursor in front of it;
    lines have no numbers there.
    """

    offset: int
    line: int | None
    text: str
    replica: str = ""
    at: str = ""


class LogSearch(Record):
    """What a search found; ``next`` is where to go on, with the number of the line there, None at the end of the log.

    In the view of all replicas ``since`` is the cursor to go on from.
    """

    matches: list[LogMatch]
    next: int | None = None
    next_line: int | None = None
    size: int
    since: str | None = None


class LogTimes(Record):
    """When what stands at ``offsets`` of a log was written: UTC seconds; both lists grow."""

    offsets: list[int]
    times: list[float]


class ComparedRun(Record):
    """One training among others: hyper-parameters flat, ``a.b`` for nested ones; the last value of every scalar."""

    training: str
    name: str
    instance: str | None
    state: str
    owner: str
    elapsed: float | None = None
    parameters: dict[str, Any] = {}
    metrics: dict[str, float | None] = {}
    best: dict[str, float | None] = Field(default={}, description="lowest loss, highest of everything else")


class Comparison(Record):
    """Trainings side by side; ``differing`` are the hyper-parameters that are not the same in all."""

    runs: list[ComparedRun]
    differing: list[str]
