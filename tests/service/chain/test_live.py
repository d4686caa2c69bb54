"""What is watched while it runs: the log by websocket, the console, TensorBoard; and who may not."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .conftest import Person
from .test_chain import ENTRY, make_dataset, make_sets, train

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


def running(alice: Person, group: Any, entry: str = "sleep 600") -> Any:
    body = {"name": "live", "group": group.name, "image": "workspace", "package": "1Core2G", "entry": entry}
    made = alice.ok("POST", "/trainings", json=body)
    return alice.until(f"/jobs/{made['job']['id']}", lambda job: job["state"] == "running")


def socket(person: Person, path: str, token: str | None = None, **more: Any) -> Any:
    url = person.service.api.replace("http", "ws") + path
    headers = {"Authorization": f"Bearer {token or person.who.token}"}
    return connect(url, additional_headers=headers, open_timeout=60, ping_timeout=120, **more)


def refusal(opened: Any) -> str:
    with opened as ws:
        code: str = json.loads(ws.recv())["error"]["code"]
        with pytest.raises(ConnectionClosed):
            ws.recv()
        return code


def gate_of(chain: Any, group: Any) -> Path:
    """A pipe on the group's share: a job that reads it waits until something is written."""
    gate: Path = chain.context.home.group_share(group.id) / "gate"
    gate.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(gate)
    gate.chmod(0o666)
    return gate


def test_a_log_is_followed_to_its_end(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    gate = gate_of(chain, group)
    job = running(alice, group, "bash -c 'echo one; read < /workspace/mnt/group/vision/gate; echo two 二'")
    received = b""
    with socket(alice, f"/jobs/{job['id']}/log/follow?offset=0") as ws:
        while b"one" not in received:
            received += ws.recv()
        gate.write_text("go\n")
        with pytest.raises(ConnectionClosed):
            while True:
                received += ws.recv()
    assert received == alice.http.get(f"/jobs/{job['id']}/log").content


def test_the_logs_of_all_replicas_are_followed_as_one_to_their_end(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    gate = gate_of(chain, group)
    said = "bash -c 'echo one; if [ $TRAINYARD_RANK = 1 ]; then read < /workspace/mnt/group/vision/gate; fi; echo two'"
    body = {"name": "live", "group": group.name, "image": "workspace", "package": "1Core2G", "entry": said}
    made = alice.ok("POST", "/trainings", json=body | {"distributed": {"kind": "pytorch", "workers": 2}})
    received = b""
    with socket(alice, f"/jobs/{made['job']['id']}/log/follow?replica=all&since=start") as ws:
        while not {b"worker0 | one", b"worker1 | one"} <= set(received.splitlines()):
            received += ws.recv()
        gate.write_text("go\n")
        with pytest.raises(ConnectionClosed):
            while True:
                received += ws.recv()
    lines = received.splitlines()
    assert {b"worker0 | two", b"worker1 | two"} <= set(lines)
    whole = alice.http.get(f"/jobs/{made['job']['id']}/log", params={"replica": "all", "since": "start"}).content
    assert set(lines) <= set(whole.splitlines())


def test_a_console_is_a_terminal_inside_the_job_for_its_owner_only(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice, bob, carol = person("alice", group), person("bob", group), person("carol")
    job = running(alice, group)
    path = f"/jobs/{job['id']}/console?columns=100&rows=30"
    with socket(alice, path) as ws:
        ws.send(b"stty size; echo job-$TRAINYARD_JOB; ls /workspace/mnt/group\n")
        seen = b""
        while f"job-{job['id']}".encode() not in seen or b"vision" not in seen or b"30 100" not in seen:
            seen += ws.recv()
        ws.send(json.dumps({"resize": [90, 20]}))
        ws.send(b"stty size\n")
        while b"20 90" not in seen:
            seen += ws.recv()
    assert refusal(socket(bob, path)) == "not-owner"
    assert refusal(socket(carol, path)) == "no-such-job"
    assert refusal(socket(carol, f"/jobs/{job['id']}/log/follow")) == "no-such-job"
    assert refusal(socket(alice, path, token="nobody")) == "not-signed-in"


def test_a_browser_from_elsewhere_gets_no_console(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    job = running(alice, group)
    cookie = {"Cookie": f"trainyard-service-token={alice.who.token}"}
    url = chain.api.replace("http", "ws") + f"/jobs/{job['id']}/console"
    assert refusal(connect(url, additional_headers=cookie, origin="http://evil.example", open_timeout=60)) == "cross-site"


def test_tensorboard_shows_the_run_to_those_who_may_read_it(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice, carol = person("alice", group), person("carol")
    made = train(alice, group, make_sets(alice, make_dataset(alice, group)), "watched")
    assert carol.refused("POST", f"/trainings/{made['id']}/tensorboard")[0] == 404
    done = alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] in ("finished", "failed"))
    assert done["entry"] == ENTRY
    address = alice.ok("POST", f"/trainings/{made['id']}/tensorboard")["address"]
    below = address.removeprefix(chain.context.settings.api_path)
    assert "TensorBoard" in alice.http.get(below).text
    runs = alice.until(f"{below}data/runs", lambda found: found)
    assert runs == [f"{done['instances'][0]['id']}/logs"]
    assert carol.refused("GET", f"{below}data/runs")[0] == 404
    assert chain.client().get(f"{below}data/runs").status_code == 401


def test_a_tensorboard_nobody_looks_at_any_more_ends(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    made = train(alice, group, make_sets(alice, make_dataset(alice, group)), "watched")
    alice.until(f"/trainings/{made['id']}", lambda one: one["job"]["state"] in ("finished", "failed"))
    boards = chain.context.parts["tensorboards"]
    alice.ok("POST", f"/trainings/{made['id']}/tensorboard")
    assert boards._idle(f"tensorboard-{made['id']}") < boards.settings.tensorboard_idle
    boards.settings = boards.settings.model_copy(update={"tensorboard_idle": 0.2})
    # what used to be looked at every minute begins with the new period
    asyncio.run(asyncio.wait_for(ended(boards, f"tensorboard-{made['id']}"), 60))


async def ended(boards: Any, key: str) -> None:
    culling = asyncio.create_task(boards.cull())
    changes = boards.context.launcher.changes()
    while (state := boards.context.launcher.state(key)) is not None and state.phase != "ended":
        await anext(changes)
    culling.cancel()


def test_what_lies_in_the_logs_place_is_named_in_the_end(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    alice.put_on_share(group, "run").write_text("in the way")
    body = {"name": "t", "group": group.name, "image": "workspace", "package": "1Core2G", "entry": "sleep 1"}
    made = alice.ok("POST", "/trainings", json=body)
    job = alice.until(f"/jobs/{made['job']['id']}", lambda one: one["state"] == "failed")
    assert "/vision/alice/run/train_t_out.log cannot be written: Not a directory. Move or delete" in job["ending"]["text"]
