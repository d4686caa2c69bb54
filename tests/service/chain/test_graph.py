"""The preprocessing graph on the platform: drawn, shown, run in a sandbox, killed on the way, kept as a template."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from trainyard.datasets.folder import DatasetFolder

from .conftest import Person, supervisor_of, until
from .test_chain import make_dataset, make_sets, why

pytestmark = pytest.mark.slow
SHADE = "classification.shade"
DOUBLE = {
    "nodes": [
        {"id": "in", "type": "input"},
        {"id": "more", "type": "augment", "label_set": SHADE, "multiples": {"暗": 2.0}, "ops": [{"op": "flop"}]},
        {"id": "out", "type": "output"},
    ],
    "edges": [["in", "more"], ["more", "out"]],
}


def run(someone: Person, dataset: Any, name: str = "doubled", graph: Any = None, **more: Any) -> Any:
    body = {"graph": graph or DOUBLE, "name": name, "seed": 3, **more}
    return someone.ok("POST", f"/datasets/{dataset['id']}/graph/run", json=body)


def ready(someone: Person, made: Any) -> Any:
    done = someone.until(f"/datasets/{made['id']}", lambda one: one["state"] != "creating")
    assert done["state"] == "ready", why(someone)
    return done


def multiplied(times: float) -> Any:
    nodes = [node | ({"multiples": {}, "multiple": times} if node["id"] == "more" else {}) for node in DOUBLE["nodes"]]
    return DOUBLE | {"nodes": nodes}


@pytest.mark.one_database
def test_one_class_of_a_list_on_a_share_is_doubled(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice, bob = person("alice", group), person("bob", group)
    dataset = make_dataset(alice, group)
    path = f"/datasets/{dataset['id']}/graph"

    told = alice.ok("POST", f"{path}/check", json={"graph": DOUBLE, "seed": 3})
    assert told["problems"] == []
    assert told["counts"]["out"]["classes"] == {SHADE: {"light": 20, "暗": 40}}
    assert (told["estimate"]["pictures"], told["estimate"]["new"]) == (60, 20)
    shown = alice.ok("POST", f"{path}/preview", json={"graph": DOUBLE, "seed": 3, "node": "out"})
    assert len(shown["samples"]) == 8
    assert {one["outputs"] for one in shown["samples"]} == {1, 2}
    assert not any(one["error"] for one in shown["samples"])

    assert bob.refused("POST", f"{path}/check", json={"graph": DOUBLE})[0] == 404
    alice.ok("PUT", f"/datasets/{dataset['id']}/shares/{group.name}")
    made = run(bob, dataset)
    assert made["state"] == "creating"
    code = alice.refused("DELETE", f"/datasets/{dataset['id']}")[1]
    done = ready(bob, made)
    assert code == "dataset-in-use"
    assert (done["images"], done["label_sets"][0]["classes"]) == (60, {"light": 20, "暗": 40})
    assert [(one["id"], one["how"]) for one in done["made_from"]] == [(dataset["id"], "graph")]
    page = bob.ok("GET", f"/datasets/{done['id']}/samples", params={"label_set": SHADE, "class": "暗"})["items"]
    for sample in page[:2]:
        assert bob.http.get(sample["picture"].removeprefix("/services/trainyard/api/v1")).status_code == 200
    assert page[0]["url"].startswith(f"/workspace/mnt/group/{group.name}/alice/")
    assert page[1]["url"].startswith("augmented/")
    lineage = bob.ok("GET", f"/datasets/{done['id']}/graph")
    assert (lineage["dataset"], lineage["seed"], lineage["made"]["new"]) == (dataset["id"], 3, 20)
    # three quarters of 60, and a picture is not parted from its copy
    assert make_sets(bob, done)["recordio-train"]["samples"] == 46

    again = ready(bob, run(bob, done, "twice", multiplied(2)))
    assert again["images"] == 120
    bob.ok("DELETE", f"/datasets/{again['id']}")
    assert bob.refused("POST", f"{path}/run", json={"graph": multiplied(0), "name": "none"})[1] == "graph-nothing"


@pytest.mark.one_database
def test_a_run_is_refused_with_the_node_and_the_rule(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    dataset = make_dataset(alice, group)
    broken = DOUBLE | {"edges": [["in", "more"]]}
    answer = alice.http.post(f"/datasets/{dataset['id']}/graph/run", json={"graph": broken, "name": "x"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "graph.in")
    told = alice.ok("POST", f"/datasets/{dataset['id']}/graph/check", json={"graph": broken})
    assert [one["code"] for one in told["problems"]] == ["graph-dead-end", "graph-dead-end", "graph-unreached"]
    assert told["counts"]["more"]["pictures"] == 60
    code = alice.refused("POST", f"/datasets/{dataset['id']}/graph/preview", json={"graph": DOUBLE, "node": "there"})[1]
    assert code == "no-such-node"


@pytest.mark.one_database
def test_templates_are_kept_for_oneself_a_group_or_everybody(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice, bob, carl = person("alice", group), person("bob", group), person("carl")
    boss = person("boss", administrator=True)
    mine = alice.ok("POST", "/graph/templates", json={"name": "double", "graph": DOUBLE})
    assert (mine["visibility"], mine["may_change"], mine["graph"]["nodes"][1]["multiple"]) == ("private", True, 1.0)
    assert [one.ok("GET", "/graph/templates") for one in (bob, carl)] == [[], []]
    path = f"/graph/templates/{mine['id']}"
    alice.ok("PATCH", path, json={"visibility": "group", "group": group.name, "name": "twice"})
    assert [(one["name"], one["may_change"]) for one in bob.ok("GET", "/graph/templates", params={"search": "TWI"})] == [
        ("twice", False)
    ]
    assert bob.refused("DELETE", path)[:2] == (403, "not-owner")
    assert carl.refused("GET", path)[:2] == (404, "no-such-template")
    assert alice.refused("PATCH", path, json={"visibility": "public"})[:2] == (403, "administrators-only")
    boss.ok("PATCH", path, json={"visibility": "public"})
    assert carl.ok("GET", path)["name"] == "twice"
    assert alice.refused("POST", "/graph/templates", json={"name": "x", "graph": {"nodes": [{}]}})[1] == "graph-node-type"
    assert (
        alice.refused("POST", "/graph/templates", json={"name": "x", "graph": DOUBLE, "visibility": "group"})[1]
        == "template-group"
    )
    alice.ok("DELETE", path)
    assert boss.ok("GET", "/graph/templates") == []


@pytest.mark.one_database
def test_what_a_stopped_run_made_is_gone_with_its_dataset(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    dataset = make_dataset(alice, group, times=30)
    made = run(alice, dataset, graph=multiplied(60))
    alice.until(f"/datasets/{made['id']}", lambda one: one["progress"] and one["progress"]["done"])
    alice.ok("DELETE", f"/datasets/{made['id']}")
    job = alice.ok("GET", "/jobs", params={"limit": 1})["items"][0]
    assert job["kind"] == "preprocess"
    alice.until(f"/jobs/{job['id']}", lambda one: one["state"] == "stopped")
    until(lambda: not chain.context.home.dataset(made["id"]).exists())
    alice.ok("DELETE", f"/datasets/{dataset['id']}")


def program_of(job: str) -> int:
    """The process inside the sandbox that does the work of a job."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            line = (path.parent / "cmdline").read_bytes()
            if f"TRAINYARD_JOB={job}".encode() in path.read_bytes().split(b"\0") and b"bwrap" not in line:
                return int(path.parent.name)
    raise AssertionError("no program")


@pytest.mark.survival
@pytest.mark.one_database
def test_killed_and_stopped_on_the_way_a_run_ends_with_the_same_list(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    dataset = make_dataset(alice, group, times=30)
    made = run(alice, dataset, graph=multiplied(4))
    path = f"/datasets/{made['id']}"
    job = alice.ok("GET", "/jobs", params={"limit": 1})["items"][0]["id"]

    def under_way(attempt: int) -> Any:
        alice.until(f"/jobs/{job}", lambda one: one["attempt"] == attempt and one["state"] == "running")
        return alice.until(path, lambda one: one["progress"] and one["progress"]["done"])

    def failed() -> Any:
        return alice.until(path, lambda one: one["state"] == "failed")

    assert under_way(1)["state"] == "creating"
    os.kill(supervisor_of(chain, job), signal.SIGKILL)
    under_way(2)
    assert alice.refused("POST", f"{path}/resume")[1] == "dataset-not-stopped"
    os.kill(program_of(job), signal.SIGKILL)
    assert "signal 9" in failed()["error"]
    assert alice.ok("POST", f"{path}/resume")["state"] == "creating"
    under_way(3)
    alice.ok("POST", f"/jobs/{job}/stop")
    assert failed()["error"] == "Stopped by alice."
    alice.ok("POST", f"{path}/resume")
    done = ready(alice, made)
    assert alice.ok("GET", f"/jobs/{job}")["attempt"] == 4
    undisturbed = ready(alice, run(alice, dataset, "undisturbed", multiplied(4)))
    home = chain.context.home
    lists = [DatasetFolder(home.dataset(one["id"])).manifest().list_sha256 for one in (done, undisturbed)]
    assert lists[0] == lists[1]
