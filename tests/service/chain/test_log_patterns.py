"""A program that only prints, as a training that declares how its output is read: curves, its own exit code, a refusal."""

from __future__ import annotations

import pytest

from .conftest import Person
from .test_deaths import ended, submit

pytestmark = [pytest.mark.slow, pytest.mark.one_database]
PRINTS = """
for step in (10, 20):
    print(f"solver.cpp:218] Iteration {step}, loss = {5 / step}", flush=True)
raise SystemExit(3)
"""


def test_what_it_prints_becomes_an_instance_with_curves_and_its_end_is_told(alice: Person) -> None:
    made = submit(alice, PRINTS, log_patterns=["caffe"])
    job = ended(alice, made)["job"]
    assert (job["state"], job["ending"]["exit_code"]) == ("failed", 3)
    training = alice.ok("GET", f"/trainings/{made['id']}")
    assert training["log_patterns"] == ["caffe"]
    (instance,) = training["instances"]
    (loss,) = alice.ok("GET", f"/instances/{instance['id']}/curves?tags=loss/train")["series"]
    assert (loss["steps"], loss["values"]) == ([10, 20], [0.5, 0.25])


def test_a_pattern_that_cannot_be_read_is_refused_at_its_field(alice: Person) -> None:
    body = {"name": "t", "group": "vision", "image": "workspace", "package": "1Core2G", "entry": "/workspace/examples/start.sh"}
    status, code, message = alice.refused("POST", "/trainings", json={**body, "log_patterns": ["loss=("]})
    assert (status, code) == (422, "log-pattern")
    assert "no regular expression" in message
