"""Searches step by step, without sandboxes: who makes a trial, what ends a search, and parameters that are kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from trainyard.cli.app import app
from trainyard.client import Client, Connection
from trainyard.client.searches import read_parameter_set
from trainyard.jobs.states import JobState
from trainyard.records.accounts import Quota
from trainyard_hub.stack.console import Terminal
from trainyard_hub.stack.launches import ask_to_stop_jobs
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import MembershipRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.searches import SearchRow, TrialRow
from trainyard_service.jobs import life as job_life
from trainyard_service.jobs.part import install
from trainyard_service.searches import trials
from trainyard_service.searches.driver import SearchDriver
from typer.testing import CliRunner

BODY = {"name": "s", "group": "vision", "image": "tiny", "package": "1Core2G", "entry": "/workspace/examples/start.sh"}
SPACE = {"net.x": {"kind": "int", "low": 1, "high": 50}}
OBJECTIVE = {"tag": "loss", "direction": "minimize"}


class World:
    """A service that starts nothing, and a driver whose steps the test takes."""

    def __init__(self, service: Any) -> None:
        self.service, self.context = service, service.context
        self.engine = install(self.context)
        self.driver = SearchDriver(self.context, self.engine)
        folder = self.context.home.images / "tiny" / "1"
        (folder / "examples/params").mkdir(parents=True)
        (folder / "env/bin").mkdir(parents=True)
        (folder / "env/bin/python").symlink_to("/usr/bin/python3")
        (folder / "image.json").write_text('{"kind": "training", "title": "tiny"}')
        (folder / "examples/params/default.json").write_text('{"net": {"depth": 2}, "epochs": 3}')
        (folder / "examples/start.sh").write_text("#!/bin/sh\n")
        (folder / "examples/start.sh").chmod(0o755)
        self.group = service.group("vision", Quota(cpu=64))
        self.alice = service.account("alice", self.group)
        self.http = service.client(self.alice)

    def begin(self, **more: Any) -> str:
        asked = {"training": BODY, "space": SPACE, "objective": OBJECTIVE, "sampler": "random", "parallel": 4, **more}
        answer = self.http.post("/searches", json=asked)
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["id"]
        return found

    def get(self, search: str, more: str = "") -> Any:
        return self.http.get(f"/searches/{search}{more}").json()

    def end(self, number: int, state: JobState = JobState.FAILED) -> None:
        """The job of a trial has ended."""
        with self.context.database.write() as session:
            job = session.scalars(select(JobRow).where(JobRow.name == f"s-t{number}")).one()
            job_life.move(session, job, JobState.STARTING)
            job_life.move(session, job, state, ending={"cause": "exited", "exit_code": int(state is JobState.FAILED)})


@pytest.fixture
def world(start_service: Any) -> World:
    return World(start_service(parts=()))


def test_however_many_make_trials_at_once_none_is_made_twice(world: World) -> None:
    search = world.begin(trials=9, parallel=6)
    with ThreadPoolExecutor(4) as several:
        list(several.map(lambda _: world.driver.advance(search), range(4)))
    world.driver.advance(search)  # where two came at once, both may have left the next to the other
    found = world.get(search, "/trials")["items"]
    assert [one["number"] for one in found] == [1, 2, 3, 4, 5, 6]
    assert world.http.get("/trainings").json()["total"] == 6
    parameters = world.http.get(f"/trainings/{found[0]['training']}").json()["parameters"]
    # the example's own parameters stand below the trial's
    assert parameters == {"net": {"depth": 2, "x": found[0]["parameters"]["net.x"]}, "epochs": 3}


@pytest.mark.one_database
def test_a_trial_that_could_not_be_written_whole_is_not_there_at_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    search = world.begin()
    monkeypatch.setattr(trials, "TrialRow", None)  # what comes after the training, in the same transaction
    with pytest.raises(TypeError):
        trials.begin(world.context, world.engine.ledger, search)
    assert world.http.get("/trainings").json()["total"] == 0
    monkeypatch.undo()
    world.driver.advance(search)
    assert [one["number"] for one in world.get(search, "/trials")["items"]] == [1, 2, 3, 4]


@pytest.mark.one_database
def test_when_all_jobs_are_stopped_searches_begin_no_others_and_it_is_said_how_many_are_paused(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    search = world.begin()
    world.driver.advance(search)
    home = world.context.home
    home.administrator_token.write_text(world.service.account("root", administrator=True).token)
    settings: Any = SimpleNamespace(home=home, service_url=world.service.api.removesuffix("/api/v1"))
    ask_to_stop_jobs(settings, Terminal())
    assert "Paused searches: 1." in capsys.readouterr().out
    world.driver.advance(search)
    assert (world.get(search)["state"], len(world.get(search, "/trials")["items"])) == ("paused", 4)
    with world.context.database.read() as session:
        assert set(session.scalars(select(JobRow.wanted))) == {"stop"}


@pytest.mark.one_database
def test_what_keeps_a_trial_from_being_made_ends_the_search_with_its_sentence(world: World) -> None:
    search = world.begin()
    with world.context.database.write() as session:
        session.delete(session.get_one(MembershipRow, (world.group.id, world.alice.id)))
    world.driver.advance(search)
    with world.context.database.read() as session:
        row = session.get_one(SearchRow, search)
        assert row.state == "failed" and row.why is not None and row.why["values"] == {"name": "vision"}
    assert world.get(search)["why"].startswith("There is no group vision that you are a member of.")


@pytest.mark.one_database
def test_when_its_hours_are_over_it_is_finished_and_stops_its_trials(world: World) -> None:
    search = world.begin(hours=1, parallel=2)
    world.driver.advance(search)
    with world.context.database.write() as session:
        session.get_one(SearchRow, search).until = now() - timedelta(seconds=1)
    world.driver.advance(search)
    found = world.get(search)
    assert (found["state"], found["why"]) == ("finished", "Its 1 hours are over.")
    with world.context.database.read() as session:
        assert {job.stopped_by for job in session.scalars(select(JobRow))} == {"platform:search"}


@pytest.mark.one_database
def test_failures_in_a_row_count_and_what_people_stopped_does_not(world: World) -> None:
    search = world.begin(parallel=1, failures=2)
    for number, state in ((1, JobState.FAILED), (2, JobState.STOPPED), (3, JobState.FAILED)):
        world.driver.advance(search)
        assert world.get(search)["state"] == "running"
        world.end(number, state)
    world.driver.advance(search)
    found = world.get(search)
    assert (found["state"], found["counts"]["failed"], found["counts"]["stopped"]) == ("failed", 2, 1)
    assert found["total"] == 20 and sum(found["counts"].values()) == 3


@pytest.mark.one_database
def test_a_search_that_could_not_run_is_refused_and_names_are_unique(world: World) -> None:
    wrong = world.http.post(
        "/searches", json={"training": {**BODY, "entry": "/workspace/examples/none"}, "space": SPACE, "objective": OBJECTIVE}
    )
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "entry-missing")
    world.begin()
    again = world.http.post("/searches", json={"training": BODY, "space": SPACE, "objective": OBJECTIVE})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "search-exists")


@pytest.mark.one_database
def test_a_check_tells_everything_that_would_keep_a_search_from_beginning_and_makes_nothing(world: World) -> None:
    asked = {"training": BODY, "space": SPACE, "objective": OBJECTIVE}
    assert world.http.post("/searches/check", json=asked).json() == {"problems": []}
    wrong = BODY | {"image": "none", "package": "99Core1G"}
    twice = {"net": {"kind": "int", "low": 1, "high": 2}, **SPACE}
    found = world.http.post("/searches/check", json=asked | {"training": wrong, "space": twice}).json()["problems"]
    told = [(one["code"], one["field"]) for one in found]
    assert len(told) == len(set(told)) == 3, found
    assert ("search-space", "space.net.x") in told
    assert all(one["message"] for one in found)
    assert world.http.get("/searches").json()["total"] == 0


@pytest.mark.parametrize(("direction", "best"), [("minimize", 2), ("maximize", 3)])
def test_trials_are_counted_and_the_best_is_chosen_where_they_lie(world: World, direction: str, best: int) -> None:
    search, other = world.begin(objective={"tag": "loss", "direction": direction}), world.begin(training=BODY | {"name": "o"})
    world.driver.advance(search)
    with world.context.database.write() as session:
        values = {1: None, 2: 0.25, 3: 0.75, 4: 0.25}
        for number, value in values.items():
            row = session.get_one(TrialRow, (search, number))
            row.state, row.value = ("failed" if value is None else "complete"), value
    found = {one["id"]: one for one in world.http.get("/searches").json()["items"]}
    assert found[search]["counts"] == {"running": 0, "complete": 3, "pruned": 0, "failed": 1, "stopped": 0}
    assert (found[search]["best"]["number"], found[other]["best"]) == (best, None)
    assert world.get(search) == found[search]
    page = world.get(search, "/trials?offset=1&limit=2")
    assert (page["total"], [one["number"] for one in page["items"]]) == (4, [2, 3])
    assert [one["number"] for one in world.get(search, "/trials")["items"] if one["best"]] == [best]


@pytest.mark.one_database
def test_who_waits_for_a_search_is_told_when_it_ends(world: World) -> None:
    search, seen = world.begin(), Event()
    with Client(Connection(world.service.address, world.alice.token)) as client, ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(client.wait_for_search, search, lambda _now: seen.set())
        seen.wait()
        assert world.http.post(f"/searches/{search}/stop").json()["state"] == "stopped"
        assert waiting.result().state == "stopped"


def test_parameters_are_kept_for_oneself_a_group_or_everybody(world: World, tmp_path: Any) -> None:
    bob = world.service.client(world.service.account("bob", world.group))
    admin = world.service.client(world.service.account("root", administrator=True))
    body = {"name": "good start", "parameters": {"optimizer": {"lr": 0.01}}}
    mine = world.http.post("/parameter-sets", json=body).json()
    assert world.http.post("/parameter-sets", json=body).json()["error"]["code"] == "parameter-set-exists"
    assert bob.get("/parameter-sets").json() == [] and bob.get(f"/parameter-sets/{mine['id']}").status_code == 404
    shared = {"visibility": "group", "group": "vision"}
    assert world.http.patch(f"/parameter-sets/{mine['id']}", json=shared).json()["group"] == "vision"
    assert bob.get(f"/parameter-sets/{mine['id']}").json()["may_change"] is False
    assert bob.patch(f"/parameter-sets/{mine['id']}", json={"name": "other"}).status_code == 403
    assert world.http.patch(f"/parameter-sets/{mine['id']}", json={"visibility": "public"}).status_code == 403
    assert admin.patch(f"/parameter-sets/{mine['id']}", json={"visibility": "public"}).json()["visibility"] == "public"
    assert world.http.patch(f"/parameter-sets/{mine['id']}", json={"parameters": {}}).status_code == 403
    with Client(Connection(world.service.address, world.alice.token)) as client:
        client.export_parameter_set(mine["id"], tmp_path / "set.json")
        assert json.loads((tmp_path / "set.json").read_text()) == {**body, "description": ""}
        brought = client.import_parameter_set(tmp_path / "set.json", "brought")
        assert (brought.parameters, brought.visibility) == (body["parameters"], "private")
        (tmp_path / "plain.json").write_text('{"epochs": 3}')
        assert read_parameter_set(tmp_path / "plain.json").model_dump(include={"name", "parameters"}) == {
            "name": "plain", "parameters": {"epochs": 3},
        }  # fmt: skip
    assert world.http.delete(f"/parameter-sets/{brought.id}").status_code == 204


@pytest.mark.one_database
def test_a_search_is_begun_paused_and_stopped_from_the_command_line(world: World, tmp_path: Any) -> None:
    environment = {"TRAINYARD_URL": world.service.address, "TRAINYARD_TOKEN": world.alice.token, "LANG": "C.UTF-8"}

    def run(*words: str) -> Any:
        answer = CliRunner().invoke(app, [*words, "--json"], env=environment)
        assert answer.exit_code == 0, (answer.output, answer.exception)
        return json.loads(answer.stdout)

    varied = ("--vary", "net.x=1e-3..1:log", "--vary", "kind=sgd,adam", "--objective", "loss", "--minimize", "--prune")
    made = run(
        "search", "start", "s", "--image", "tiny", "--package", "1Core2G", "--entry", BODY["entry"], "--trials", "5", *varied
    )
    assert made["asked"]["space"]["net.x"] == {"kind": "float", "low": 0.001, "high": 1, "step": None, "log": True}
    world.driver.advance(made["id"])
    assert [one["name"] for one in run("search", "trials", "s")] == ["s-t1", "s-t2"]
    assert [len(run("train", "list")), len(run("train", "list", "--trials"))] == [0, 2]
    assert run("search", "pause", "s")["state"] == "paused"
    assert run("search", "resume", "s", "--parallel", "3")["asked"]["parallel"] == 3
    assert run("search", "stop", "s")["state"] == "stopped"
    assert run("search", "list")[0]["counts"]["running"] == 2
    (tmp_path / "start.json").write_text('{"epochs": 3}')
    assert run("parameters", "keep", str(tmp_path / "start.json"))["name"] == "start"
    assert run("parameters", "change", "start", "--name", "begin")["parameters"] == {"epochs": 3}
    assert run("parameters", "delete", "begin")["deleted"]


def test_a_table_of_trials_holds_no_formula_of_whoever_began_the_search(world: World) -> None:
    search = world.begin(space={"net.x": {"kind": "choice", "values": ["-1+cmd|' /C calc'!A0"]}}, sampler="grid")
    world.driver.advance(search)
    assert "'-1+cmd" in world.http.get(f"/searches/{search}/file").text


def test_a_search_of_before_a_rule_of_names_is_read_and_goes_on(world: World) -> None:
    search, name = world.begin(), "s\u3164"
    with world.context.database.write() as session:
        row = session.get_one(SearchRow, search)
        row.name, row.asked = name, {**row.asked, "training": {**row.asked["training"], "name": name}}
    world.driver.advance(search)
    with Client(Connection(world.service.address, world.alice.token)) as client:
        (found,) = client.searches().items
        assert (found.name, found.asked.training.name) == (name, name)
        assert [trial.name for trial in client.trials(search)] == [f"{name}-t{number}" for number in range(1, 5)]
