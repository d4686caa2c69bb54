"""The life of a training in real sandboxes: checked, tried, retried by policy, paused and resumed, changed and run again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import NoticeRow
from trainyard_service.database.tables.jobs import JobRow

from .conftest import Person, until
from .test_deaths import ended, submit

pytestmark = [pytest.mark.slow, pytest.mark.one_database]
BODY = {"name": "t", "group": "vision", "image": "workspace", "package": "1Core2G", "entry": "/workspace/examples/start.sh"}
# saves when it is asked to, says what it was told to resume, and ends when its snapshot is there
SAVES = """
import os, time
from pathlib import Path
from trainyard.training import Moment, TrainInstance
print("resume", os.environ.get("TRAINYARD_RESUME"), flush=True)
run = TrainInstance(resume=os.environ.get("TRAINYARD_RESUME") == "1")
if run.resumed_from:
    print("went on from step", run.resumed_from.step, flush=True)
    run.done()
    raise SystemExit(0)
run.stop_request.cooperative = True
while not run.stopping:
    time.sleep(0.05)
weights = Path("/tmp/weights")
weights.write_bytes(b"x" * 100)
run.save_snapshot({"weights": weights}, Moment(2, 20))
run.done()
"""
# fails the first time in a way that a network does, and the second time not
ONCE = """
import os, sys
print("attempt", os.environ["TRAINYARD_ATTEMPT"], "resume", os.environ.get("TRAINYARD_RESUME"), flush=True)
if os.environ["TRAINYARD_ATTEMPT"] == "1":
    raise ConnectionResetError(104, "Connection reset by peer")
"""


def log_of(alice: Person, made: Any) -> str:
    return alice.http.get(f"/jobs/{made['job']['id']}/log").text


def check(alice: Person, entry: str) -> Any:
    [one] = alice.ok("POST", "/trainings/check", json={**BODY, "entry": entry})["problems"]
    return one


def test_a_check_says_everything_that_is_wrong_at_once(alice: Person) -> None:
    assert alice.ok("POST", "/trainings/check", json=BODY)["problems"] == []
    wrong = {"image": "nothing", "package": "9Core9G", "train_set": "0123456789abcdef-recordio-train"}
    found = alice.ok("POST", "/trainings/check", json={**BODY, **wrong})["problems"]
    assert [one["code"] for one in found] == ["image-not-ready", "no-such-set", "no-such-package"]
    assert len({one["message"] for one in found}) == 3
    own = alice.put_on_share(alice.group, "plain.txt")
    own.write_text("print(1)")
    own.chmod(0o755)
    windows = own.with_name("windows.sh")
    windows.write_bytes(b"#!/bin/sh\r\necho\r\n")
    windows.chmod(0o755)
    strange = own.with_name("strange.sh")
    strange.write_bytes(b"#!/usr/bin/env -S fishh -e\necho\n")
    strange.chmod(0o755)
    own.with_name("closed.sh").write_text("echo")
    here = "/workspace/mnt/group/vision/alice"
    entries = {
        f"{here}/nothing.py": "entry-missing",
        "/workspace/examples/train.py": "entry-not-executable",
        f"{here}/plain.txt": "entry-no-interpreter",
        f"{here}/windows.sh": "entry-line-ends",
        f"{here}/strange.sh": "program-missing",
        f"{here}/closed.sh": "entry-not-executable",
        "pyhton train.py": "program-missing",
        "cd code && python train.py": "entry-needs-a-shell",
        "python train.py > out.txt": "entry-needs-a-shell",
        "CUDA_VISIBLE_DEVICES=0 python train.py": "entry-needs-a-shell",
    }
    for entry, code in entries.items():
        one = check(alice, entry)
        assert (one["code"], one["field"]) == (code, "entry")
        assert one["hint"]
    assert "sh /workspace/mnt/group/vision/alice/closed.sh" in check(alice, f"{here}/closed.sh")["hint"]
    assert check(alice, f"{here}/strange.sh")["message"] == "There is no program fishh in the image workspace."
    assert alice.ok("GET", "/jobs")["total"] == 0


def test_what_failed_by_chance_is_tried_again_by_policy_and_the_log_says_so(alice: Person) -> None:
    made = submit(alice, ONCE, restart={"max_retries": 2, "backoff": 0})
    done = ended(alice, made)
    assert (done["job"]["state"], done["job"]["attempt"], done["job"]["retries"]) == ("finished", 2, 1)
    log = log_of(alice, made)
    assert "attempt 1 resume None" in log
    assert "Retry 1 of 2 follows." in log
    assert "attempt 2 resume 1" in log
    attempts = alice.ok("GET", f"/jobs/{made['job']['id']}/attempts")
    assert [(one["number"], one["ending"]["error_class"]) for one in attempts] == [(2, None), (1, "transient")]


def test_what_would_fail_again_is_not_tried_again(alice: Person) -> None:
    made = submit(alice, "import no_such_module", restart={"max_retries": 5, "backoff": 0})
    done = ended(alice, made)["job"]
    assert (done["state"], done["attempt"], done["ending"]["error_class"]) == ("failed", 1, "permanent")


def test_a_retry_waits_for_its_time_and_a_stop_ends_the_waiting(alice: Person) -> None:
    made = submit(alice, ONCE, restart={"max_retries": 1, "backoff": 3600})
    waits = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["retries"] == 1)
    assert waits["job"]["state"] == "queued"
    assert waits["job"]["retry_at"] > (now() + timedelta(minutes=30)).isoformat()
    assert alice.ok("GET", "/usage")["used"]["jobs"] == 0
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    assert ended(alice, made)["job"]["state"] == "stopped"


def test_paused_it_saves_and_resumed_it_goes_on_from_there(alice: Person) -> None:
    made = submit(alice, SAVES)
    alice.until(f"/trainings/{made['id']}", lambda one: one["instances"])
    assert alice.refused("POST", f"/trainings/{made['id']}/resume")[1] == "training-not-ended"
    alice.ok("POST", f"/trainings/{made['id']}/pause")
    paused = ended(alice, made)
    assert (paused["job"]["state"], paused["job"]["paused"]) == ("stopped", True)
    assert paused["job"]["ending"]["text"] == "Paused by alice; it goes on from its last checkpoint."
    assert (paused["checkpoint"]["epoch"], paused["checkpoint"]["step"]) == (2, 20)
    assert alice.refused("POST", f"/trainings/{made['id']}/pause")[1] == "training-ended"
    alice.ok("POST", f"/trainings/{made['id']}/resume")
    done = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] in ("finished", "failed"))
    assert done["job"]["state"] == "finished", log_of(alice, made)
    assert "went on from step 20" in log_of(alice, made)
    assert len(done["instances"]) == 1
    # what came to its end is begun anew by the script
    assert done["checkpoint"] is None
    assert alice.refused("POST", f"/trainings/{made['id']}/resume")[1] == "no-checkpoint"


def test_at_its_time_limit_it_goes_on_by_itself_where_that_is_wished(alice: Person) -> None:
    made = submit(alice, SAVES, hours=0.002, restart={"max_retries": 1, "after_time_limit": True, "backoff": 0})
    done = ended(alice, made)
    assert (done["job"]["state"], done["job"]["attempt"]) == ("finished", 2), log_of(alice, made)
    assert "went on from step 20" in log_of(alice, made)


def test_it_is_changed_and_run_again(alice: Person) -> None:
    made = submit(alice, "import sys; sys.exit(1)")
    ended(alice, made)
    path = f"/trainings/{made['id']}/start"
    assert alice.refused("POST", path, json={"entry": "/workspace/examples/nothing.sh"})[1] == "entry-missing"
    assert alice.refused("POST", path, json={"package": "8GPU32Core480G"})[1] == "never-enough"
    assert alice.refused("POST", path, json={"cluster": "nowhere"})[1] == "no-such-cluster"
    assert alice.refused("POST", path, json={"hours": 73})[1] == "too-long"
    assert alice.refused("POST", path, json={"priority": 500})[1] == "priority-out-of-range"
    assert alice.refused("POST", path, json={"log_patterns": ["("]})[1] == "log-pattern"
    assert alice.refused("POST", path, json={"resume": True})[1] == "no-checkpoint"
    assert alice.ok("GET", f"/trainings/{made['id']}")["job"]["attempt"] == 1
    change = {"entry": "python -c 'print(40 + 2)'", "package": "2Core4G", "hours": 1, "parameters": {"lr": 1}}
    alice.ok("POST", path, json=change | {"priority": 150, "preemptible": True, "log_patterns": ["caffe"]})
    done = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] in ("finished", "failed"))
    assert (done["job"]["state"], done["job"]["package"], done["hours"], done["parameters"]) == (
        "finished",
        "2Core4G",
        1,
        {"lr": 1},
    )
    assert (done["job"]["priority"], done["job"]["preemptible"], done["log_patterns"]) == (150, True, ["caffe"])
    assert "\n42\n" in log_of(alice, made)


def test_a_training_of_a_virtual_cluster_keeps_to_it_when_it_is_started_again(chain: Any, alice: Person) -> None:
    admin = Person(chain, "admin", administrator=True)
    admin.ok("PUT", "/clusters/night", json={"cpu": 1, "memory": 2 << 30, "hours": 2})
    made = submit(alice, "print(1)", cluster="night", hours=1)
    ended(alice, made)
    path = f"/trainings/{made['id']}/start"
    assert alice.refused("POST", path, json={"hours": 3})[1] == "too-long"
    assert alice.refused("POST", path, json={"package": "2Core4G"})[1] == "never-enough"
    admin.ok("DELETE", "/clusters/night")
    assert alice.refused("POST", path)[1] == "no-such-cluster"
    alice.ok("POST", path, json={"cluster": ""})
    assert ended(alice, made)["job"]["cluster"] is None


def test_a_dry_run_takes_the_place_of_the_one_before_and_leaves_the_name_free(alice: Person) -> None:
    script = "import os\nprint('dry', os.environ.get('TRAINYARD_DRY_RUN'))"
    made = submit(alice, script, dry_run=True)
    assert made["dry_run"]
    done = ended(alice, made)["job"]
    assert (done["state"], done["ending"]["text"]) == ("finished", "The dry run ended without an error.")
    assert "dry 1" in log_of(alice, made)
    again = submit(alice, "raise SystemExit(3)", dry_run=True)
    assert again["id"] == made["id"]
    failed = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] == "failed")
    assert failed["job"]["ending"]["exit_code"] == 3
    assert ended(alice, submit(alice, "print(1)"))["job"]["state"] == "finished"


@pytest.fixture
def short_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINYARD_SERVICE_DRY_RUN_SECONDS", "0.5")


def test_a_try_without_our_callbacks_that_runs_on_without_an_error_is_ended_as_good(short_tries: None, alice: Person) -> None:
    done = ended(alice, submit(alice, "import time; print('on'); time.sleep(600)", dry_run=True))["job"]
    assert (done["state"], done["ending"]["text"]) == ("finished", "No error in 0.5 s: the dry run was ended.")


def test_before_the_time_limit_its_owner_is_warned_once(chain: Any, alice: Person) -> None:
    made = submit(alice, "import time; time.sleep(600)", hours=3)
    alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] == "running")

    def notices() -> list[str]:
        with chain.context.database.read() as session:
            return list(session.scalars(select(NoticeRow.message).where(NoticeRow.account_id == alice.who.id)))

    def limit(seconds: float) -> None:
        with chain.context.database.write() as session:
            session.get_one(JobRow, made["job"]["id"]).time_limit = seconds

    limit(7300)
    # the row says more time than the warning's mark and less than the limit: it is due as soon as so much has passed
    limit(7201)
    until(lambda: len(notices()) == 1)
    deadline = alice.ok("GET", f"/trainings/{made['id']}")["job"]["deadline"]
    assert deadline < (now() + timedelta(seconds=7300)).isoformat()
    alice.ok("POST", f"/trainings/{made['id']}/stop")
    ended(alice, made)
    assert len(notices()) == 1
