"""Launches are forgotten once their end is written down, and nothing that is shown goes with them, whatever is killed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from trainyard.errors import Unavailable
from trainyard.jobs.launch import OUTPUT, LaunchState
from trainyard.jobs.states import Cause, JobState
from trainyard.records.distributed import Distributed, DistributedKind, Replica
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.jobs import leftovers
from trainyard_service.jobs.replica_views import replica_views

S = JobState
WAITS = "import time; time.sleep(600)"
SECOND_DIES = "import os, sys, time; time.sleep(600 if os.environ['RANK'] == '0' else 0); sys.exit(7)"
TWO = Distributed(kind=DistributedKind.PYTORCH, workers=2)


def ended(yard: Any, program: str, **more: Any) -> JobRow:
    """A job that has ended, whose launches nobody has forgotten yet."""
    engine, job_id = yard.engine(), yard.submit(yard.person("alice"), program=program, **more)
    while (job := yard.job(job_id)).state not in (S.FINISHED, S.FAILED):
        engine.reconcile()
    assert isinstance(job, JobRow)
    return job


def forget(yard: Any) -> None:
    for key in leftovers.written_down(yard.context):
        yard.launcher.forget(key)


def replicas(yard: Any, job: JobRow) -> list[Replica]:
    with yard.context.database.read() as session:
        return replica_views(job, leftovers.ends_of(session, job), yard.launcher.state, "")


def test_an_ended_launch_is_forgotten_and_its_log_stays(yard: Any) -> None:
    job = ended(yard, "print('said')")
    forget(yard)
    assert yard.launcher.states() == []
    assert (yard.context.home.kept(job.key) / OUTPUT).read_text() == "said\n"
    with yard.context.database.read() as session:
        folder, name = yard.engine().output(session, job)
    assert (folder / name).read_text() == "said\n"


def test_what_runs_and_what_ended_and_is_not_written_down_yet_is_not_forgotten(yard: Any) -> None:
    engine, owner = yard.engine(), yard.person("alice")
    runs, ends = yard.submit(owner, program=WAITS), yard.submit(owner, program="pass")
    yard.until(engine, runs, S.RUNNING)
    while yard.launcher.state(yard.job(ends).key).phase != "ended":
        time.sleep(0.01)
    assert leftovers.written_down(yard.context) == []


def test_how_each_replica_ended_is_told_as_before(yard: Any) -> None:
    job = ended(yard, SECOND_DIES, distributed=TWO)
    before = replicas(yard, job)
    forget(yard)
    assert yard.launcher.states() == []
    assert replicas(yard, job) == before
    assert [(one.cause, one.exit_code) for one in before][1] == (Cause.EXITED, 7)


def test_killed_after_one_replica_was_forgotten_the_next_service_forgets_the_others(yard: Any) -> None:
    job = ended(yard, SECOND_DIES, distributed=TWO)
    before, keys = replicas(yard, job), leftovers.written_down(yard.context)
    yard.launcher.forget(keys[0])
    assert replicas(yard, job) == before
    forget(yard)
    assert (yard.launcher.states(), replicas(yard, job)) == ([], before)


def test_killed_while_a_replica_was_being_forgotten_its_end_is_told_as_before(yard: Any) -> None:
    job = ended(yard, SECOND_DIES, distributed=TWO)
    before, keys = replicas(yard, job), leftovers.written_down(yard.context)
    yard.launcher._states[keys[1]] = LaunchState(key=keys[1], phase="ended", cause=Cause.LAUNCH_FAILED)
    forget(yard)
    assert replicas(yard, job) == before


def test_each_attempt_of_a_gang_keeps_its_own_ends(yard: Any) -> None:
    job = ended(yard, SECOND_DIES, distributed=TWO, restart={"max_retries": 1, "on": ["unknown"], "backoff": 0})
    forget(yard)
    assert len(yard.launcher.started) == 4
    for attempt in yard.job(job.id).attempts:
        assert {name: end["key"] for name, end in attempt.ending["replicas"].items()} == {
            name: f"job-{job.id}-{attempt.number}-{name}" for name in ("worker0", "worker1")
        }


async def test_a_cluster_that_is_away_is_asked_again_and_one_launch_that_cannot_go_keeps_no_other(
    yard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, engine = yard.person("alice"), yard.engine()
    jobs = [yard.submit(owner, program="pass") for _ in range(2)]
    while any(yard.job(one).state != S.FINISHED for one in jobs):
        await asyncio.to_thread(engine.reconcile)
    forget_one, asked = yard.launcher.forget, list[str]()

    def forget(key: str) -> None:
        asked.append(key)
        if len(asked) == 1:
            raise Unavailable("cluster-away", "away")
        if len(asked) == 2:
            raise OSError(5, "stubborn")
        forget_one(key)

    monkeypatch.setattr(yard.launcher, "forget", forget)
    task = asyncio.create_task(leftovers.let_go(yard.context, 0.01))
    while yard.launcher.states():
        await asyncio.to_thread(time.sleep, 0.01)
    task.cancel()
    assert asked[:3] == [asked[0], asked[0], asked[2]]
    assert asked[2] != asked[0]
