"""Killed with -9 in the middle: service and supervisor. Nothing is lost, nothing runs twice, the state shown is true."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from trainyard.formats.registry import FORMATS

from .conftest import Engine, Person, supervisor_of, until
from .test_chain import ENTRY, make_dataset, make_sets, train
from .test_deaths import ended, submit
from .test_graph import multiplied, ready
from .test_graph import run as run_graph

pytestmark = [pytest.mark.slow, pytest.mark.survival]
MANY = 300
ROUNDS = 20


@pytest.fixture
def chain(start_service: Callable[..., Any], chain_home: Any) -> Any:
    import shutil

    shutil.rmtree(chain_home.volume, ignore_errors=True)
    service = start_service(parts=(), home=chain_home.root)
    chain_home.address.write_text(service.address)
    return service


@pytest.fixture
def engine(chain: Any) -> Iterator[Engine]:
    running = Engine(chain)
    yield running
    running.kill()


@pytest.fixture
def alice(chain: Any, engine: Engine) -> Person:
    return Person(chain, "alice", chain.group("vision"))


def under_way(alice: Person, dataset: Any) -> Any:
    plan = {"formats": ["recordio", "lmdb"], "resize": "64", "seed": 5}
    batch = alice.ok("POST", f"/datasets/{dataset['id']}/batches", json=plan)
    return alice.until(f"/batches/{batch['id']}", lambda one: one["progress"] and one["progress"]["done"] > 0)


def finished(alice: Person, batch: Any) -> Any:
    done = alice.until(f"/batches/{batch['id']}", lambda one: one["state"] in ("finished", "failed", "stopped"))
    assert done["state"] == "finished", done
    return done


def records(chain: Any, batch: Any, name: str) -> list[tuple[str, tuple[float, ...]]]:
    folder = chain.context.home.batch(batch["id"]) / name
    with FORMATS[name.split("-", maxsplit=1)[0]].reader(folder) as reader:
        return [(one.name, one.labels) for one in reader] if name.startswith("lmdb") else [("", one.labels) for one in reader]


def test_the_service_is_killed_while_formatting(chain: Any, alice: Any, engine: Engine) -> None:
    batch = under_way(alice, make_dataset(alice, alice.group, times=MANY))
    engine.kill()
    engine.start()
    done = finished(alice, batch)
    assert alice.ok("GET", f"/jobs/{batch['job']}")["attempt"] == 1
    assert sum(one["samples"] for one in done["sets"] if one["format"] == "lmdb") == 40 * MANY


@pytest.mark.one_database
def test_the_supervisor_is_killed_while_formatting_and_the_work_goes_on(chain: Any, alice: Any) -> None:
    dataset = make_dataset(alice, alice.group, times=MANY)
    batch = under_way(alice, dataset)
    os.kill(supervisor_of(chain, batch["job"]), signal.SIGKILL)
    done = finished(alice, batch)
    assert alice.ok("GET", f"/jobs/{batch['job']}")["attempt"] == 2
    undisturbed = finished(alice, under_way(alice, dataset))
    for name in ("recordio-train", "lmdb-val"):
        assert records(chain, done, name) == records(chain, undisturbed, name)


@pytest.mark.one_database
def test_service_and_one_shards_supervisor_are_killed_while_three_share_the_work(
    chain: Any, alice: Any, engine: Engine, dice: random.Random
) -> None:
    dataset = make_dataset(alice, alice.group, times=MANY)
    plan = {"formats": ["recordio", "lmdb"], "resize": "64", "seed": 5, "shards": 3}
    batch = alice.ok("POST", f"/datasets/{dataset['id']}/batches", json=plan)

    def running() -> list[str]:
        jobs = alice.ok("GET", "/jobs", params={"kind": "format", "state": "running"})["items"]
        return [one["id"] for one in jobs if one["progress"] and one["progress"]["done"]]

    victim = dice.choice(until(running))
    engine.kill()
    os.kill(supervisor_of(chain, victim), signal.SIGKILL)
    engine.start()
    done = finished(alice, batch)
    assert alice.ok("GET", f"/jobs/{victim}")["attempt"] == 2
    undisturbed = finished(alice, alice.ok("POST", f"/datasets/{dataset['id']}/batches", json={**plan, "shards": 1}))
    for name in ("recordio-train", "lmdb-val"):
        assert records(chain, done, name) == records(chain, undisturbed, name)


@pytest.mark.one_database
def test_the_service_is_killed_twenty_times_while_datasets_are_prepared_formatted_and_extended(
    alice: Any, engine: Engine, dice: random.Random
) -> None:
    def kill_again_and_again() -> None:
        for _ in range(ROUNDS):
            time.sleep(dice.random())
            engine.kill()
            engine.start()

    killing = threading.Thread(target=kill_again_and_again)
    killing.start()
    try:
        number = 0
        while killing.is_alive() or not number:
            number += 1
            dataset = make_dataset(alice, alice.group, name=f"shades{number}", times=5)
            sets = make_sets(alice, dataset)
            assert sum(sets[f"lmdb-{split}"]["samples"] for split in ("train", "val")) == dataset["images"] == 40 * 5
            extended = run_graph(alice, dataset, name=f"more{number}", graph=multiplied(2))
            assert ready(alice, extended)["images"] == 2 * 40 * 5
    finally:
        killing.join()
    jobs = alice.ok("GET", "/jobs", params={"limit": 200})["items"]
    assert len(jobs) == 3 * number
    assert {(one["state"], one["attempt"]) for one in jobs} == {("finished", 1)}


@pytest.mark.one_database
def test_the_service_is_killed_while_a_graph_runs(chain: Any, alice: Any, engine: Engine) -> None:
    dataset = make_dataset(alice, alice.group, times=30)
    made = run_graph(alice, dataset, graph=multiplied(4))
    alice.until(f"/datasets/{made['id']}", lambda one: one["progress"] and one["progress"]["done"])
    engine.kill()
    engine.start()
    assert ready(alice, made)["images"] == 40 * 30 * 4
    assert alice.ok("GET", "/jobs", params={"kind": "preprocess"})["items"][0]["attempt"] == 1


@pytest.mark.one_database
def test_cancelled_formatting_shows_nothing_and_resumes(chain: Any, alice: Any) -> None:
    batch = under_way(alice, make_dataset(alice, alice.group, times=6 * MANY))
    alice.ok("POST", f"/batches/{batch['id']}/cancel")
    stopped = alice.until(f"/batches/{batch['id']}", lambda one: one["state"] in ("stopped", "finished", "failed"))
    assert stopped["state"] == "stopped", stopped
    assert not any(one["ready"] for one in stopped["sets"])
    alice.ok("POST", f"/batches/{batch['id']}/resume")
    assert finished(alice, batch)["sets"][0]["ready"]


def test_the_service_is_killed_while_training(chain: Any, alice: Any, engine: Engine) -> None:
    sets = make_sets(alice, make_dataset(alice, alice.group))
    made = train(alice, alice.group, sets, "long", parameters={"epochs": 2, "wait": True})
    alice.until(f"/trainings/{made['id']}", lambda one: one["instances"])
    engine.kill()
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    engine.start()
    stopped = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] not in ("running", "starting"))
    assert (stopped["job"]["state"], stopped["job"]["attempt"]) == ("stopped", 1)
    assert [one["state"] for one in stopped["instances"]] == ["done"]


SAVES = """
import signal, time
def leave(*_):
    time.sleep(1)
    print("saved", flush=True)
    raise SystemExit
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
while True:
    time.sleep(0.1)
"""


@pytest.mark.one_database
@pytest.mark.parametrize("moment", ["queued", "starting", "running", "stopping"])
def test_killed_in_any_state_of_a_training_it_starts_it_once_and_ends_it_once(
    chain: Any, alice: Any, engine: Engine, moment: str
) -> None:
    def kill_and_start() -> None:
        engine.kill()
        engine.start()

    if moment == "queued":
        engine.kill()
    made = submit(alice, SAVES)
    launches, key = chain.context.home.launches, f"job-{made['job']['id']}-1"
    if moment == "queued":
        assert alice.ok("GET", f"/trainings/{made['id']}")["job"]["state"] == "queued"
        engine.start()
    if moment == "starting":
        until((launches / key / "plan.json").exists)
        kill_and_start()
    until(lambda: alice.http.get(f"/jobs/{made['job']['id']}/log").text.endswith("up\n"))
    if moment == "running":
        alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] == "running")
        kill_and_start()
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    if moment == "stopping":
        until((launches / key / "stop.json").exists)
        kill_and_start()
    job = ended(alice, made)["job"]
    assert (job["state"], job["attempt"], job["ending"]["cause"]) == ("stopped", 1, "stopped")
    log = alice.http.get(f"/jobs/{made['job']['id']}/log").text
    assert (log.count("attempt 1"), log.count("up\n"), log.count("saved\n")) == (2, 1, 1), log
    assert alice.ok("GET", "/usage")["used"]["cpu"] == 0


@pytest.mark.one_database
def test_the_supervisor_is_killed_while_training(chain: Any, alice: Any) -> None:
    sets = make_sets(alice, make_dataset(alice, alice.group))
    made = train(alice, alice.group, sets, "long", parameters={"epochs": 1, "wait": True})
    alice.until(f"/trainings/{made['id']}", lambda one: one["instances"])
    os.kill(supervisor_of(chain, made["job"]["id"]), signal.SIGKILL)
    lost = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] == "failed")
    assert lost["job"]["ending"]["cause"] == "supervisor-lost"
    assert lost["instances"][0]["state"] == "failed"
    assert alice.ok("GET", "/usage")["used"]["jobs"] == 0
    alice.ok("POST", f"/trainings/{made['id']}/start")
    again = alice.until(f"/trainings/{made['id']}", lambda one: len(one["instances"]) == 2)
    assert again["job"]["attempt"] == 2


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that is ours, and where nobody listens; an ordinary one, as the relay in a sandbox takes the same number."""
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))
        yield ours.getsockname()[1]


@pytest.mark.one_database
def test_what_a_run_could_not_tell_is_read_from_its_folder(chain: Any, alice: Any, silent_port: int) -> None:
    sets = make_sets(alice, make_dataset(alice, alice.group))
    chain.context.home.address.write_text(f"http://127.0.0.1:{silent_port}")
    made = train(alice, alice.group, sets, "alone")
    done = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] in ("finished", "failed"))
    assert done["job"]["state"] == "finished", done["job"]["ending"]
    assert [(one["state"], one["epoch"]) for one in done["instances"]] == [("done", 3)]
    until(lambda: alice.ok("GET", "/models")["total"] == 1)
    assert done["entry"] == ENTRY
