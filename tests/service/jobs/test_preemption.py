"""Preemptible jobs use what is idle, give it back when it is wanted, and go on afterwards; nothing leaks or doubles."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from trainyard.jobs.states import Cause, JobState
from trainyard.records.accounts import Quota
from trainyard.records.resources import NewPackage
from trainyard_service.database.tables.accounts import NoticeRow
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.jobs import declared, life

S = JobState
SLEEP = "import time; time.sleep(600)"
WHOLE = "whole"


def _whole_machine(yard: Any) -> tuple[int, Any]:
    group = yard.group("vision", Quota())
    with yard.context.database.write() as session:
        declared.put_package(session, yard.settings, WHOLE, NewPackage(cpu=4, memory=2**30))
    return yard.person("alice", group), group


def _held(yard: Any) -> list[str]:
    with yard.context.database.read() as session:
        return list(session.scalars(select(AllocationRow.job_id)))


def test_it_gives_its_place_waits_in_its_old_place_and_runs_again(yard: Any) -> None:
    engine, (owner, group) = yard.engine(), _whole_machine(yard)
    loose = yard.submit(owner, group.id, SLEEP, package=WHOLE, preemptible=True)
    queued = yard.until(engine, loose, S.RUNNING).queued
    firm = yard.submit(owner, group.id, SLEEP, package=WHOLE)
    yard.until(engine, firm, S.RUNNING)
    again = yard.job(loose)
    assert (again.state, again.wanted, again.queued, again.spec["resume"]) == (S.QUEUED, "run", queued, True)
    assert again.attempts[0].ending["cause"] == Cause.EVICTED
    assert _held(yard) == [firm]
    with yard.context.database.read() as session:
        told = select(func.count()).select_from(NoticeRow).where(NoticeRow.message.contains("gave its place"))
        assert session.scalar(told) == 1
    with yard.context.database.write() as session:
        life.want_stop(session, session.get_one(JobRow, firm), "alice")
    assert yard.until(engine, loose, S.RUNNING).attempt == 2


def test_the_one_that_waits_is_told_that_its_place_is_on_its_way(yard: Any) -> None:
    engine, (owner, group) = yard.engine(), _whole_machine(yard)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    loose = yard.submit(owner, group.id, stubborn, package=WHOLE, preemptible=True)
    yard.until(engine, loose, S.RUNNING)
    firm = yard.submit(owner, group.id, SLEEP, package=WHOLE)
    yard.passes(engine, lambda: yard.job(loose).wanted == "requeue")
    engine.reconcile()
    assert yard.view(engine, firm).waiting.promised
    assert _held(yard) == [loose]


def test_a_person_who_stops_it_meanwhile_has_the_last_word(yard: Any) -> None:
    engine, (owner, group) = yard.engine(), _whole_machine(yard)
    loose = yard.submit(owner, group.id, SLEEP, package=WHOLE, preemptible=True)
    yard.until(engine, loose, S.RUNNING)
    firm = yard.submit(owner, group.id, SLEEP, package=WHOLE)
    with yard.context.database.write() as session:
        session.get_one(JobRow, loose).wanted = "requeue"
        life.want_stop(session, session.get_one(JobRow, loose), "alice")
    yard.until(engine, firm, S.RUNNING)
    assert yard.job(loose).state == S.STOPPED


def test_within_a_guarantee_one_starts_before_an_earlier_borrower(yard: Any) -> None:
    engine, (owner, group) = yard.engine(), _whole_machine(yard)
    other = yard.group("speech", Quota())
    with yard.context.database.write() as session:
        row = session.merge(other)
        row.guaranteed_cpu, row.guaranteed_memory = 4, 2**30
    ben = yard.person("ben", other)
    first = yard.submit(owner, group.id, SLEEP, package=WHOLE)
    second = yard.submit(ben, other.id, SLEEP, package=WHOLE)
    yard.until(engine, second, S.RUNNING)
    assert yard.job(first).state == S.QUEUED
    waiting = yard.view(engine, first).waiting
    assert (waiting.resource, waiting.used, waiting.limit, waiting.asked) == ("cpu", 4, 4, 4)
