"""The life of a job as a table: which state may follow which.

    created → queued → starting → running → finished | failed | stopped

A stop is wanted, not a state: the row says what is wanted, the launcher tells what is, the reconciler closes the gap.
"""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands; stored as this English identifier, shown in the reader's language."""

    CREATED = "created"
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


S = JobState

NEXT: dict[JobState, frozenset[JobState]] = {
    S.CREATED: frozenset({S.QUEUED, S.STOPPED}),
    S.QUEUED: frozenset({S.STARTING, S.STOPPED, S.FAILED}),
    S.STARTING: frozenset({S.RUNNING, S.FINISHED, S.FAILED, S.STOPPED, S.QUEUED}),
    S.RUNNING: frozenset({S.FINISHED, S.FAILED, S.STOPPED, S.QUEUED}),
    S.FINISHED: frozenset({S.QUEUED}),
    S.FAILED: frozenset({S.QUEUED}),
    S.STOPPED: frozenset({S.QUEUED}),
}

ENDED = frozenset({S.FINISHED, S.FAILED, S.STOPPED})
ACTIVE = frozenset({S.STARTING, S.RUNNING})


def may_become(now: JobState, then: JobState) -> bool:
    """Whether the table allows the step from ``now`` to ``then``."""
    return then in NEXT[now]


class Cause(StrEnum):
    """How a launch ended, the first line of a death certificate."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    OUT_OF_MEMORY = "out-of-memory"
    GPU_OUT_OF_MEMORY = "gpu-out-of-memory"
    DISK_FULL = "disk-full"
    TIME_LIMIT = "time-limit"
    IDLE = "idle"
    EVICTED = "evicted"
    STOPPED = "stopped"
    SUPERVISOR_LOST = "supervisor-lost"
    NODE_LOST = "node-lost"
    NODE_EVICTED = "node-evicted"
    UNSCHEDULABLE = "unschedulable"
    IMAGE_FAILED = "image-failed"
    MOUNT_FAILED = "mount-failed"
    LAUNCH_FAILED = "launch-failed"


class ErrorClass(StrEnum):
    """Whether trying again may help: by itself, not before something is changed, or nobody can tell."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"
