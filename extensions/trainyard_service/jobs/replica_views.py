"""The replicas of a distributed job as the caller sees them: asked of the launcher, until it is written down how they ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from trainyard.jobs.launch import LaunchState
from trainyard.jobs.replicas import Member
from trainyard.records.distributed import Replica

from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs.gang import keys_of, members_of
from trainyard_service.jobs.naming import log_of_replica

Ask = Callable[[str], LaunchState | None]


def replica_views(job: JobRow, ends: Mapping[str, LaunchState], ask: Ask, log: str) -> list[Replica]:
    """Every replica of the present attempt; ``ends`` are known, ``log`` is where the job's output lies as people see it."""
    keys, first = keys_of(job), (job.ending or {}).get("replica") or ""
    told = {one: ends.get(one.name) or ask(keys[one.name]) for one in members_of(job)}
    return [_view(one, state, log, first=one.name == first) for one, state in told.items()]


def _view(one: Member, state: LaunchState | None, log: str, *, first: bool) -> Replica:
    """Of one that nobody knows only what was planned is told."""
    path = log_of_replica(log, one.name) if log else ""
    planned = Replica(name=one.name, role=one.role, rank=one.rank, package=one.package, state="waiting", log=path, first=first)
    if state is None:
        return planned
    told = {name: getattr(state, name) for name in ("cause", "exit_code", "signal", "peak_memory", "memory_limit")}
    times = {"started": _moment(state.started_at), "ended": _moment(state.ended_at)}
    return planned.model_copy(update={"state": state.phase, **told, **times})


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
