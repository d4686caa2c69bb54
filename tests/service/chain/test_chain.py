"""From a labelled list on the group share to a downloaded model, in real sandboxes, with the refusals on the way."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from .conftest import Person, write_pictures

pytestmark = pytest.mark.slow
ENTRY = "/workspace/examples/start.sh"


def make_dataset(alice: Person, group: Any, name: str = "shades", times: int = 1) -> Any:
    folder = alice.put_on_share(group, name)
    write_pictures(folder, times=times)
    source = {"kind": "share", "group": group.name, "path": f"{alice.who.name}/{name}/list.jsonl"}
    made = alice.ok("POST", "/datasets", json={"name": name, "source": source})
    ready = alice.until(f"/datasets/{made['id']}", lambda one: one["state"] != "creating")
    assert ready["state"] == "ready", why(alice)
    return ready


def why(alice: Person) -> str:
    """State, ending and log of the newest job."""
    job = alice.ok("GET", "/jobs", params={"limit": 1})["items"][0]
    log = alice.http.get(f"/jobs/{job['id']}/log").text
    return f"{job['state']} {job['ending']} {log}"


def make_sets(alice: Person, dataset: Any, **more: Any) -> dict[str, Any]:
    plan = {"formats": ["recordio", "lmdb"], "train": 0.75, "val": 0.25, "seed": 3, **more}
    batch = alice.ok("POST", f"/datasets/{dataset['id']}/batches", json=plan)
    done = alice.until(f"/batches/{batch['id']}", lambda one: one["state"] in ("finished", "failed", "stopped"))
    assert done["state"] == "finished", why(alice)
    return {f"{one['format']}-{one['split']}": one for one in done["sets"]} | {"batch": done}


def train(alice: Person, group: Any, sets: dict[str, Any], name: str, **more: Any) -> Any:
    body = {
        "name": name,
        "group": group.name,
        "train_set": sets["recordio-train"]["id"],
        "val_set": sets["recordio-val"]["id"],
        "image": "workspace",
        "package": "1Core2G",
        "entry": ENTRY,
        **more,
    }
    return alice.ok("POST", "/trainings", json=body)


def test_the_whole_chain(chain: Any, person: Any) -> None:
    group = chain.group("视觉")
    alice, bob, carol = person("alice", group), person("bob", group), person("carol")

    dataset = make_dataset(alice, group)
    assert (dataset["images"], dataset["statistics"]["problems_total"]) == (40, 1)
    assert dataset["statistics"]["problems"][0]["line"] == 41
    assert dataset["label_sets"][0]["classes"] == {"light": 20, "暗": 20}
    page = alice.ok("GET", f"/datasets/{dataset['id']}/samples", params={"label_set": "classification.shade", "class": "暗"})
    assert (page["total"], page["items"][0]["line"]) == (20, 2)
    picture = alice.http.get(page["items"][0]["picture"].removeprefix("/services/trainyard/api/v1"))
    assert (picture.headers["picture-width"], picture.headers["picture-height"]) == ("16", "12")
    assert picture.headers["content-type"] == "image/png"

    assert bob.refused("GET", f"/datasets/{dataset['id']}")[0] == 404
    alice.ok("PUT", f"/datasets/{dataset['id']}/shares/{group.name}")
    assert bob.ok("GET", "/datasets", params={"visibility": "group"})["items"][0]["shares"][0]["by"]["name"] == "alice"
    assert bob.refused("PATCH", f"/datasets/{dataset['id']}", json={"name": "mine"})[:2] == (403, "not-owner")
    assert carol.ok("GET", "/datasets")["total"] == 0

    sets = make_sets(bob, dataset)
    assert [sets[name]["samples"] for name in ("recordio-train", "recordio-val", "lmdb-train", "lmdb-val")] == [30, 10, 30, 10]
    assert sets["batch"]["classes"] == ["light", "暗"]
    for name in ("recordio-train", "lmdb-train"):
        snippets = bob.ok("GET", f"/formatted/{sets[name]['id']}/loader")
        assert all("/workspace/mnt/data/train" in text and "{folder}" not in text for text in snippets.values())
    assert alice.refused("DELETE", f"/datasets/{dataset['id']}")[1] == "dataset-in-use"

    made = train(bob, group, sets, "第一 try")
    done = bob.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] in ("finished", "failed"))
    assert done["job"]["state"] == "finished", done["job"]["ending"]
    assert done["parameters"] == {"epochs": 3}
    instance = done["instances"][0]
    assert (instance["state"], instance["epoch"]) == ("done", 3)
    curves = bob.ok("GET", f"/instances/{instance['id']}/curves", params={"tags": "loss/train"})
    assert curves["series"][0]["steps"] == [10, 20, 30]
    log = bob.http.get(f"/jobs/{made['job']['id']}/log").text
    assert log.splitlines()[1:-1] == ["first line", "30 samples, 3 epochs"]
    assert log.splitlines()[-1].endswith("UTC: Finished. ===")
    path = Path(str(chain.context.home.group_share(group.id)) + done["log"].removeprefix(f"/workspace/mnt/group/{group.name}"))
    assert path.read_text() == log

    model = bob.ok("GET", "/models")["items"][0]
    assert (model["name"], model["metrics"]) == ("第一 try:epoch_3", {"accuracy/validation": 0.5})
    assert curves["snapshots"][0]["model"] == model["id"]
    file = bob.http.get(f"/models/{model['id']}/file")
    assert hashlib.sha256(file.content).hexdigest() == model["sha256"]
    part = bob.http.get(f"/models/{model['id']}/file", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, file.content[10:20])
    assert carol.refused("GET", f"/models/{model['id']}/file")[0] == 404

    assert bob.refused("DELETE", f"/formatted/{sets['recordio-train']['id']}")[1] == "set-in-use"
    assert "第一 try" in alice.refused("DELETE", f"/batches/{sets['batch']['id']}")[2]
    bob.ok("DELETE", f"/trainings/{made['id']}")
    bob.ok("DELETE", f"/batches/{sets['batch']['id']}")
    alice.ok("DELETE", f"/datasets/{dataset['id']}")
    assert not chain.context.home.batch(sets["batch"]["id"]).exists()
    assert not chain.context.home.dataset(dataset["id"]).exists()
    assert bob.ok("GET", "/models")["total"] == 1


def test_a_training_is_stopped_restarted_and_its_token_dies(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    sets = make_sets(alice, make_dataset(alice, group))
    made = train(alice, group, sets, "long", parameters={"epochs": 1, "wait": True})
    alice.until(f"/trainings/{made['id']}", lambda one: one["instances"] and one["instances"][0]["epoch"])
    alice.until(f"/jobs/{made['job']['id']}", lambda one: one["state"] == "running")
    token = (chain.context.home.service / "private" / f"job-{made['job']['id']}-1" / "token").read_text()
    job = chain.client(token)
    assert job.get(f"/trainings/{made['id']}").status_code == 200
    assert job.post(f"/trainings/{made['id']}/stop").status_code == 403
    assert job.post("/datasets", json={"name": "x", "source": {"kind": "bucket", "key": "x"}}).status_code == 403
    assert alice.refused("DELETE", f"/trainings/{made['id']}")[1] == "training-under-way"
    assert alice.refused("POST", f"/trainings/{made['id']}/start")[1] == "training-not-ended"
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    stopped = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] == "stopped")
    assert stopped["job"]["ending"]["text"] == "Stopped by alice."
    assert stopped["instances"][0]["state"] == "done"
    assert job.get("/me").status_code == 401
    alice.ok("POST", f"/trainings/{made['id']}/start")
    again = alice.until(f"/trainings/{made['id']}", lambda one: len(one["instances"]) == 2)
    assert again["job"]["attempt"] == 2
    log = alice.http.get(f"/jobs/{made['job']['id']}/log").text
    assert "long: attempt 1" in log
    assert "long: attempt 2" in log
    assert "UTC: Stopped by alice. ===" in log
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] == "stopped")


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"group": "others"}, "no-such-group"),
    ({"image": "nothing"}, "image-not-ready"),
    ({"package": "9Core9G"}, "no-such-package"),
    ({"package": "8GPU32Core480G"}, "never-enough"),
    ({"train_set": "0123456789abcdef-recordio-train"}, "no-such-set"),
    ({"entry": "/workspace/examples/nothing.sh"}, "entry-missing"),
    ({"entry": "/workspace/examples/train.py"}, "entry-not-executable"),
    ({"entry": "/workspace/examples/../../../etc/passwd"}, "entry-missing"),
    ({"entry": "/workspace/mnt/group/others/x.sh"}, "entry-missing"),
    ({"entry": "'unclosed"}, "entry-missing"),
    ({"entry": "python /workspace/examples/nothing.py"}, "entry-missing"),
    ({"hours": 73}, "too-long"),
    ({"name": "a/b"}, "name-character"),
    ({"name": "x" * 300}, "name-too-long"),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("change", "code"), REFUSALS, ids=[f"{code}-{n}" for n, (_, code) in enumerate(REFUSALS)])
def test_a_training_is_refused_before_anything_starts(chain: Any, person: Any, change: dict[str, Any], code: str) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    body = {"name": "t", "group": "vision", "image": "workspace", "package": "1Core2G", "entry": ENTRY, **change}
    assert alice.refused("POST", "/trainings", json=body)[1] == code
    assert alice.ok("GET", "/jobs")["total"] == 0


def test_names_are_unique_per_person_and_group(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice, bob = person("alice", group), person("bob", group)
    body = {"name": "same", "group": "vision", "image": "workspace", "package": "1Core2G", "entry": "sleep 600"}
    alice.ok("POST", "/trainings", json=body)
    assert alice.refused("POST", "/trainings", json=body)[1] == "training-exists"
    bob.ok("POST", "/trainings", json=body)


@pytest.mark.one_database
def test_at_its_time_limit_a_training_is_stopped_and_page_and_log_say_so(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    body = {"name": "endless", "group": "vision", "image": "workspace", "package": "1Core2G", "entry": "sleep 600"}
    made = alice.ok("POST", "/trainings", json={**body, "hours": 0.0004})
    done = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] not in ("queued", "starting", "running"))
    assert (done["job"]["state"], done["job"]["ending"]["cause"]) == ("stopped", "time-limit")
    reason = "The time limit of 0.0004 h was reached; the platform stopped the program."
    assert done["job"]["ending"]["text"] == reason
    assert alice.http.get(f"/jobs/{made['job']['id']}/log").text.splitlines()[-1].endswith(f"{reason} ===")
