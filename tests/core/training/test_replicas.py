"""Of several replicas the first worker reports; in the others everything works and leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from trainyard.training import Moment, TrainInstance, replicas
from trainyard.training.snapshots import snapshots

CHIEF = {"type": "chief", "index": 0}


def be(monkeypatch: pytest.MonkeyPatch, **environment: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("told", "rank", "workers", "speaks"),
    [
        ({}, 0, 1, True),
        ({"RANK": "0", "WORLD_SIZE": "3"}, 0, 3, True),
        ({"RANK": "2", "WORLD_SIZE": "3"}, 2, 3, False),
        ({"RANK": "1"}, 0, 1, True),
        ({"TRAINYARD_RANK": "0", "TRAINYARD_WORKERS": "2", "RANK": "4", "WORLD_SIZE": "8"}, 4, 8, False),
        ({"TRAINYARD_RANK": "1", "TRAINYARD_WORKERS": "2", "TRAINYARD_ROLE": "worker"}, 1, 2, False),
        ({"TRAINYARD_RANK": "0", "TRAINYARD_WORKERS": "2", "TRAINYARD_ROLE": "server"}, 0, 2, False),
        ({"TF_CONFIG": json.dumps({"cluster": {"worker": ["a", "b"]}, "task": {"type": "worker", "index": 1}})}, 1, 2, False),
        ({"TF_CONFIG": json.dumps({"cluster": {"chief": ["a"], "worker": ["b"]}, "task": CHIEF})}, 0, 2, True),
        ({"TF_CONFIG": json.dumps({"cluster": {"worker": ["a"]}, "task": {"type": "evaluator", "index": 0}})}, 0, 1, False),
        ({"TF_CONFIG": "no JSON"}, 0, 1, True),
    ],
)  # fmt: skip
def test_the_environment_says_who_this_is(
    told: dict[str, str], rank: int, workers: int, speaks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    be(monkeypatch, **told)
    assert (replicas.rank(), replicas.workers(), replicas.speaks()) == (rank, workers, speaks)


def cluster(index: int, *workers: str) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"RANK": "0", "MASTER_PORT": "1"}, {"RANK": "1", "MASTER_PORT": "1"}, True),
        ({"TRAINYARD_JOB": "a", "TRAINYARD_ATTEMPT": "1"}, {"TRAINYARD_JOB": "a", "TRAINYARD_ATTEMPT": "2"}, False),
        (cluster(0, "a:1", "b:1"), cluster(1, "a:1", "b:1"), True),
        (cluster(0, "a:1", "b:1"), cluster(0, "a:2", "b:2"), False),
        ({"TF_CONFIG": "[1]"}, {"TF_CONFIG": "no JSON"}, True),
    ],
)  # fmt: skip
def test_the_workers_of_one_start_have_a_name_in_common(
    one: dict[str, str], other: dict[str, str], same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as there:
        be(there, **one)
        first = replicas.meeting()
    be(monkeypatch, **other)
    assert (replicas.meeting() == first) is same


def test_a_quiet_replica_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, RANK="1", WORLD_SIZE="2")
    with TrainInstance(runs=tmp_path / "run") as run:
        run.log("loss/train", 1.0, 1)
        (run.output / "weights").write_bytes(b"x")
        assert run.save_snapshot({"weights": run.output / "weights"}, Moment(1, 10)).epoch == 1
    assert not (tmp_path / "run").exists()


def test_a_quiet_replica_goes_on_from_where_the_first_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "weights"
    weights.write_bytes(b"x")
    with TrainInstance(runs=tmp_path / "run") as before:
        before.save_snapshot({"weights": weights}, Moment(3, 30))
        before.done("it was cut short")
    first = TrainInstance(resume=True, runs=tmp_path / "run")
    be(monkeypatch, RANK="1", WORLD_SIZE="2")
    second = TrainInstance(resume=True, runs=tmp_path / "run")
    assert second.resumed_from == first.resumed_from
    assert second.resumed_from is not None
    assert (second.output / second.resumed_from.file).read_bytes()
    assert second.id == first.id
    second.done()
    first.done()
    assert len(snapshots(first.output)) == 1
