"""kill -9 of the service between any two writes, and whatever people do: no job is lost or doubled, no quota leaks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from trainyard.jobs.launch import OUTPUT
from trainyard.jobs.states import ENDED, Cause, ErrorClass, JobState
from trainyard.records.accounts import Quota
from trainyard.records.distributed import Distributed, DistributedKind
from trainyard.records.jobs import JobKind, RestartPolicy
from trainyard.records.resources import NewPackage
from trainyard_service.database.tables.jobs import AllocationRow, AttemptRow, JobRow
from trainyard_service.jobs import declared, launches, life

S = JobState
SLEEP = "import time; time.sleep(600)"
WHOLE = "whole"
POLICY = RestartPolicy(max_retries=2, on=list(ErrorClass), backoff=0).model_dump(mode="json")


class Killed(BaseException):
    """The service is gone; no ``except Exception`` of its holds this back."""


class Mortal:
    """An engine that is killed now and then, before or after one of its transactions, starts or stops, and made anew."""

    def __init__(self, yard: Any, dice: Random) -> None:
        self.yard, self.dice, self.deaths = yard, dice, 0
        database, launcher = yard.context.database, yard.launcher
        database.before_commit.append(lambda _session: self.may_die())
        database.after_commit.append(lambda _session: self.may_die())
        self.start, self.stop = launcher.start, launcher.stop
        launcher.start, launcher.stop = self.mortally(launcher.start), self.mortally(launcher.stop)
        self.lives(0)

    @property
    def kinds(self) -> Any:
        return self.engine.kinds

    def lives(self, points: int) -> None:
        """A new service, for so many points (0: for ever)."""
        self.engine, self.left = self.yard.engine(), points

    def mortally(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any, **more: Any) -> Any:
            self.may_die()
            answer = work(*arguments, **more)
            self.may_die()
            return answer

        return done

    def may_die(self) -> None:
        if self.left:
            self.left -= 1
            if not self.left:
                raise Killed

    def reconcile(self) -> None:
        self.left = self.dice.randint(1, 12)
        try:
            self.engine.reconcile()
        except Killed:
            self.deaths += 1
            self.lives(0)
        self.left = 0  # what the test itself writes is nobody's death


@pytest.fixture
def mortal(yard: Any, dice: Random) -> Mortal:
    return Mortal(yard, dice)


def _place(yard: Any) -> tuple[int, Any]:
    group = yard.group("vision", Quota())
    with yard.context.database.write() as session:
        declared.put_package(session, yard.settings, WHOLE, NewPackage(cpu=4, memory=2**30))
    return yard.person("alice", group), group


def _want_stop(yard: Any, job_id: str, *, pause: bool = False) -> None:
    with yard.context.database.write() as session:
        life.want_stop(session, session.get_one(JobRow, job_id), "alice", pause=pause)


def _held(yard: Any) -> list[str]:
    with yard.context.database.read() as session:
        return list(session.scalars(select(AllocationRow.key)))


def _living(yard: Any) -> set[str]:
    return {state.key for state in yard.launcher.states() if state.phase != "ended"}


def _nothing_is_left(yard: Any) -> None:
    """Nothing is held and nothing runs; each attempt was started once at most, and its end is written down."""
    assert _held(yard) == []
    assert _living(yard) == set()
    assert len(yard.launcher.started) == len(set(yard.launcher.started))
    with yard.context.database.read() as session:
        assert session.scalars(select(AttemptRow).where(AttemptRow.ended.is_(None))).all() == []
        assert session.scalars(select(AttemptRow).where(AttemptRow.token_hash != "")).all() == []


def test_killed_again_and_again_a_preemption_takes_place_once(yard: Any, mortal: Mortal) -> None:
    owner, group = _place(yard)
    loose = yard.submit(owner, group.id, SLEEP, package=WHOLE, preemptible=True)
    yard.until(mortal, loose, S.RUNNING)
    firm = yard.submit(owner, group.id, SLEEP, package=WHOLE)
    yard.until(mortal, firm, S.RUNNING)
    assert [one.ending["cause"] for one in yard.job(loose).attempts] == [Cause.EVICTED]
    assert _held(yard) == [f"job-{firm}-1"]
    _want_stop(yard, firm)
    assert yard.until(mortal, loose, S.RUNNING).attempt == 2
    _want_stop(yard, loose)
    yard.until(mortal, loose, S.STOPPED)
    _nothing_is_left(yard)


def test_killed_again_and_again_a_policy_makes_as_many_tries_as_it_says(yard: Any, mortal: Mortal) -> None:
    owner, group = _place(yard)
    job = yard.until(mortal, yard.submit(owner, group.id, "import sys; sys.exit(3)", restart=POLICY), S.FAILED)
    assert (job.attempt, job.retries) == (3, 2)
    assert [one.ending["exit_code"] for one in job.attempts] == [3, 3, 3]
    _nothing_is_left(yard)


def test_killed_again_and_again_a_pause_ends_and_goes_on(yard: Any, mortal: Mortal) -> None:
    owner, group = _place(yard)
    job_id = yard.submit(owner, group.id, SLEEP)
    yard.until(mortal, job_id, S.RUNNING)
    _want_stop(yard, job_id, pause=True)
    assert yard.until(mortal, job_id, S.STOPPED).ending["paused"]
    assert _held(yard) == []
    with yard.context.database.write() as session:
        life.want_start(session, session.get_one(JobRow, job_id), resume=True)
    assert yard.until(mortal, job_id, S.RUNNING).attempt == 2
    _want_stop(yard, job_id)
    yard.until(mortal, job_id, S.STOPPED)
    _nothing_is_left(yard)


def test_a_service_held_up_at_a_start_does_not_start_again_what_another_has_run_to_its_end(
    yard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, other, job_id = yard.engine(), yard.engine(), yard.submit(yard.person("alice"), program="pass")
    script = slow.kinds[JobKind.TRAIN]
    own = script.inside

    def held_up(session: Any, start: Any) -> Any:
        yard.until(other, job_id, S.FINISHED)
        assert yard.launcher.states() == []
        return own(session, start)

    monkeypatch.setattr(script, "inside", held_up)
    monkeypatch.setattr(launches, "_LONG_AGO_SECONDS", 0.0)
    slow.reconcile()
    assert yard.launcher.started == [f"job-{job_id}-1"]


def test_two_stops_at_once_end_it_once_and_the_first_has_done_it(yard: Any) -> None:
    engines, (owner, group) = [yard.engine(), yard.engine()], _place(yard)
    job_id = yard.submit(owner, group.id, SLEEP)
    yard.until(engines[0], job_id, S.RUNNING)
    _want_stop(yard, job_id)

    def stop(number: int) -> None:
        _want_stop(yard, job_id, pause=True)
        engines[number % 2].reconcile()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(stop, range(4)))
    job = yard.until(engines[0], job_id, S.STOPPED)
    assert (job.ending["cause"], job.ending["paused"], len(job.attempts)) == (Cause.STOPPED, False, 1)
    _nothing_is_left(yard)


@pytest.mark.parametrize("policy", [None, POLICY])
def test_a_lost_node_gives_back_what_it_held_and_the_policy_decides(yard: Any, policy: Any) -> None:
    engine, (owner, group) = yard.engine(), _place(yard)
    job_id = yard.submit(owner, group.id, SLEEP, package=WHOLE, restart=policy)
    yard.until(engine, job_id, S.RUNNING)
    yard.launcher.lose_supervisor(f"job-{job_id}-1", Cause.NODE_LOST)
    if policy:
        yard.passes(engine, lambda: yard.job(job_id).attempt == 2 and yard.job(job_id).state == S.RUNNING)
        assert _held(yard) == [f"job-{job_id}-2"]
    else:
        assert yard.until(engine, job_id, S.FAILED).ending["cause"] == Cause.NODE_LOST
        _nothing_is_left(yard)


def test_a_node_that_is_lost_while_its_job_gives_way_takes_no_job_along(yard: Any) -> None:
    engine, (owner, group) = yard.engine(), _place(yard)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    loose = yard.submit(owner, group.id, stubborn, package=WHOLE, preemptible=True)
    output = yard.context.home.kept(f"job-{loose}-1") / OUTPUT
    yard.passes(engine, lambda: output.exists() and b"up" in output.read_bytes())
    firm = yard.submit(owner, group.id, SLEEP, package=WHOLE)
    yard.passes(engine, lambda: yard.job(loose).wanted == "requeue")
    yard.launcher.lose_supervisor(f"job-{loose}-1", Cause.NODE_LOST)
    yard.until(engine, firm, S.RUNNING)
    assert yard.job(loose).state == S.QUEUED


class Day:
    """What people and machines do to a queue, one thing at a time, drawn by ``dice``."""

    def __init__(self, yard: Any, dice: Random) -> None:
        self.yard, self.dice, self.jobs = yard, dice, list[str]()
        self.owner, self.group = _place(yard)

    def submit(self) -> None:
        more = {"package": self.dice.choice(["1Core2G", "2Core4G", WHOLE]), "preemptible": self.dice.random() < 0.5}
        more["restart"] = self.dice.choice([None, POLICY])
        program = self.dice.choice([SLEEP, SLEEP, "pass", "import sys; sys.exit(3)"])
        if self.dice.random() < 0.3:
            more |= {"package": "1Core2G", "distributed": Distributed(kind=DistributedKind.PYTORCH, workers=2)}
        self.jobs.append(self.yard.submit(self.owner, self.group.id, program, **more))

    def stop(self) -> None:
        _want_stop(self.yard, self.dice.choice(self.jobs), pause=self.dice.random() < 0.5)

    def start(self) -> None:
        with self.yard.context.database.write() as session:
            job = session.get_one(JobRow, self.dice.choice(self.jobs))
            if JobState(job.state) in ENDED:
                life.want_start(session, job, resume=True)

    def lose(self) -> None:
        if living := sorted(_living(self.yard)):
            cause = self.dice.choice([Cause.SUPERVISOR_LOST, Cause.NODE_LOST])
            self.yard.launcher.lose_supervisor(self.dice.choice(living), cause)

    def happens(self) -> None:
        self.submit() if not self.jobs else self.dice.choice([self.submit, self.submit, self.stop, self.start, self.lose])()


def test_whatever_happens_on_a_day_nothing_is_lost_doubled_or_kept(yard: Any, mortal: Mortal, dice: Random) -> None:
    day = Day(yard, dice)
    for _ in range(40):
        day.happens()
        mortal.reconcile()
        with yard.context.database.read() as session:
            assert sum(session.scalars(select(AllocationRow.cpu))) <= 4
    for job_id in day.jobs:
        _want_stop(yard, job_id)
    yard.passes(mortal, lambda: all(JobState(yard.job(job_id).state) in ENDED for job_id in day.jobs) and not _living(yard))
    mortal.reconcile()
    _nothing_is_left(yard)
    assert mortal.deaths
