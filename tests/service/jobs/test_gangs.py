"""Jobs of several processes start and end together; whatever is killed, none of them is lost or run twice."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from trainyard.errors import Conflict
from trainyard.jobs.launch import LaunchState
from trainyard.jobs.states import Cause, JobState
from trainyard.records.accounts import Quota
from trainyard.records.distributed import Distributed, DistributedKind, Role
from trainyard_service.database.tables.jobs import AllocationRow, JobRow
from trainyard_service.jobs import life
from trainyard_service.jobs.endings import ending_view
from trainyard_service.jobs.gang import waits_its_turn

S = JobState
WAITS = "import time; time.sleep(600)"
ASKED = Distributed(kind=DistributedKind.PYTORCH, workers=2)
SERVED = Distributed(kind=DistributedKind.MXNET, workers=2)
# workers take a moment to save; everybody says when it is up and when it has ended
SAVES = """
import signal
def leave(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(0.3 if me.startswith('worker') else 0)
    print(me, file=open({folder!r} + '/ends', 'a'))
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print(me, file=open({folder!r} + '/up', 'a'))
while True:  # a signal just before a long sleep is looked at after it
    time.sleep(0.1)
"""


def submit(yard: Any, program: str, asked: Distributed = ASKED, **more: Any) -> str:
    """A job of replicas that all run ``program``, in which ``me`` is the replica's name."""
    begin = "import os, sys, time; me = os.environ['TRAINYARD_REPLICA']\n"
    if "owner" not in more:
        group = yard.group(f"group{len(yard.launcher.started)}", Quota())
        more |= {"owner": yard.person(f"person{group.id}", group), "group": group.id}
    return str(yard.submit(program=begin + program, distributed=asked, **more))


def stop(yard: Any, job_id: str) -> None:
    with yard.context.database.write() as session:
        life.want_stop(session, session.get_one(JobRow, job_id), "alice")


def held(yard: Any) -> list[AllocationRow]:
    with yard.context.database.read() as session:
        return list(session.scalars(select(AllocationRow)))


def living(yard: Any) -> set[str]:
    return {state.key.rpartition("-")[2] for state in yard.launcher.states() if state.phase != "ended"}


def test_all_run_before_the_job_does_and_it_finishes_with_the_last(yard: Any) -> None:
    engine, job_id = yard.engine(), submit(yard, "time.sleep(0.3 if me == 'worker1' else 0)")
    engine.reconcile()
    assert yard.launcher.started == [f"job-{job_id}-1-worker0", f"job-{job_id}-1-worker1"]
    (holding,) = held(yard)
    assert (holding.key, holding.cpu, holding.memory, holding.jobs) == (f"job-{job_id}-1", 2, 4 << 30, 1)
    job = yard.until(engine, job_id, S.FINISHED)
    assert (job.ending["cause"], held(yard)) == (Cause.EXITED, [])


def test_all_of_a_gang_start_or_none(yard: Any) -> None:
    engine, group = yard.engine(), yard.group("vision", Quota(cpu=1.5))
    job_id = submit(yard, "", owner=yard.person("alice", group), group=group.id)
    engine.reconcile()
    assert (yard.job(job_id).state, yard.launcher.started) == (S.QUEUED, [])
    waiting = yard.view(engine, job_id).waiting
    assert (waiting.resource, waiting.asked, waiting.limit) == ("cpu", 2, 1.5)


def test_the_first_death_ends_the_others_and_is_told(yard: Any) -> None:
    engine = yard.engine()
    job_id = submit(yard, "print('gone', flush=True); sys.exit(3) if me == 'worker1' else time.sleep(600)")
    job = yard.until(engine, job_id, S.FAILED)
    ending = ending_view(job.ending, "en")
    assert ending is not None
    assert (ending.replica, ending.exit_code, ending.last_lines) == ("worker1", 3, ["gone"])
    assert ending.text.startswith("The replica worker1 ended first, and the others were ended with it. The program ended with")
    assert (living(yard), held(yard)) == (set(), [])


def test_a_death_starts_all_of_them_again_where_the_policy_says_so(yard: Any) -> None:
    policy = {"max_retries": 1, "on": ["unknown"], "backoff": 0}
    program = "first = os.environ['TRAINYARD_ATTEMPT'] == '1'\nif first: sys.exit(3) if me == 'worker1' else time.sleep(600)"
    job_id = submit(yard, program, restart=policy)
    job = yard.until(yard.engine(), job_id, S.FINISHED)
    assert (job.attempt, job.retries, job.attempts[0].ending["replica"]) == (2, 1, "worker1")
    assert yard.launcher.started == [f"job-{job_id}-{attempt}-worker{rank}" for attempt in (1, 2) for rank in (0, 1)]


def test_servers_are_ended_once_the_workers_are_done(yard: Any) -> None:
    asked = Distributed(kind=DistributedKind.MXNET, workers=1, packages={Role.SERVER: "1Core2G"})
    job_id = submit(yard, "time.sleep(0 if me == 'worker0' else 600)", asked)
    assert yard.until(yard.engine(), job_id, S.FINISHED).ending["exit_code"] == 0
    assert (living(yard), len(yard.launcher.started)) == (set(), 3)


def test_a_stop_ends_every_replica(yard: Any) -> None:
    engine, job_id = yard.engine(), submit(yard, "time.sleep(600)")
    yard.until(engine, job_id, S.RUNNING)
    stop(yard, job_id)
    job = yard.until(engine, job_id, S.STOPPED)
    ending = ending_view(job.ending, "en")
    assert ending is not None
    assert (ending.text, living(yard)) == ("Stopped by alice.", set())


def serving(yard: Any, engine: Any, **more: Any) -> str:
    """A running job of two workers, a server and a scheduler, all of which take notice of being asked to stop."""
    job_id = submit(yard, SAVES.format(folder=str(yard.launcher.folder.parent)), SERVED, **more)
    yard.until(engine, job_id, S.RUNNING)
    yard.passes(engine, lambda: len(told(yard, "up")) == 4)
    return job_id


def told(yard: Any, name: str) -> list[str]:
    """What the replicas have written so far."""
    file = yard.launcher.folder.parent / name
    return file.read_text().split() if file.exists() else []


def by_role(names: list[str]) -> list[str]:
    return [name.rstrip("0123456789") for name in names]


def test_servers_live_until_the_workers_that_are_asked_to_stop_have_saved(yard: Any) -> None:
    engine = yard.engine()
    job_id = serving(yard, engine)
    stop(yard, job_id)
    assert yard.until(engine, job_id, S.STOPPED).ending["cause"] == Cause.STOPPED
    assert by_role(told(yard, "ends"))[:2] == ["worker", "worker"]
    assert sorted(told(yard, "ends")) == ["scheduler0", "server0", "worker0", "worker1"]


def test_preempted_servers_live_until_the_workers_have_saved(yard: Any) -> None:
    engine = yard.engine()
    job_id = serving(yard, engine, preemptible=True)
    urgent = submit(yard, "time.sleep(600)", Distributed(kind=DistributedKind.PYTORCH, workers=3))
    yard.until(engine, urgent, S.RUNNING)
    assert yard.job(job_id).attempts[0].ending["cause"] == Cause.EVICTED
    assert by_role(told(yard, "ends"))[:2] == ["worker", "worker"]


def test_killed_when_only_the_workers_are_asked_the_servers_are_ended_by_the_next_engine(yard: Any) -> None:
    engine = yard.engine()
    job_id = serving(yard, engine)
    stop(yard, job_id)
    engine.reconcile()
    while len(told(yard, "ends")) < 2:
        time.sleep(0.01)  # no engine looks
    assert living(yard) >= {"server0", "scheduler0"}
    yard.until(yard.engine(), job_id, S.STOPPED)
    assert (living(yard), held(yard)) == (set(), [])


def test_the_time_limit_is_the_workers_and_servers_are_ended_after_them(yard: Any) -> None:
    job_id = submit(yard, "time.sleep(600)", SERVED, time_limit=60.0)
    yard.until(yard.engine(), job_id, S.RUNNING)
    limits = {key.rpartition("-")[2]: spec.time_limit for key, spec in yard.launcher.specs.items()}
    assert limits == {"worker0": 60, "worker1": 60, "server0": None, "scheduler0": None}


def test_killed_between_two_starts_it_starts_the_rest_and_nobody_twice(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id, start = submit(yard, "time.sleep(600)"), yard.launcher.start

    def dies(spec: Any) -> None:
        if spec.key.endswith("worker1"):
            raise SystemExit
        start(spec)

    monkeypatch.setattr(yard.launcher, "start", dies)
    with pytest.raises(SystemExit):
        yard.engine().reconcile()
    assert (living(yard), yard.job(job_id).state) == ({"worker0"}, S.STARTING)
    monkeypatch.setattr(yard.launcher, "start", start)
    yard.until(yard.engine(), job_id, S.RUNNING)
    assert yard.launcher.started == [f"job-{job_id}-1-worker0", f"job-{job_id}-1-worker1"]


def test_a_new_engine_adopts_all_replicas(yard: Any) -> None:
    job_id = submit(yard, "time.sleep(600)")
    yard.until(yard.engine(), job_id, S.RUNNING)
    second = yard.engine()
    second.reconcile()
    stop(yard, job_id)
    yard.until(second, job_id, S.STOPPED)
    assert (len(yard.launcher.started), living(yard)) == (2, set())


def test_a_lost_supervisor_of_one_ends_all(yard: Any) -> None:
    engine, job_id = yard.engine(), submit(yard, "time.sleep(600)")
    yard.until(engine, job_id, S.RUNNING)
    yard.launcher.lose_supervisor(f"job-{job_id}-1-worker1")
    job = yard.until(engine, job_id, S.FAILED)
    assert (job.ending["cause"], job.ending["replica"], living(yard)) == (Cause.SUPERVISOR_LOST, "worker1", set())


def refusing(yard: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, times: int) -> None:
    """The second worker cannot be started so many times."""
    start, left = yard.launcher.start, [times]

    def refuse(spec: Any) -> Any:
        if spec.key.endswith("worker1") and left[0]:
            left[0] -= 1
            raise error
        return start(spec)

    monkeypatch.setattr(yard.launcher, "start", refuse)


def test_trouble_in_the_middle_of_a_start_ends_what_has_started_and_queues_it_again(
    yard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(yard, monkeypatch, OSError("no more processes"), times=1)
    engine, job_id = yard.engine(), submit(yard, "time.sleep(600)")
    job = yard.until(engine, job_id, S.RUNNING)
    assert (job.attempt, job.lost, len(held(yard)), len(living(yard))) == (2, 1, 1, 2)
    assert job.attempts[0].ending["cause"] == Cause.LAUNCH_FAILED


def test_a_refusal_in_the_middle_of_a_start_fails_when_all_have_ended(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(yard, monkeypatch, Conflict("mount-missing", "It is gone."), times=9)
    engine, job_id = yard.engine(), submit(yard, "time.sleep(600)")
    engine.reconcile()
    assert (yard.job(job_id).state, len(held(yard))) == (S.STARTING, 1)
    dead = yard.until(yard.engine(), job_id, S.FAILED)
    assert (dead.ending["cause"], living(yard), held(yard)) == (Cause.MOUNT_FAILED, set(), [])


def test_a_replica_of_a_job_that_is_gone_is_ended(yard: Any) -> None:
    engine, job_id = yard.engine(), submit(yard, "time.sleep(600)")
    yard.until(engine, job_id, S.RUNNING)
    with yard.context.database.write() as session:
        session.delete(session.get_one(JobRow, job_id))
    yard.passes(yard.engine(), lambda: yard.launcher.states() == [])


def test_preempted_all_replicas_give_their_place(yard: Any) -> None:
    engine = yard.engine()
    job_id = submit(yard, "time.sleep(600)", preemptible=True)
    yard.until(engine, job_id, S.RUNNING)
    urgent = submit(yard, "time.sleep(600)", Distributed(kind=DistributedKind.PYTORCH, workers=3))
    yard.until(engine, urgent, S.RUNNING)
    assert (yard.job(job_id).state, yard.job(job_id).attempts[0].ending["cause"]) == (S.QUEUED, Cause.EVICTED)


@pytest.mark.one_database
def test_of_one_group_one_gang_starts_at_a_time_and_another_groups_does_not_wait(
    yard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, vision, sound = yard.engine(), yard.group("vision", Quota()), yard.group("sound", Quota())
    alice, bob = yard.person("alice", vision), yard.person("bob", sound)
    small = Distributed(kind=DistributedKind.PYTORCH, workers=1)
    first = submit(yard, "time.sleep(600)", owner=alice, group=vision.id)
    second = submit(yard, "time.sleep(600)", small, owner=alice, group=vision.id)
    other = submit(yard, "time.sleep(600)", small, owner=bob, group=sound.id)
    tell, slow = yard.launcher.state, {f"job-{first}-1-worker1"}

    def late(key: str) -> Any:
        """The second worker of the first gang waits for a place."""
        state = tell(key)
        return state.model_copy(update={"phase": "starting"}) if state is not None and key in slow else state

    monkeypatch.setattr(yard.launcher, "state", late)
    monkeypatch.setattr(yard.launcher, "states", lambda: [late(key) for key in yard.launcher.started])
    yard.until(engine, other, S.RUNNING)
    assert (yard.job(first).state, yard.job(second).state) == (S.STARTING, S.STARTING)
    assert [key.split("-")[1] for key in yard.launcher.started] == [first, first, other]
    slow.clear()
    yard.until(engine, second, S.RUNNING)
    assert yard.job(first).state == S.RUNNING


@pytest.mark.parametrize("held", [True, False], ids=["held", "on-its-way"])
def test_a_gang_that_the_clusters_own_queue_holds_keeps_no_other_waiting(*, held: bool) -> None:
    parts = [{"role": "worker", "count": 2, "package": ""}]
    first, second = (
        SimpleNamespace(row=JobRow(id=number, attempt=1, group_id=7, package="small", replicas=parts, wanted="run"))
        for number in ("1", "2")
    )

    def ask(key: str) -> LaunchState | None:
        return LaunchState(key=key, phase="starting", held=held) if key.startswith("job-1-") else None

    assert waits_its_turn(second, [first, second], ask) is not held


@pytest.mark.one_database
def test_a_gang_that_waits_its_turn_is_stopped_at_once(yard: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, vision = yard.engine(), yard.group("vision", Quota())
    alice = yard.person("alice", vision)
    first, second = (submit(yard, "time.sleep(600)", owner=alice, group=vision.id) for _ in range(2))
    tell = yard.launcher.state
    monkeypatch.setattr(yard.launcher, "state", lambda key: (one := tell(key)) and one.model_copy(update={"phase": "starting"}))
    monkeypatch.setattr(yard.launcher, "states", lambda: [yard.launcher.state(key) for key in yard.launcher.started])
    engine.reconcile()
    assert (yard.job(second).state, len(yard.launcher.started)) == (S.STARTING, 2)
    stop(yard, second)
    yard.until(engine, second, S.STOPPED)
    assert yard.job(first).state == S.STARTING
