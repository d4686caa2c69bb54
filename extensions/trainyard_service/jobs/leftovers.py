"""Launches that are over: how the replicas of a distributed job ended is written down, then the launcher forgets them.

What the launcher has of an ended launch (on a cluster a Job, a pod and a Secret) is needed no more once its attempt has ended
by our books. Everything here may be done again after a kill, and by two services at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session
from trainyard.errors import Unavailable
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import ACTIVE

from trainyard_service.context import Context
from trainyard_service.database.tables.jobs import AttemptRow, JobRow
from trainyard_service.jobs.naming import attempt_of_key, job_of_key, replica_of_key
from trainyard_service.jobs.news import states

log = logging.getLogger(__name__)
_REPLICAS = "replicas"
"""In the ending of an attempt: what the launcher told of the end of each replica, by name."""


async def let_go(context: Context, seconds: float) -> None:
    """Every so many seconds let the launcher forget what is over; between two launches it may be cancelled."""
    while True:
        try:
            for key in await asyncio.to_thread(written_down, context):
                await asyncio.to_thread(_forget, context, key)
        except Unavailable as away:
            log.warning("launches that are over stay for now: %s", away)
        await asyncio.sleep(seconds)


def _forget(context: Context, key: str) -> None:
    """The trouble of one is logged and stays its own."""
    try:
        context.launcher.forget(key)
    except Unavailable:
        raise
    except Exception:
        log.exception("%s could not be forgotten", key)


def written_down(context: Context) -> list[str]:
    """The keys of all launches that have ended and that nobody needs to ask about any more."""
    ended = {state.key: state for state in context.launcher.states() if state.phase == "ended"}
    with context.database.read() as session:
        over = {key: ended[key] for key in unneeded(session, ended)}
    if any(map(replica_of_key, over)):
        with context.database.write() as session:
            _keep(session, over)
    return list(over)


def unneeded(session: Session, keys: Iterable[str]) -> list[str]:
    """Those of jobs' launches whose attempt has ended by our books."""
    jobs = {key: known for key in keys if (known := job_of_key(key))}
    standing = states(session, [job_id for job_id, _ in jobs.values()])
    active = {(job_id, attempt) for job_id, (attempt, state) in standing.items() if state in ACTIVE}
    return [key for key, known in jobs.items() if known not in active]


def ends_of(session: Session, job: JobRow) -> dict[str, LaunchState]:
    """How the replicas of the present attempt ended, as far as that is written down; by name."""
    attempt = session.get(AttemptRow, (job.id, job.attempt))
    kept = (attempt.ending or {}).get(_REPLICAS, {}) if attempt is not None else {}
    return {name: LaunchState.model_validate(told) for name, told in kept.items()}


def _keep(session: Session, over: Mapping[str, LaunchState]) -> None:
    attempts: dict[str, dict[str, LaunchState]] = {}
    for key, state in over.items():
        if replica := replica_of_key(key):
            attempts.setdefault(attempt_of_key(key), {})[replica] = state
    for key, ends in attempts.items():
        attempt = session.get(AttemptRow, job_of_key(key))
        if attempt is not None and attempt.ending is not None:
            told = {name: state.model_dump(mode="json", exclude_defaults=True) for name, state in ends.items()}
            # what was told first stays: of a launch that was being forgotten when the service was killed less is known
            attempt.ending = {**attempt.ending, _REPLICAS: {**told, **attempt.ending.get(_REPLICAS, {})}}
