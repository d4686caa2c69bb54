"""Trainings of several processes in real sandboxes: they meet, nobody else joins them, each has its log, all end together."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trainyard.client import Client
from trainyard.connection import Connection
from trainyard.home import Home
from trainyard_service.public_datasets import fetch_digits

from tests.core.cli.running import in_this_process
from tests.frameworks import ROOT

from .conftest import Person, build_framework_image, until
from .test_deaths import ended, submit

pytestmark = [pytest.mark.slow, pytest.mark.one_database]
TWO = {"kind": "pytorch", "workers": 2}
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ ")
# the first worker adds up what all others tell it, over the address that torchrun's variables name
MEETS = """
import os, socket, time
rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
print("I am", os.environ["TRAINYARD_REPLICA"], "on", socket.gethostname(), flush=True)
if rank:
    for _ in range(600):  # until it is heard: whoever answers before the Service is in place is not worker0
        try:
            with socket.create_connection(place, 5) as first:
                first.sendall(bytes([rank]))
                if first.recv(1) == b"!":
                    break
        except OSError:
            pass
        time.sleep(0.1)
else:
    heard = set()
    with socket.create_server(place) as server:
        while len(heard) < world - 1:
            with server.accept()[0] as other:
                heard.update(other.recv(1))
                other.sendall(b"!")
    print("together", sum(heard), flush=True)
"""
WAITS = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of eight cores, as far as the queue knows."""
    monkeypatch.setenv("TRAINYARD_SERVICE_CAPACITY_CPU", "8")
    monkeypatch.setenv("TRAINYARD_SERVICE_CAPACITY_MEMORY", str(32 << 30))


@pytest.fixture
def alice(large: None, chain: Any, person: Callable[..., Person]) -> Person:
    return person("alice", chain.group("vision"))


def log_of(alice: Person, made: Any, replica: str = "") -> str:
    return alice.http.get(f"/jobs/{made['job']['id']}/log", params={"replica": replica}).text


def replicas(alice: Person, made: Any) -> dict[str, Any]:
    return {one["name"]: one for one in alice.ok("GET", f"/jobs/{made['job']['id']}/replicas")}


def test_replicas_meet_and_each_has_a_log(alice: Person) -> None:
    made = submit(alice, MEETS, distributed={"kind": "pytorch", "workers": 3})
    job = ended(alice, made)["job"]
    assert job["state"] == "finished", log_of(alice, made)
    assert job["replicas"] == ["worker0", "worker1", "worker2"]
    assert "together 3" in log_of(alice, made)
    assert log_of(alice, made, "worker0") == log_of(alice, made)
    last = log_of(alice, made, "worker2")
    assert f"I am worker2 on job-{job['id']}-1-worker2" in last
    told = replicas(alice, made)
    assert {one["state"] for one in told.values()} == {"ended"}
    shared = alice.put_on_share(alice.group, "run/train_dying_worker2_out.log")
    assert told["worker2"]["log"] == "/workspace/mnt/group/vision/alice/run/train_dying_worker2_out.log"
    assert shared.read_text() == last
    assert alice.refused("GET", f"/jobs/{job['id']}/log?replica=worker3")[1] == "no-such-replica"
    whole = alice.http.get(f"/jobs/{job['id']}/log", params={"replica": "all", "since": "start"})
    lines = [line for name in told for line in log_of(alice, made, name).splitlines()]
    assert sorted(line.partition(" | ")[2] for line in whole.text.splitlines()) == sorted(lines)
    assert f"worker2 | I am worker2 on job-{job['id']}-1-worker2\n" in whole.text
    assert alice.http.get(f"/jobs/{job['id']}/log", params={"replica": "all"}).text == whole.text
    behind = {"replica": "all", "since": whole.headers["Log-Next"]}
    assert alice.http.get(f"/jobs/{job['id']}/log", params=behind).text == ""
    assert alice.http.get(f"/jobs/{job['id']}/log/file", params={"replica": "all"}).text == whole.text
    timed = alice.http.get(f"/jobs/{job['id']}/log", params={"replica": "all", "since": "start", "times": True})
    assert [line[21:] for line in timed.text.splitlines()] == whole.text.splitlines()
    assert all(TIME.match(line) for line in timed.text.splitlines() if "I am" in line)
    found = alice.ok("GET", f"/jobs/{job['id']}/log/search", params={"replica": "all", "text": "i am"})
    assert {one["replica"] for one in found["matches"]} == set(told)
    there = {"replica": "all", "since": found["matches"][1]["at"], "limit": 1}
    place = alice.http.get(f"/jobs/{job['id']}/log", params=there).text
    assert place == f"{found['matches'][1]['replica']} | {found['matches'][1]['text']}\n"


def test_the_sdk_and_the_terminal_search_all_logs_and_tell_when_lines_were_written(
    alice: Person, chain: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = submit(alice, MEETS, distributed=TWO)
    job = ended(alice, made)["job"]["id"]
    with Client(Connection(chain.address, alice.who.token)) as client:
        assert {one.replica for one in client.log_matches(job, "I AM", replica="all")} == {"worker0", "worker1"}
        data, _ = client.log_lines(job, times=True)
        assert b"".join(client.follow_lines(job, times=True)) == data
        alone, _ = client.log_lines(job, replica="worker1", times=True)
    monkeypatch.setenv("TRAINYARD_URL", chain.address)
    monkeypatch.setenv("TRAINYARD_TOKEN", alice.who.token)
    run = in_this_process(monkeypatch, capsys, tmp_path / "config")
    shown = {words: run(*words.split()).out for words in (
        f"jobs logs {job} --replica all --times", "train logs dying --replica worker1 --times -f",
        f"jobs search {job} --replica all together",
    )}  # fmt: skip
    assert list(shown.values()) == [data.decode(), alone.decode(), "worker0:together 1\n"]
    assert all(TIME.match(line) for line in alone.decode().splitlines() if "I am" in line)


def test_a_job_beside_them_does_not_reach_their_network(alice: Person, chain: Any) -> None:
    listens = """
import os, socket, time
if os.environ["RANK"] == "0":
    server = socket.create_server(("", int(os.environ["MASTER_PORT"])))
    print("listening", flush=True)
    server.accept()
    print("reached", flush=True)
time.sleep(600)
"""
    first = submit(alice, listens, "listens", distributed=TWO)
    until(lambda: "listening" in log_of(alice, first))
    held = chain.context.launcher
    plan = json.loads((held.home.launches / f"job-{first['job']['id']}-1-worker0/spec.json").read_text())
    place = ("127.0.0.1", int(plan["environment"]["MASTER_PORT"]))
    knocks = (
        f"import socket\ntry:\n    socket.create_connection({place}, 5)\nexcept OSError as why:\n    print('kept out', why)"
    )
    other = submit(alice, knocks, "knocks")
    assert ended(alice, other)["job"]["state"] == "finished"
    if os.geteuid() == 0:
        assert "kept out" in log_of(alice, other)
        assert "reached" not in log_of(alice, first)
    alice.ok("POST", f"/trainings/{first['id']}/stop")
    assert ended(alice, first)["job"]["state"] == "stopped"


def test_the_first_that_dies_ends_the_others_and_is_named(alice: Person, chain: Any) -> None:
    made = submit(alice, WAITS, distributed=TWO)
    job_id = made["job"]["id"]
    alice.until(f"/jobs/{job_id}", lambda job: job["state"] == "running")
    inside = json.loads((chain.context.launcher.home.launches / f"job-{job_id}-1-worker1/status.json").read_text())
    os.kill(inside["pid"], signal.SIGKILL)
    job = ended(alice, made)["job"]
    assert (job["state"], job["ending"]["cause"], job["ending"]["replica"]) == ("failed", "supervisor-lost", "worker1")
    assert job["ending"]["text"].startswith("The replica worker1 ended first")
    assert all(one["state"] == "ended" for one in replicas(alice, made).values())
    assert [name for name, one in replicas(alice, made).items() if one["first"]] == ["worker1"]
    assert alice.ok("GET", "/usage")["used"]["cpu"] == 0


@pytest.fixture(scope="module")
def torch_image(chain_home: Home) -> str:
    """PyTorch's environment as an image, with the script that the test trains."""
    return build_framework_image(chain_home, "pytorch", Path(__file__).with_name("ddp_train.py"))


def trained(alice: Person, name: str, **more: Any) -> tuple[Any, float]:
    body = {"name": name, "group": "vision", "package": "1Core2G", "entry": "/workspace/examples/start.sh", **more}
    made = alice.ok("POST", "/trainings", json=body)
    training = ended(alice, made)
    log = log_of(alice, made)
    assert training["job"]["state"] == "finished", log + log_of(alice, made, "worker1")
    return training, float(log.rpartition("accuracy = ")[2].split()[0])


def test_two_workers_learn_what_one_learns(alice: Person, torch_image: str) -> None:
    with np.load(digits(alice)) as data:
        assert len(data["train"]) == 4000
    alone, one = trained(alice, "one", image=torch_image, parameters={"batch_size": 128})
    together, two = trained(alice, "two", image=torch_image, parameters={"batch_size": 64}, distributed=TWO)
    assert one > 0.85, "one worker has not learned"
    assert abs(one - two) < 0.05
    assert len(alone["instances"]) == len(together["instances"]) == 1
    assert "other pictures" in log_of(alice, together, "worker1")


def digits(alice: Person) -> Path:
    """5,000 real digits as arrays on the group's share, a fifth of them to test with."""
    file = alice.put_on_share(alice.group, "digits.npz")
    rows = np.loadtxt(fetch_digits(ROOT / ".cache" / "packages"), delimiter=",", dtype=np.uint8)
    rows = rows[np.random.default_rng(1).permutation(len(rows))]
    np.savez(file, train=rows[:4000], test=rows[4000:])
    file.chmod(0o644)
    return file
