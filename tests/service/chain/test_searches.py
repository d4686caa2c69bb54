"""Searches over real sandboxes: trials through the queue, killed in the middle, pruned, failing, registered, deleted."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Person, until

pytestmark = [pytest.mark.slow, pytest.mark.one_database]
BODY = {"name": "s", "group": "vision", "image": "workspace", "package": "1Core2G"}
# the nearer x is to 3 the better; as many reports as are asked for, then it waits if it is told to
SCRIPT = """
import sys, time
from pathlib import Path
from trainyard.training import Moment, TrainInstance, params
run = TrainInstance()
chosen = params.get_all()
if chosen.get("silent"):
    run.done()
    raise SystemExit(0)
if chosen["x"] > chosen.get("fails_above", 99):
    raise SystemExit("x is too large")
for step in range(chosen.get("reports", 3)):
    run.log("score", -abs(chosen["x"] - 3) + step / 1000, step=step + 1)
if chosen.get("saves"):
    weights = Path("/tmp/weights")
    weights.write_text(str(chosen["x"]))
    run.save_snapshot({"weights": weights}, Moment(1, 1, metrics={"score": -abs(chosen["x"] - 3)}))
while chosen["x"] > chosen.get("waits_above", 99) and not run.stopping:
    time.sleep(0.05)
run.done()
"""
GRID = {"x": {"kind": "choice", "values": [1, 2, 3, 4]}}
OBJECTIVE = {"tag": "score", "direction": "maximize"}


class Alone:
    """A whole service in a process of its own, on the database and address of the test's service, which only answers tests."""

    def __init__(self, service: Any) -> None:
        settings = service.context.settings
        command = [sys.executable, str(Path(__file__).with_name("searches_alone.py")), str(settings.home), settings.database]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == b"ready"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def service(start_service: Callable[..., Any], chain_home: Any) -> Any:
    """It answers; what acts is ``Alone``."""
    shutil.rmtree(chain_home.volume, ignore_errors=True)
    service = start_service(parts=(), home=chain_home.root)
    chain_home.address.write_text(service.address)
    return service


@pytest.fixture
def acting(service: Any, launcher: Any) -> Iterator[list[Alone]]:
    running = [Alone(service)]
    yield running
    for one in running:
        one.kill()


@pytest.fixture
def alice(service: Any, acting: Any) -> Person:
    group = service.group("vision")
    someone = Person(service, "alice", group)
    someone.script = someone.put_on_share(group, "train.py")  # type: ignore[attr-defined]
    someone.script.write_text(SCRIPT)  # type: ignore[attr-defined]
    someone.body = {**BODY, "entry": "python /workspace/mnt/group/vision/alice/train.py"}  # type: ignore[attr-defined]
    return someone


def begin(alice: Person, space: Any = GRID, parameters: Any = None, **more: Any) -> Any:
    training = {**alice.body, "parameters": parameters or {}}  # type: ignore[attr-defined]
    asked = {"training": training, "space": space, "objective": OBJECTIVE, "sampler": "grid", **more}
    return alice.ok("POST", "/searches", json=asked)


def ended(alice: Person, search: Any) -> Any:
    return alice.until(f"/searches/{search['id']}", lambda one: one["state"] not in ("running", "paused"))


def trials(alice: Person, search: Any) -> Any:
    return alice.ok("GET", f"/searches/{search['id']}/trials")["items"]


def test_a_search_that_is_killed_in_the_middle_makes_every_trial_once(
    alice: Person, service: Any, acting: list[Alone], tmp_path: Path
) -> None:
    search = begin(alice, parameters={"saves": True}, parallel=2)
    found = f"/searches/{search['id']}/trials"
    alice.until(found, lambda page: any(one["state"] == "complete" for one in page["items"]))
    acting.pop().kill()
    before = {one["number"]: one["training"] for one in trials(alice, search)}
    acting.append(Alone(service))
    done = ended(alice, search)
    assert (done["state"], done["counts"]["complete"], done["total"]) == ("finished", 4, 4)
    made = trials(alice, search)
    assert [one["number"] for one in made] == [1, 2, 3, 4]
    assert sorted(one["parameters"]["x"] for one in made) == [1, 2, 3, 4]
    assert before.items() <= {one["number"]: one["training"] for one in made}.items()
    assert done["best"]["parameters"] == {"x": 3} and done["best"]["value"] == pytest.approx(0.002)
    listed = alice.ok("GET", "/trainings")
    assert listed["total"] == 4
    assert {one["job"]["attempt"] for one in listed["items"]} == {1}
    assert {(one["search"]["id"], one["search"]["trial"]) for one in listed["items"]} == {
        (search["id"], number) for number in (1, 2, 3, 4)
    }
    # what the best trial kept becomes a model of its own name, and the trials go with their search
    model = alice.ok("POST", f"/searches/{search['id']}/register", json={"name": "best shades"})
    assert (model["name"], model["kind"], model["metrics"]["score"]) == ("best shades", "custom", 0)
    parts = alice.ok("GET", f"/searches/{search['id']}/importances")
    assert [one["parameter"] for one in parts["parameters"]] == ["x"]
    table = alice.http.get(f"/searches/{search['id']}/file").text.splitlines()
    assert len(table) == 5 and table[0].startswith("trial,state,x,score")
    picture = alice.http.get(f"/searches/{search['id']}/file", params={"format": "svg"})
    assert picture.status_code == 200 and b"<svg" in picture.content
    alice.ok("DELETE", f"/searches/{search['id']}?trials=true")
    assert alice.ok("GET", "/trainings")["total"] == 0
    assert alice.ok("GET", f"/models/{model['id']}")["size"] == model["size"]


def test_a_trial_that_is_behind_is_stopped_and_says_so(alice: Person) -> None:
    space = {"x": {"kind": "choice", "values": [3, 9]}}
    parameters = {"reports": 2, "waits_above": 5}
    search = begin(alice, space, parameters, pruning={"first": 2, "factor": 2}, parallel=1, seed=1)  # 3 comes first

    done = ended(alice, search)
    assert done["state"] == "finished"
    good, pruned = trials(alice, search)
    assert (good["parameters"]["x"], good["state"]) == (3, "complete")
    assert (pruned["state"], pruned["reports"], pruned["value"]) == ("pruned", 2, pytest.approx(-5.999))
    job = alice.ok("GET", f"/trainings/{pruned['training']}")["job"]
    assert job["state"] == "stopped" and "other trials were better" in job["ending"]["text"]
    assert done["best"]["number"] == 1
    assert alice.refused("POST", f"/searches/{search['id']}/pause")[1] == "search-state"


def test_failures_in_a_row_end_the_search_which_goes_on_when_they_are_mended(alice: Person) -> None:
    search = begin(alice, parameters={"fails_above": 0}, failures=2, parallel=1)
    failed = ended(alice, search)
    assert (failed["state"], failed["counts"]["failed"]) == ("failed", 2)
    assert failed["why"].startswith("2 trials in a row failed, the last of them s-t2.")
    assert "exit code 1" in trials(alice, search)[0]["why"]
    alice.script.write_text(SCRIPT.replace('raise SystemExit("x is too large")', "pass"))  # type: ignore[attr-defined]
    assert alice.ok("POST", f"/searches/{search['id']}/resume", json={"parallel": 2})["state"] == "running"
    done = ended(alice, search)
    assert (done["state"], done["counts"]["complete"], done["counts"]["failed"]) == ("finished", 2, 2)
    assert alice.refused("POST", f"/searches/{search['id']}/resume")[1] == "search-complete"


def test_an_objective_that_is_never_reported_is_named(alice: Person) -> None:
    search = begin(alice, {"x": {"kind": "choice", "values": [1]}}, {"silent": True}, failures=1)
    failed = ended(alice, search)
    assert failed["state"] == "failed"
    assert "reported no number at all; score was expected" in trials(alice, search)[0]["why"]
    other = begin(alice, {"x": {"kind": "choice", "values": [1]}}, failures=1, objective={**OBJECTIVE, "tag": "accuracy"},
                  training={**alice.body, "name": "other"})  # type: ignore[attr-defined]  # fmt: skip
    ended(alice, other)
    assert trials(alice, other)[0]["why"] == "It ended without an error and never reported accuracy; it reported score."


def test_a_paused_search_begins_nothing_and_goes_on(alice: Person) -> None:
    search = begin(alice, parameters={"waits_above": 0}, parallel=1)
    alice.until(f"/searches/{search['id']}/trials", lambda page: page["total"] == 1 and page["items"][0]["reports"] == 3)
    assert alice.ok("POST", f"/searches/{search['id']}/pause")["state"] == "paused"
    assert alice.refused("DELETE", f"/searches/{search['id']}")[1] == "search-under-way"
    [first] = trials(alice, search)
    alice.ok("POST", f"/trainings/{first['training']}/stop")
    until(lambda: trials(alice, search)[0]["state"] == "stopped")
    assert len(trials(alice, search)) == 1
    alice.ok("POST", f"/searches/{search['id']}/resume", json={"trials": 2})
    until(lambda: len(trials(alice, search)) == 2)
    alice.ok("POST", f"/searches/{search['id']}/stop")
    alice.until(f"/searches/{search['id']}", lambda one: not one["counts"]["running"])
    alice.ok("DELETE", f"/searches/{search['id']}")
    assert alice.ok("GET", "/trainings")["total"] == 2
