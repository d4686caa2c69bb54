"""The reconciler closes the difference between rows and processes, whatever was killed in between."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from trainyard.jobs.states import Cause, JobState
from trainyard.records.accounts import AccountState, Quota
from trainyard.records.jobs import JobKind
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import AccountRow, ExpulsionRow, GroupRow, MembershipRow
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.disk import FolderUseRow
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.jobs import life
from trainyard_service.jobs.endings import ending_view
from trainyard_service.jobs.naming import new_id
from trainyard_service.jobs.news import News

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
S = JobState


def allocations(yard: Any) -> int:
    with yard.context.database.read() as session:
        return session.scalar(select(func.count()).select_from(AllocationRow)) or 0


def stop(yard: Any, job_id: str, by: str = "alice") -> None:
    with yard.context.database.write() as session:
        life.want_stop(session, session.get_one(type(yard.job(job_id)), job_id), by)


def test_a_job_runs_to_its_end_and_gives_back_what_it_held(yard: Any) -> None:
    engine = yard.engine()
    job = yard.until(engine, yard.submit(yard.person("alice")), S.FINISHED)
    assert job.ending["cause"] == Cause.EXITED
    assert job.ending["last_lines"] == ["hello"]
    assert allocations(yard) == 0
    assert [(attempt.number, attempt.token_hash) for attempt in job.attempts] == [(1, "")]


def test_a_program_that_fails_is_told_with_code_and_last_lines(yard: Any) -> None:
    program = "import sys; print('no data'); sys.exit(3)"
    job = yard.until(yard.engine(), yard.submit(yard.person("alice"), program=program), S.FAILED)
    ending = ending_view(job.ending, "en")
    assert ending is not None
    assert (ending.text, ending.exit_code, ending.last_lines) == ("The program ended with exit code 3.", 3, ["no data"])


def test_a_stop_says_who_stopped_it(yard: Any) -> None:
    engine, job_id = yard.engine(), yard.submit(yard.person("alice"), program=SLEEP)
    yard.until(engine, job_id, S.RUNNING)
    stop(yard, job_id)
    job = yard.until(engine, job_id, S.STOPPED)
    ending = ending_view(job.ending, "en")
    assert ending is not None
    assert ending.text == "Stopped by alice."


def test_a_queued_job_is_stopped_without_starting(yard: Any) -> None:
    engine, owner = yard.engine(), yard.person("alice")
    group = yard.group("vision", Quota(jobs=0))
    job_id = yard.submit(owner, group.id)
    engine.reconcile()
    stop(yard, job_id)
    engine.reconcile()
    assert (yard.job(job_id).state, yard.launcher.started) == (S.STOPPED, [])


def test_a_queued_job_deleted_a_moment_ago_keeps_nobody_from_starting(yard: Any) -> None:
    engine, group = yard.engine(), yard.group("vision", Quota(jobs=0))
    owner = yard.person("alice", group)
    gone, other = (yard.submit(owner, group.id, program=SLEEP) for _ in range(2))
    engine.reconcile()
    with yard.context.database.write() as session:
        session.delete(session.get_one(JobRow, gone))
        session.get_one(GroupRow, group.id).quota = Quota()
    assert engine.reconcile(News(held=True)), "the queue stumbled"
    assert yard.launcher.started == [f"job-{other}-1"]


def test_what_is_admitted_together_starts_in_the_order_of_the_queue(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, owner, names = yard.engine(), yard.person("alice"), iter(("9" * 16, "5" * 16))
    monkeypatch.setattr(life, "new_id", lambda: next(names))
    engine.reconcile()
    jobs = [yard.submit(owner) for _ in range(2)]
    engine.reconcile(News(jobs=set(jobs), held=True))
    assert yard.launcher.started == [f"job-{job_id}-1" for job_id in jobs]


def test_stopped_between_its_admission_and_its_start_it_never_starts(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = yard.engine()
    job_id = yard.submit(yard.person("alice"), program=SLEEP)
    with monkeypatch.context() as until_then:
        until_then.setattr(engine, "_start_what_is_admitted", lambda *_: None)
        engine.reconcile()
    assert yard.job(job_id).state == S.STARTING
    with yard.context.database.write() as session:
        life.want_stop(session, session.get_one(JobRow, job_id), "alice")
    job = yard.until(yard.engine(), job_id, S.STOPPED)
    assert (job.ending["cause"], yard.launcher.started) == (Cause.STOPPED, [])
    with yard.context.database.read() as session:
        assert session.scalar(select(AllocationRow.id)) is None


def test_stopped_while_what_was_admitted_with_it_is_started_it_never_starts(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, owner, start = yard.engine(), yard.person("alice"), yard.launcher.start
    jobs = [yard.submit(owner, program=SLEEP) for _ in range(2)]

    def slowly(spec: Any) -> Any:
        (other,) = (job_id for job_id in jobs if job_id not in spec.key)
        stop(yard, other)
        return start(spec)

    monkeypatch.setattr(yard.launcher, "start", slowly)
    engine.reconcile()
    (started,) = yard.launcher.started
    (stopped,) = (yard.job(job_id) for job_id in jobs if job_id not in started)
    assert (stopped.state, stopped.ending["cause"]) == (S.STOPPED, Cause.STOPPED)


def test_over_quota_it_waits_and_says_why(yard: Any) -> None:
    engine, group = yard.engine(), yard.group("vision", Quota(jobs=1))
    owner = yard.person("alice", group)
    first, second = yard.submit(owner, group.id, SLEEP), yard.submit(owner, group.id, SLEEP)
    yard.until(engine, first, S.RUNNING)
    waiting = yard.view(engine, second).waiting
    assert waiting is not None
    assert (waiting.subject, waiting.resource, waiting.used, waiting.limit, waiting.asked) == ("group vision", "jobs", 1, 1, 1)
    assert waiting.text == "The quota of group vision allows 1 running jobs; 1 in use, 1 asked for."
    stop(yard, first)
    yard.until(engine, second, S.RUNNING)


def test_a_new_engine_adopts_what_runs(yard: Any) -> None:
    job_id = yard.submit(yard.person("alice"), program=SLEEP)
    yard.until(yard.engine(), job_id, S.RUNNING)
    second = yard.engine()
    second.reconcile()
    stop(yard, job_id)
    yard.until(second, job_id, S.STOPPED)
    assert yard.launcher.started == [f"job-{job_id}-1"]


def test_killed_between_writing_down_and_starting_it_starts_once(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = yard.submit(yard.person("alice"), program=SLEEP)
    dying = yard.engine()
    monkeypatch.setattr(dying.launches, "start", lambda *_: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        dying.reconcile()
    assert (yard.job(job_id).state, allocations(yard)) == (S.STARTING, 1)
    yard.until(yard.engine(), job_id, S.RUNNING)
    assert yard.launcher.started == [f"job-{job_id}-1"]


def test_two_services_at_once_start_each_job_once(yard: Any) -> None:
    owner = yard.person("alice")
    jobs = [yard.submit(owner, program=SLEEP, package="1Core2G") for _ in range(2)]
    engines = [yard.engine() for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: engines[n % 2].reconcile(), range(8)))
    for job_id in jobs:
        yard.until(engines[0], job_id, S.RUNNING)
    assert sorted(yard.launcher.started) == sorted(f"job-{job_id}-1" for job_id in jobs)


def test_formatting_goes_on_after_its_supervisor_was_lost(yard: Any) -> None:
    engine, job_id = yard.engine(), yard.submit(yard.person("alice"), program=SLEEP, kind=JobKind.FORMAT)
    yard.until(engine, job_id, S.RUNNING)
    yard.launcher.lose_supervisor(f"job-{job_id}-1")
    yard.passes(engine, lambda: yard.job(job_id).attempt == 2 and yard.job(job_id).state == S.RUNNING)
    assert allocations(yard) == 1


def test_formatting_that_is_lost_again_and_again_fails(yard: Any) -> None:
    engine = yard.engine(lost_limit=1)
    job_id = yard.submit(yard.person("alice"), program=SLEEP, kind=JobKind.FORMAT)
    for attempt in (1, 2):
        yard.passes(engine, lambda n=attempt: yard.job(job_id).attempt == n and yard.job(job_id).state == S.RUNNING)
        yard.launcher.lose_supervisor(f"job-{job_id}-{attempt}")
    assert yard.until(engine, job_id, S.FAILED).ending["cause"] == Cause.SUPERVISOR_LOST


def test_a_training_whose_supervisor_was_lost_fails_and_can_be_started_again(yard: Any) -> None:
    engine, job_id = yard.engine(), yard.submit(yard.person("alice"), program=SLEEP)
    yard.until(engine, job_id, S.RUNNING)
    yard.launcher.lose_supervisor(f"job-{job_id}-1")
    assert yard.until(engine, job_id, S.FAILED).ending["cause"] == Cause.SUPERVISOR_LOST
    with yard.context.database.write() as session:
        life.want_start(session, session.get_one(type(yard.job(job_id)), job_id))
    assert yard.until(engine, job_id, S.RUNNING).attempt == 2


def test_two_who_press_start_start_it_once(yard: Any) -> None:
    engine, job_id = yard.engine(), yard.submit(yard.person("alice"))
    yard.until(engine, job_id, S.FINISHED)
    row = type(yard.job(job_id))
    with yard.context.database.write() as session:
        first = session.get_one(row, job_id)
        life.want_start(session, first)
        with pytest.raises(ValueError, match="cannot go from"):
            life.want_start(session, first)


def test_a_launch_that_is_refused_fails_the_job_with_the_reason(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = yard.engine()
    job_id = yard.submit(yard.person("alice"))
    with yard.context.database.write() as session:
        session.get_one(type(yard.job(job_id)), job_id).spec = {}
    job = yard.until(engine, job_id, S.FAILED)
    assert job.ending["cause"] == Cause.LAUNCH_FAILED
    assert allocations(yard) == 0


def test_the_token_of_an_attempt_lives_as_long_as_the_attempt(yard: Any) -> None:
    engine, owner = yard.engine(), yard.person("alice")
    job_id = yard.submit(owner, program=SLEEP)
    yard.until(engine, job_id, S.RUNNING)
    token = yard.launcher.specs[f"job-{job_id}-1"].files[Path("/run/trainyard/token")]
    path = yard.context.home.service / "private" / f"job-{job_id}-1" / "token"
    assert path.stat().st_mode & 0o777 == 0o600
    with yard.context.database.read() as session:
        known = yard.context.job_tokens.owner(session, token)
        assert (known.account_id, known.job) == (owner, job_id)
    stop(yard, job_id)
    yard.until(engine, job_id, S.STOPPED)
    with yard.context.database.read() as session:
        assert yard.context.job_tokens.owner(session, token) is None
    assert not path.exists()


def test_a_blocked_person_s_jobs_stop_at_once(yard: Any) -> None:
    engine, owner = yard.engine(), yard.person("alice")
    running, queued = yard.submit(owner, program=SLEEP), yard.submit(owner, package="2Core4G")
    yard.until(engine, running, S.RUNNING)
    with yard.context.database.write() as session:
        session.get_one(AccountRow, owner).state = AccountState.BLOCKED
    assert yard.until(engine, running, S.STOPPED).stopped_by == "platform:blocked"
    yard.until(engine, queued, S.STOPPED)


def test_a_removed_member_s_job_has_its_notice_and_then_stops(yard: Any) -> None:
    engine, group = yard.engine(), yard.group("vision", Quota())
    owner = yard.person("alice", group)
    job_id = yard.submit(owner, group.id, SLEEP)
    yard.until(engine, job_id, S.RUNNING)
    with yard.context.database.write() as session:
        session.delete(session.get_one(MembershipRow, (group.id, owner)))
        session.add(ExpulsionRow(group_id=group.id, account_id=owner, ends_at=now() + timedelta(minutes=10)))
    engine.reconcile()
    job = yard.job(job_id)
    assert (job.state, job.wanted) == (S.RUNNING, "run")
    assert job.ends_at is not None
    with yard.context.database.write() as session:
        session.get_one(ExpulsionRow, (group.id, owner)).ends_at = now()
    yard.until(engine, job_id, S.STOPPED)
    engine.reconcile()
    with yard.context.database.read() as session:
        assert session.get(ExpulsionRow, (group.id, owner)) is None


def test_a_removed_member_s_formatting_of_the_group_s_share_stops_too(yard: Any) -> None:
    engine, group = yard.engine(), yard.group("vision", Quota())
    owner = yard.person("alice", group)
    job_id = yard.submit(owner, program=SLEEP, kind=JobKind.FORMAT)
    yard.until(engine, job_id, S.RUNNING)
    with yard.context.database.write() as session:
        source = {"kind": "share", "group_id": group.id, "path": "alice/list.jsonl"}
        session.add(DatasetRow(id="d" * 16, name="shades", owner_id=owner, source=source))
        session.get_one(type(yard.job(job_id)), job_id).spec = {"program": SLEEP, "dataset": "d" * 16}
        session.delete(session.get_one(MembershipRow, (group.id, owner)))
        session.add(ExpulsionRow(group_id=group.id, account_id=owner, ends_at=now()))
    yard.until(engine, job_id, S.STOPPED)


def test_a_package_that_is_not_offered_any_more_fails_its_job_alone(yard: Any) -> None:
    engine, owner = yard.engine(), yard.person("alice")
    old, other = yard.submit(owner, package="9Core9G"), yard.submit(owner)
    yard.until(engine, other, S.FINISHED)
    assert (yard.job(old).state, yard.job(old).ending["cause"]) == (S.FAILED, Cause.LAUNCH_FAILED)


def test_one_step_that_fails_keeps_no_other_from_being_done(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, job_id = yard.engine(), yard.submit(yard.person("alice"))
    monkeypatch.setattr("trainyard_service.jobs.enforcement.enforce", lambda *_: 1 / 0)
    yard.until(engine, job_id, S.FINISHED)


def test_a_launch_nobody_knows_is_stopped(yard: Any) -> None:
    engine, job_id = yard.engine(), yard.submit(yard.person("alice"), program=SLEEP)
    job = yard.until(engine, job_id, S.RUNNING)
    with yard.context.database.write() as session:
        session.delete(session.scalar(select(AllocationRow)))
        session.delete(session.get_one(type(job), job_id))
    yard.passes(engine, lambda: yard.launcher.states() == [])


def test_a_job_the_engine_itself_stops_because_of_another_stops_without_waiting_for_a_tick(yard: Any) -> None:
    engine, job_id = yard.engine(), yard.submit(yard.person("alice"), program="import time; time.sleep(600)")
    yard.until(engine, job_id, S.RUNNING)
    with yard.context.database.write() as session:
        life.want_stop(session, session.get_one(JobRow, job_id), "trainyard")
    engine.reconcile(News(own={job_id}))
    while yard.launcher.state(f"job-{job_id}-1").phase != "ended":
        time.sleep(0.01)


async def test_the_loop_starts_a_job_without_waiting_for_a_tick(yard: Any) -> None:
    engine = yard.engine(tick=3600)
    async with yard.context.events.subscribe() as events:
        task = asyncio.create_task(engine.run())
        job_id = await asyncio.to_thread(lambda: yard.submit(yard.person("alice")))
        async for _event in events:
            if (await asyncio.to_thread(yard.job, job_id)).state == S.FINISHED:
                break
    task.cancel()


def test_while_the_disk_quota_is_used_up_a_job_waits_and_then_starts(yard: Any) -> None:
    engine, group = yard.engine(), yard.group("vision", Quota(disk=10 * 2**20))
    owner = yard.person("alice", group)
    with yard.context.database.write() as session:
        session.add(FolderUseRow(place=f"groups/{group.id}/0", group_id=group.id, bytes=11 * 2**20))
    job_id = yard.submit(owner, group.id)
    engine.reconcile()
    waiting = yard.view(engine, job_id).waiting
    assert waiting is not None
    assert waiting.text == "The disk quota of group vision is used up: 11 MiB of 10 MiB."
    assert yard.launcher.started == []
    with yard.context.database.write() as session:
        session.get_one(FolderUseRow, f"groups/{group.id}/0").bytes = 5
    yard.until(engine, job_id, S.FINISHED)


async def test_a_lease_that_was_lost_is_taken_again(yard: Any) -> None:
    if yard.context.database.conninfo is None:
        pytest.skip("a lock on a file is lost with its process only")
    engine = yard.engine()
    task = asyncio.create_task(engine.run())

    async def finishes() -> None:
        async with yard.context.events.subscribe() as events:
            job_id = await asyncio.to_thread(lambda: yard.submit(yard.person(new_id())))
            async for _event in events:
                if (await asyncio.to_thread(yard.job, job_id)).state == S.FINISHED:
                    return

    await finishes()
    with yard.context.database.engine.connect() as connection:
        mine = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}"))
    await finishes()
    task.cancel()


async def test_what_the_queue_stumbled_over_is_decided_at_the_next_tick(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = yard.engine(tick=0.1, whole_tick=3600)
    task, decide, stumbled = asyncio.create_task(engine.run()), engine.line.decide, asyncio.Event()
    loop = asyncio.get_running_loop()

    def stumble(*arguments: Any, **more: Any) -> Any:
        monkeypatch.setattr(engine.line, "decide", decide)
        loop.call_soon_threadsafe(stumbled.set)
        raise RuntimeError("database is locked")

    monkeypatch.setattr(engine.line, "decide", stumble)
    async with yard.context.events.subscribe() as events:
        job_id = await asyncio.to_thread(yard.submit, yard.person("alice"))
        await stumbled.wait()
        async for _event in events:
            if (await asyncio.to_thread(yard.job, job_id)).state == S.FINISHED:
                break
    task.cancel()
