"""Real workers of one training that are ended from outside: all save one and the same batch, and go on from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from trainyard.home import Home
from trainyard.training.snapshots import snapshots

from tests.frameworks import ROOT

from .conftest import Engine, Person, build_framework_image, until
from .test_deaths import ended, submit

pytestmark = [pytest.mark.slow, pytest.mark.one_database]
SCRIPTS = ROOT / "tests" / "core" / "training" / "scripts"
WORKERS = ("worker0", "worker1")
PYTORCH, MXNET = ({"kind": kind, "workers": 2} for kind in ("pytorch", "mxnet"))


@pytest.fixture(scope="module", autouse=True)
def images(chain_home: Home) -> None:
    """PyTorch and MXNet, each with a training of two workers: so many epochs of 16 batches, at so many seconds each."""
    build_framework_image(chain_home, "pytorch", SCRIPTS / "ddp_loop.py")
    build_framework_image(chain_home, "mxnet", SCRIPTS / "module_fit.py")


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """What two workers, a server and the scheduler take."""
    monkeypatch.setenv("TRAINYARD_SERVICE_CAPACITY_CPU", "4")
    monkeypatch.setenv("TRAINYARD_SERVICE_CAPACITY_MEMORY", str(16 << 30))


def log_of(alice: Person, made: Any, replica: str = "worker0") -> str:
    return alice.http.get(f"/jobs/{made['job']['id']}/log", params={"replica": replica}).text


def entry(epochs: int, seconds: float) -> str:
    return f"/workspace/examples/start.sh {epochs} {seconds}"


def train(alice: Person, distributed: dict[str, Any], **more: Any) -> Any:
    """A training that would last for long, when both workers are in the middle of their second epoch."""
    body = {"name": "together", "group": "vision", "package": "1Core2G", "entry": entry(1000, 0.05), **more}
    made = alice.ok("POST", "/trainings", json={**body, "image": f"{distributed['kind']}:1", "distributed": distributed})
    until(lambda: all("batch 21\n" in log_of(alice, made, name) for name in WORKERS), lambda: log_of(alice, made))
    return made


def saved_step(alice: Person, made: Any) -> int:
    """The batch both workers ended after, with the same weights; the one snapshot in the middle of an epoch is of it."""
    lasts = [[line for line in log_of(alice, made, name).splitlines() if line.startswith("ended ")] for name in WORKERS]
    assert lasts[0] == lasts[1], (lasts, log_of(alice, made))
    step = int(lasts[0][-1].split()[1])
    [instance] = alice.ok("GET", f"/trainings/{made['id']}")["instances"]
    output = alice.service.context.home.run(made["id"]) / instance["id"] / "output"
    assert [one.step for one in snapshots(output) if "batch" in one.file] == [step]
    assert alice.ok("GET", f"/trainings/{made['id']}")["checkpoint"]["step"] == step
    return step


def goes_on_to_its_end(alice: Person, made: Any, step: int) -> None:
    """Started again, both workers go on from the snapshot of that step, in the same instance, and finish."""
    begun = alice.ok("GET", f"/trainings/{made['id']}")["checkpoint"]
    few = {"resume": True, "entry": entry(begun["epoch"] + 2, 0)}
    alice.ok("POST", f"/trainings/{made['id']}/start", json=few)
    done = ended(alice, made)
    assert done["job"]["state"] == "finished", log_of(alice, made)
    assert all(f"begin {begun['epoch']} {step}\n" in log_of(alice, made, name) for name in WORKERS)
    assert len(done["instances"]) == 1


@pytest.mark.parametrize("distributed", [PYTORCH, MXNET], ids=["pytorch", "mxnet"])
def test_stopped_in_the_middle_of_an_epoch_it_is_saved_and_goes_on_from_there(
    alice: Person, distributed: dict[str, Any]
) -> None:
    made = train(alice, distributed)
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    job = ended(alice, made)["job"]
    assert (job["state"], job["ending"]["cause"]) == ("stopped", "stopped"), log_of(alice, made)
    told = {one["name"]: one for one in alice.ok("GET", f"/jobs/{made['job']['id']}/replicas")}
    assert {told[name]["exit_code"] for name in WORKERS} == {0}, (told, log_of(alice, made), log_of(alice, made, "worker1"))
    goes_on_to_its_end(alice, made, saved_step(alice, made))


def test_preempted_its_workers_save_before_the_servers_end_and_it_goes_on_in_its_turn(alice: Person) -> None:
    made = train(alice, MXNET, preemptible=True)
    urgent = submit(alice, "print('urgent')", "urgent")
    assert ended(alice, urgent)["job"]["state"] == "finished"
    [*_, first] = alice.ok("GET", f"/jobs/{made['job']['id']}/attempts")
    assert (first["ending"]["cause"], first["ending"]["exit_code"]) == ("evicted", 0)
    step = saved_step(alice, made)
    until(lambda: f" {step}\n" in log_of(alice, made).rpartition("begin ")[2][:20], lambda: log_of(alice, made))
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    assert ended(alice, made)["job"]["state"] == "stopped"


# every role says when it is asked to end, and ends a moment later
ASKED = """
import os, signal, sys, time
def leave(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(1)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
while True:
    time.sleep(0.1)
"""


def test_the_time_limit_is_for_the_workers_and_the_servers_end_after_them(alice: Person) -> None:
    made = submit(alice, ASKED, distributed=MXNET, hours=0.004)
    job = ended(alice, made)["job"]
    assert (job["state"], job["ending"]["cause"]) == ("stopped", "time-limit")
    told = {one["name"]: one for one in alice.ok("GET", f"/jobs/{job['id']}/replicas")}
    assert {told[name]["cause"] for name in WORKERS} == {"time-limit"}
    assert (told["server0"]["cause"], told["scheduler0"]["cause"]) == ("stopped", "stopped")
    assert max(told[name]["ended"] for name in WORKERS) < min(told["server0"]["ended"], told["scheduler0"]["ended"])


@pytest.fixture
def killable(start_service: Callable[..., Any], chain_home: Home) -> Iterator[tuple[Person, Engine]]:
    """A service whose reconciler is a process of its own."""
    shutil.rmtree(chain_home.volume, ignore_errors=True)
    service = start_service(parts=(), home=chain_home.root)
    chain_home.address.write_text(service.address)
    engine = Engine(service)
    yield Person(service, "alice", service.group("vision")), engine
    engine.kill()


def test_killed_once_the_workers_are_asked_the_next_service_ends_the_servers(killable: tuple[Person, Engine]) -> None:
    alice, engine = killable
    made = train(alice, MXNET)
    launches = alice.service.context.home.launches
    keys = {name: f"job-{made['job']['id']}-1-{name}" for name in (*WORKERS, "server0", "scheduler0")}
    with held(*(launches / keys[name] for name in WORKERS)):
        alice.ok("POST", f"/trainings/{made['id']}/stop")
        until(lambda: all((launches / keys[name] / "stop.json").exists() for name in WORKERS))
        engine.kill()
    assert not (launches / keys["server0"] / "stop.json").exists()
    until(lambda: all(phase(launches / keys[name]) == "ended" for name in WORKERS))
    engine.start()
    assert ended(alice, made)["job"]["state"] == "stopped"
    assert {one["state"] for one in alice.ok("GET", f"/jobs/{made['job']['id']}/replicas")} == {"ended"}
    goes_on_to_its_end(alice, made, saved_step(alice, made))


@contextmanager
def held(*launches: Path) -> Iterator[None]:
    """Their programs hear of nothing meanwhile, a signal to end included."""
    sandboxes = [psutil.Process(told(launch)["sandbox"]["pid"]) for launch in launches]
    programs = [program for sandbox in sandboxes for program in sandbox.children(recursive=True)]
    for program in programs:
        program.suspend()
    yield
    for program in programs:
        program.resume()


def phase(launch: Path) -> str:
    return str(told(launch)["phase"])


def told(launch: Path) -> dict[str, Any]:
    """What the supervisor last told of the launch."""
    found: dict[str, Any] = json.loads((launch / "status.json").read_text())
    return found
