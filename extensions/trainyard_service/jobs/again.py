"""Whether an attempt that ended is followed by another one without a person: what goes on by itself, and what by its policy."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from trainyard.jobs.restarts import LONGEST
from trainyard.jobs.states import Cause

from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs.endings import retry_seconds

LOST = frozenset({Cause.SUPERVISOR_LOST, Cause.NODE_LOST, Cause.NODE_EVICTED, Cause.UNSCHEDULABLE})
"""Ends that say nothing about the job: the machine or the cluster took it away, or had no place for it."""
CROWDED_SECONDS = 30.0


def next_try(job: JobRow, ending: dict[str, Any], *, resumes: bool, lost_limit: int) -> dict[str, Any] | None:
    """What changes as the job goes back into the queue, or None: it stays ended.

    What goes on where it was (``resumes``), and a start that failed half way, is tried again ``lost_limit`` times; so are
    replicas of which the cluster could not place all, after a pause that doubles each time. Everything else is tried again as
    its policy says, from its newest checkpoint.
    """
    crowded = bool(job.replicas) and ending["cause"] == Cause.UNSCHEDULABLE
    lost = crowded or (ending["cause"] in LOST and resumes) or bool(ending.get("half_started"))
    if lost and job.wanted == "run" and job.lost < lost_limit:
        pause = timedelta(seconds=min(CROWDED_SECONDS * 2.0**job.lost, LONGEST))
        return {"lost": job.lost + 1, **({"not_before": now() + pause} if crowded else {})}
    seconds = retry_seconds(job, ending)
    if seconds is None:
        return None
    moment = now() + timedelta(seconds=seconds)
    return {"retries": job.retries + 1, "not_before": moment, "spec": {**job.spec, "resume": True}}
