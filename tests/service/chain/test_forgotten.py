"""What people see of jobs that have ended does not need their launches: those are forgotten soon."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import until
from .test_deaths import ended, submit
from .test_distributed import TWO, log_of

pytestmark = [pytest.mark.slow, pytest.mark.one_database]
FIRST_DIES = "import os, sys, time; print('up', flush=True); time.sleep(2 + 600 * int(os.environ['RANK'])); sys.exit(3)"


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over is forgotten within a second."""
    monkeypatch.setenv("TRAINYARD_SERVICE_WHOLE_TICK", "1")


def test_replicas_causes_logs_and_use_are_shown_when_their_launches_are_forgotten(soon: None, chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    alice.group = group
    made = submit(alice, FIRST_DIES, distributed=TWO)
    job = ended(alice, made)["job"]
    until(lambda: not chain.context.launcher.states())
    told = {one["name"]: one for one in alice.ok("GET", f"/jobs/{job['id']}/replicas")}
    assert [(one["state"], one["cause"]) for one in told.values()] == [("ended", "exited"), ("ended", "stopped")]
    assert (told["worker0"]["exit_code"], told["worker0"]["first"]) == (3, True)
    assert all(one["peak_memory"] and one["started"] and one["ended"] for one in told.values())
    assert log_of(alice, made, "worker1").endswith("up\n")
    assert alice.ok("GET", f"/jobs/{job['id']}/usage", params={"replica": "worker1"})["memory"]
    assert alice.ok("GET", f"/jobs/{job['id']}/attempts")[0]["ending"] == job["ending"]
