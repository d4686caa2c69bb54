"""A training that runs here: the same entry, parameters, sets, environment and output folder as in a job."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from trainyard.client import local
from trainyard.client.local_run import LocalTraining
from trainyard.errors import Invalid, NotFound
from trainyard.records.distributed import Distributed, DistributedKind
from trainyard.records.trainings import NewTraining
from trainyard.training import state

SCRIPT = """
import os
from pathlib import Path
from trainyard.training import TrainInstance, params, places
with TrainInstance(resume=True) as run:
    run.log("loss/train", 0.5, 1)
    print("rate", params.get_value("rate"), "set", (places.data("train") / "labels.csv").read_text())
    print("environment", " ".join(sorted(name for name in os.environ if name.startswith("TRAINYARD"))))
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRAINYARD_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TRAINYARD_TOKEN", "secret")


def training(entry: str, **more: Any) -> NewTraining:
    return NewTraining(name="first", group="vision", image="pytorch", package="1Core2G", entry=entry, **more)


def test_it_sees_what_a_job_sees_and_tells_the_platform_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "labels.csv").write_text("0,cat")
    (tmp_path / "train.py").write_text(SCRIPT)
    run = local.start(training("python train.py", parameters={"rate": 0.1}), {"train": tmp_path / "set"})
    assert run.wait() == 0, run.log.read_text()
    told = run.log.read_text()
    assert "rate 0.1 set 0,cat" in told
    assert "environment TRAINYARD_ATTEMPT TRAINYARD_JOB TRAINYARD_TRAINING TRAINYARD_WORKSPACE\n" in told
    assert capfd.readouterr().out == told
    assert run.folder == tmp_path / "local" / "first"
    (folder,) = run.runs.glob("*/instance.json")
    content = state.read(folder.parent)
    assert content is not None
    assert content.ended == "completed"


def test_its_output_becomes_curves_by_its_patterns(tmp_path: Path) -> None:
    (tmp_path / "print.py").write_text("print('step=3 loss=0.5')")
    run = local.start(training("python print.py", log_patterns=["key-value"]), {})
    assert run.wait() == 0, run.log.read_text()
    assert list(run.runs.glob("*/logs/events*"))


def test_paths_of_a_job_lead_to_where_they_are_here(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "'import sys; print(open(sys.argv[1]).read())'", "/workspace/params/default.json"]
    run = local.start(training(" ".join(words), parameters={"a": 1}), {}, folder=tmp_path / "there")
    assert run.wait() == 0
    assert json.loads(run.log.read_text()) == {"a": 1}


def test_it_is_stopped_as_the_platform_stops(tmp_path: Path) -> None:
    (tmp_path / "wait.py").write_text(
        "import os, signal, time\nsignal.signal(signal.SIGTERM, lambda *_: os._exit(5))\nopen('ready', 'w')\n"
        "while True: time.sleep(0.1)"
    )
    run = local.start(training("python wait.py"), {})
    while not (tmp_path / "ready").exists():
        assert run.exit_code is None
    run.stop()
    assert run.exit_code == 5


def test_its_time_limit_ends_it() -> None:
    run = local.start(training("sleep 100", hours=0.00001), {})
    assert run.wait() == -signal.SIGTERM


def test_what_is_not_here_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no-such-program is no program"):
        local.start(training("no-such-program x"), {})
    with pytest.raises(NotFound, match="There is no folder"):
        local.start(training("true"), {"train": tmp_path / "missing"})
    with pytest.raises(Invalid, match="no built-in pattern"):
        local.start(training("true", log_patterns=["cafe"]), {})
    assert not os.path.lexists(tmp_path / "local" / "first" / "run" / "train_first_out.log")


MEETS = """
import os, socket, time
rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
print("I am", os.environ["TRAINYARD_REPLICA"], flush=True)
while rank:
    try:
        with socket.create_connection(place) as first:
            first.sendall(bytes([rank]))
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
if not rank:
    with socket.create_server(place) as server:
        print("together", sum(server.accept()[0].recv(1)[0] for _ in range(world - 1)))
"""
THREE = Distributed(kind=DistributedKind.PYTORCH, workers=3)


def test_replicas_meet_and_each_has_a_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "meets.py").write_text(MEETS)
    run = local.start(training("python meets.py", distributed=THREE), {})
    assert run.wait() == 0, run.log.read_text()
    assert run.log.read_text() == "I am worker0\ntogether 3\n"
    assert run.logs["worker2"] == run.runs / "train_first_worker2_out.log"
    assert run.logs["worker2"].read_text() == "I am worker2\n"
    shown = capfd.readouterr().out.splitlines()
    assert {"worker1 | I am worker1", "worker0 | together 3"} <= set(shown)


def test_the_first_replica_that_dies_ends_the_others_and_tells_how(tmp_path: Path) -> None:
    (tmp_path / "dies.py").write_text(
        "import os, sys, time\nsys.exit(7) if os.environ['RANK'] == '1' else time.sleep(600)\n",
    )
    run = local.start(training("python dies.py", distributed=THREE), {})
    assert run.wait() == 7


def test_servers_and_the_scheduler_end_with_the_last_worker(tmp_path: Path) -> None:
    (tmp_path / "serves.py").write_text(
        "import os, time\nprint(os.environ['DMLC_ROLE'], flush=True)\n"
        "time.sleep(0 if os.environ['DMLC_ROLE'] == 'worker' else 600)\n",
    )
    asked = Distributed(kind=DistributedKind.MXNET, workers=2, servers=1)
    run = local.start(training("python serves.py", distributed=asked), {})
    assert run.wait() == 0
    assert run.log.read_text() == "worker\n"
    assert list(run.logs) == ["worker0", "worker1", "server0", "scheduler0"]


def test_a_stop_ends_every_replica(tmp_path: Path) -> None:
    (tmp_path / "wait.py").write_text("import time\ntime.sleep(600)\n")
    run = local.start(training("python wait.py", distributed=THREE), {})
    run.stop()
    assert run.exit_code == -signal.SIGTERM


SAVES = """
import os, signal, sys, time
me = os.environ["TRAINYARD_REPLICA"]
def leave(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(0.3 if me.startswith("worker") else 0)
    print(me, file=open("ends", "a"))
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print(me, file=open("up", "a"))
while True:  # a signal just before a long sleep is looked at after it
    time.sleep(0.1)
"""


def saving(tmp_path: Path) -> LocalTraining:
    """Two workers that take a moment to save, a server and a scheduler; all are up."""
    (tmp_path / "saves.py").write_text(SAVES)
    asked = Distributed(kind=DistributedKind.MXNET, workers=2, servers=1)
    run = local.start(training("python saves.py", distributed=asked), {})
    up = tmp_path / "up"
    while not up.exists() or len(up.read_text().split()) < 4:
        assert run.exit_code is None
    return run


def test_a_stop_lets_servers_live_until_the_workers_have_saved(tmp_path: Path) -> None:
    run = saving(tmp_path)
    run.stop()
    ends = (tmp_path / "ends").read_text().split()
    assert (sorted(ends[:2]), sorted(ends[2:]), run.exit_code) == (["worker0", "worker1"], ["scheduler0", "server0"], 0)


def test_a_worker_that_does_not_end_is_killed_after_the_grace_and_the_servers_with_it(tmp_path: Path) -> None:
    run = saving(tmp_path)
    run.stop(grace=0)
    assert run.exit_code == -signal.SIGKILL


def test_workers_share_the_cards_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    (tmp_path / "cards.py").write_text("import os\nprint(os.environ['CUDA_VISIBLE_DEVICES'])\n")
    run = local.start(training("python cards.py", distributed=Distributed(kind=DistributedKind.PYTORCH, workers=2)), {})
    assert run.wait() == 0
    assert [path.read_text() for path in run.logs.values()] == ["4,5\n", "6,7\n"]
