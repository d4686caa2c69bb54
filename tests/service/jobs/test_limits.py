"""Time limits of running trainings: the clock that was set does not count, warnings come once, and a database that is locked
only delays what is written.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

from sqlalchemy import select
from trainyard.jobs.states import Cause, JobState
from trainyard.records.distributed import Distributed, DistributedKind
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import NoticeRow
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.jobs import life
from trainyard_service.jobs.news import News

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
HOUR = 3600.0
S = JobState


def running_for(yard: Any, job_id: str, seconds: float) -> None:
    """What the launcher's steady clock says."""
    key = f"job-{job_id}-1"
    yard.launcher._states[key] = yard.launcher._states[key].model_copy(update={"running_for": seconds})


def set_started(yard: Any, job_id: str, before: timedelta) -> None:
    with yard.context.database.write() as session:
        session.get_one(JobRow, job_id).started = now() - before


def notices(yard: Any) -> list[str]:
    with yard.context.database.read() as session:
        return list(session.scalars(select(NoticeRow.message)))


def test_a_machine_whose_clock_was_set_shows_the_end_that_comes(yard: Any) -> None:
    engine = yard.engine()
    job_id = yard.submit(yard.person("alice"), program=SLEEP, time_limit=10 * HOUR)
    yard.until(engine, job_id, S.RUNNING)
    set_started(yard, job_id, timedelta(days=30))
    running_for(yard, job_id, HOUR)
    engine.reconcile()
    job = yard.job(job_id)
    assert job.state == S.RUNNING
    assert timedelta(hours=8.9) < job.deadline - now() < timedelta(hours=9.1)
    assert notices(yard) == []


def test_a_retry_whose_pause_a_clock_set_back_made_endless_is_tried(yard: Any) -> None:
    engine, policy = yard.engine(), {"max_retries": 1, "on": ["unknown"], "backoff": 3600}
    program = "import os, sys; sys.exit(os.environ['TRAINYARD_ATTEMPT'] == '1')"
    job_id = yard.submit(yard.person("alice"), program=program, restart=policy)
    yard.passes(engine, lambda: yard.job(job_id).retries == 1)
    engine.reconcile()
    assert (yard.job(job_id).state, yard.job(job_id).attempt) == (S.QUEUED, 1), "the hour is waited for"
    assert yard.view(engine, job_id).retry_at == yard.job(job_id).not_before
    with yard.context.database.write() as session:
        session.get_one(JobRow, job_id).not_before += timedelta(days=2)
    assert yard.view(engine, job_id).retry_at is None
    yard.until(engine, job_id, S.FINISHED)


def test_each_warning_comes_once_and_only_for_marks_within_the_limit(yard: Any) -> None:
    engine = yard.engine()
    job_id = yard.submit(yard.person("alice"), program=SLEEP, time_limit=20 * HOUR)
    yard.until(engine, job_id, S.RUNNING)
    for passed, expected in ((HOUR, 0), (18.5 * HOUR, 1), (18.6 * HOUR, 1), (19.9 * HOUR, 2), (19.95 * HOUR, 2)):
        running_for(yard, job_id, passed)
        engine.reconcile()
        assert len(notices(yard)) == expected


def test_the_end_is_known_and_its_warning_comes_at_the_next_tick_not_when_the_whole_is_looked_at(yard: Any) -> None:
    engine = yard.engine()
    job_id = yard.submit(yard.person("alice"), program=SLEEP, time_limit=20 * HOUR)
    yard.until(engine, job_id, S.RUNNING)
    with yard.context.database.write() as session:
        session.get_one(JobRow, job_id).deadline = None
    running_for(yard, job_id, 18 * HOUR - 1)
    engine.reconcile(News(rights=True))
    assert yard.job(job_id).deadline is not None
    assert notices(yard) == []
    with yard.context.database.write() as session:
        session.get_one(JobRow, job_id).deadline -= timedelta(seconds=2)
    running_for(yard, job_id, 18 * HOUR + 1)
    for _ in range(2):
        engine.reconcile(News(rights=True))
    assert len(notices(yard)) == 1


def test_a_training_whose_first_worker_has_ended_takes_no_write_lock_at_each_tick(yard: Any, monkeypatch: Any) -> None:
    asked = Distributed(kind=DistributedKind.PYTORCH, workers=2)
    engine = yard.engine()
    job_id = yard.submit(yard.person("alice"), program=SLEEP, distributed=asked, time_limit=10 * HOUR)
    yard.until(engine, job_id, S.RUNNING)
    with yard.context.database.write() as session:
        session.get_one(JobRow, job_id).deadline = None
    first, ended = f"job-{job_id}-1-worker0", {"phase": "ended", "cause": Cause.EXITED, "exit_code": 0}
    yard.launcher._states[first] = yard.launcher._states[first].model_copy(update=ended)
    write = Mock(side_effect=yard.context.database.write)
    monkeypatch.setattr(yard.context.database, "write", write)
    engine.reconcile(News(rights=True))
    assert (yard.job(job_id).state, write.call_count) == (S.RUNNING, 0)


def test_a_database_that_is_locked_delays_and_loses_nothing(yard: Any) -> None:
    """As another service holds it: SQLite's write lock, or PostgreSQL's."""
    engine = yard.engine()
    job_id = yard.submit(yard.person("alice"))
    with yard.context.database.write():
        working = threading.Thread(target=lambda: yard.until(engine, job_id, S.FINISHED), daemon=True)
        working.start()
        working.join(0.5)
        assert yard.launcher.started == []
    working.join()
    assert yard.launcher.started == [f"job-{job_id}-1"]
    with yard.context.database.read() as session:
        assert session.scalar(select(AllocationRow.id)) is None


def test_what_waits_to_be_started_again_has_no_end_yet(yard: Any) -> None:
    engine = yard.engine()
    job_id = yard.submit(yard.person("alice"), program=SLEEP, time_limit=10 * HOUR)
    yard.until(engine, job_id, S.RUNNING)
    engine.reconcile()
    yard.launcher.lose_supervisor(f"job-{job_id}-1")
    assert yard.until(engine, job_id, S.FAILED).deadline is not None
    with yard.context.database.write() as session:
        life.want_start(session, session.get_one(JobRow, job_id))
    assert (yard.job(job_id).state, yard.job(job_id).deadline) == (S.QUEUED, None)
