"""Training instances: folders, ends, resuming, signals, and a platform that is there, refuses, or is away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from trainyard.errors import Invalid
from trainyard.metrics import RunReader
from trainyard.records.trainings import InstanceChange, NewInstance, NewSnapshot
from trainyard.training import state

ROOT = Path(__file__).parents[3]
Call = tuple[str, str, dict[str, Any], str]


class Platform:
    """A real HTTP server that keeps what it is told."""

    def __init__(self, status: int = 200) -> None:
        self.calls: list[Call] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def take(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.calls.append((self.command, self.path, body, self.headers["Authorization"]))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(b'{"error": {"message": "no", "hint": ""}}')

            do_POST = do_PUT = take

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def platform() -> Iterator[Platform]:
    server = Platform()
    yield server
    server.server.shutdown()
    server.server.server_close()


def script(body: str, workspace: Path, **environment: str) -> subprocess.Popen[str]:
    """Start ``body`` as a training script of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRAINYARD_")}
    own = {"TRAINYARD_WORKSPACE": str(workspace), "PYTHONPATH": str(ROOT / "core"), **environment}
    code = f"from trainyard.training import *\nimport time, os, signal\n{body}"
    return subprocess.Popen(
        [sys.executable, "-c", code], env=inherited | own, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def run(body: str, workspace: Path, **environment: str) -> tuple[int, str]:
    process = script(body, workspace, **environment)
    output, _ = process.communicate(timeout=240)
    return process.returncode, output


def only(workspace: Path) -> state.InstanceFile:
    """The file of the one instance there is."""
    (folder,) = (workspace / "run").iterdir()
    content = state.read(folder)
    assert content is not None
    return content


def on(platform: Platform, token: Path) -> dict[str, str]:
    token.write_text("tyj_secret\n")
    return {"TRAINYARD_URL": platform.url, "TRAINYARD_TRAINING": "a" * 16, "TRAINYARD_TOKEN_FILE": str(token)}


def test_a_script_outside_the_platform_leaves_its_run_folder(tmp_path: Path) -> None:
    code, output = run("run = TrainInstance(); run.log('loss/train', 1.5, 3); print(run.id)", tmp_path)
    assert code == 0
    folder = tmp_path / "run" / output.strip()
    assert RunReader(folder / "logs").poll().updates[0].points["loss/train"].values.tolist() == [1.5]
    assert (only(tmp_path).state, only(tmp_path).ended) == ("done", "completed")


def test_the_platform_is_told_the_begin_the_snapshots_and_the_end(tmp_path: Path, platform: Platform) -> None:
    body = """
run = TrainInstance(parameters={"lr": 0.1})
(run.folder / "w").write_text("weights")
run.save_snapshot({"w": run.folder / "w"}, Moment(1, 20))
"""
    code, output = run(body, tmp_path, **on(platform, tmp_path / "token"))
    assert (code, output) == (0, "")
    begin, snapshot, end = platform.calls
    assert begin[:2] == ("POST", f"/services/trainyard/api/v1/trainings/{'a' * 16}/instances")
    assert begin[3] == "Bearer tyj_secret"
    assert NewInstance(**begin[2]).parameters == {"lr": 0.1}
    assert NewSnapshot(**snapshot[2]).step == 20
    assert InstanceChange(**end[2]).state == "done"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://nowhere.invalid", "not an address"])
def test_a_platform_that_is_away_costs_a_script_no_more_than_seconds(tmp_path: Path, url: str) -> None:
    environment = {"TRAINYARD_URL": url, "TRAINYARD_TRAINING": "a" * 16, "TRAINYARD_TOKEN": "x"}
    code, output = run("TrainInstance().log('a', 1, 1); print('trained')", tmp_path, **environment)
    assert (code, output) == (0, "trained\n")
    assert only(tmp_path).state == "done"


def test_a_refusal_is_one_warning_with_the_reason(tmp_path: Path) -> None:
    refusing = Platform(403)
    code, output = run("TrainInstance()", tmp_path, **on(refusing, tmp_path / "token"))
    refusing.server.shutdown()
    refusing.server.server_close()
    assert code == 0
    assert "refused POST" in output
    assert "tyj_secret" not in output


def test_an_uncaught_error_is_a_failed_instance_with_its_sentence(tmp_path: Path) -> None:
    code, output = run("TrainInstance(); raise ValueError('no such layer')", tmp_path)
    assert code == 1
    assert "Traceback" in output
    assert (only(tmp_path).state, only(tmp_path).error) == ("failed", "ValueError: no such layer")


def test_an_error_in_a_with_block_is_a_failed_instance(tmp_path: Path) -> None:
    run("with TrainInstance():\n    1 / 0", tmp_path)
    assert only(tmp_path).error == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_normal_end(tmp_path: Path, number: int) -> None:
    process = script("run = TrainInstance(); print('ready', flush=True); time.sleep(60)", tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    output, _ = process.communicate(timeout=240)
    assert (process.returncode, output) == (0, "")
    assert (only(tmp_path).state, only(tmp_path).ended) == ("done", "stopped")


def test_a_monitored_loop_ends_after_the_batch_in_which_it_was_asked(tmp_path: Path) -> None:
    body = """
run = TrainInstance()
monitor = Monitor(run, batch_size=4, batch_freq=1)
for batch in range(100):
    if batch == 3: os.kill(os.getpid(), signal.SIGTERM)
    monitor.batch_done(0, batch, lambda: Reading([("accuracy", 0.5)], 0.1))
    print(batch, flush=True)
    if monitor.must_end: monitor.end()
"""
    code, output = run(body, tmp_path)
    assert code == 0
    assert output.split() == ["0", "1", "2", "3"]
    assert only(tmp_path).ended == "stopped"


def test_a_forked_worker_outlives_the_stop_for_a_while_and_no_longer(tmp_path: Path) -> None:
    body = """
import multiprocessing
from trainyard.training import signals
signals.WORKER_SECONDS = 0.1
run = TrainInstance()
monitor = Monitor(run)
forking = multiprocessing.get_context("fork")
ready = forking.Event()
worker = forking.Process(target=lambda: (ready.set(), time.sleep(50)))
worker.start()
ready.wait()
worker.terminate()
worker.join(40)
print(worker.exitcode)
"""
    assert run(body, tmp_path) == (0, "0\n")


def test_a_dry_run_ends_after_one_batch(tmp_path: Path) -> None:
    body = """
run = TrainInstance()
monitor = Monitor(run)
for batch in range(100):
    monitor.batch_done(0, batch, lambda: Reading([("loss", 2)]))
    print(batch)
    if monitor.must_end: monitor.end()
"""
    code, output = run(body, tmp_path, TRAINYARD_DRY_RUN="1")
    assert code == 0
    assert output == "0\ntrainyard: the dry run is over: one batch was trained without an error (loss/train 2)\n"


@pytest.mark.survival
def test_a_killed_run_is_resumed_from_its_newest_snapshot_and_its_curve_goes_on(tmp_path: Path) -> None:
    first = """
run = TrainInstance()
(run.folder / "w").write_text("weights")
for step in range(1, 31): run.log("loss/train", step, step)
run.save_snapshot({"w": run.folder / "w"}, Moment(1, 20))
run._events.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""
    run(first, tmp_path)
    second = "run = TrainInstance(resume=True); print(run.resumed_from.step); run.log('loss/train', 0, 21)"
    assert run(second, tmp_path) == (0, "20\n")
    from trainyard.metrics import SeriesTable

    table = SeriesTable()
    table.apply(RunReader(tmp_path / "run", f"{only(tmp_path).id}/logs").poll().updates)
    assert table.by_tag["loss/train"].points.steps.tolist() == list(range(1, 22))


def test_a_completed_run_is_not_resumed(tmp_path: Path) -> None:
    body = (
        "run = TrainInstance(resume=True)\n(run.folder / 'w').touch()\nrun.save_snapshot({'w': run.folder / 'w'}, Moment(1, 2))"
    )
    run(body, tmp_path)
    run(body, tmp_path)
    assert len(list((tmp_path / "run").iterdir())) == 2


def test_who_asks_to_begin_anew_is_obeyed(tmp_path: Path) -> None:
    first = """
run = TrainInstance()
(run.folder / "w").touch()
run.save_snapshot({"w": run.folder / "w"}, Moment(1, 2))
print(run.latest().step, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run(first, tmp_path)[1] == "2\n"
    assert run("print(TrainInstance(resume=True).resumed_from)", tmp_path, TRAINYARD_RESUME="0") == (0, "None\n")


def test_a_living_run_is_not_resumed_by_a_second_script(tmp_path: Path) -> None:
    first = """
run = TrainInstance()
(run.folder / "w").touch()
run.save_snapshot({"w": run.folder / "w"}, Moment(1, 2))
print("ready", flush=True)
time.sleep(60)
"""
    process = script(first, tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    taken = only(tmp_path).id
    try:
        assert run("print(TrainInstance(resume=True).resumed_from)", tmp_path) == (0, "None\n")
        code, output = run(f"TrainInstance('{taken}')", tmp_path)
        assert code == 1
        assert "already works" in output
    finally:
        process.kill()
        process.communicate()


def test_an_instance_name_that_climbs_is_refused(tmp_path: Path) -> None:
    from trainyard.training import TrainInstance

    with pytest.raises(Invalid, match="24 hexadecimal digits"):
        TrainInstance("../../etc", runs=tmp_path)


def test_a_step_is_logged_in_microseconds_of_waiting_for_nothing(tmp_path: Path) -> None:
    body = "run = TrainInstance()\nfor i in range(50_000): run.log('a', i, i)\nprint(run._events.dropped)"
    assert run(body, tmp_path) == (0, "0\n")


def test_the_names_of_ava_work(tmp_path: Path) -> None:
    body = """
run = TrainInstance()
assert run.get_base_path().endswith("/run/" + run.get_training_ins_id())
assert run.get_snapshot_base_path() == run.get_base_path() + "/output"
assert run.get_monitor_callback("caffe2") is None
(run.output / "net.caffemodel").write_text("x")
assert list(run.upload_snapshot_model(3, 10).files) == ["net.caffemodel"]
run.done("diverged")
"""
    code, output = run(body, tmp_path)
    assert code == 0, output
    assert (only(tmp_path).state, only(tmp_path).error) == ("failed", "diverged")


def test_an_epoch_that_is_known_to_have_few_batches_has_a_point_after_its_last(tmp_path: Path) -> None:
    body = """
run = TrainInstance()
monitor = Monitor(run, batch_freq=10, batches_per_epoch=3)
for epoch in range(2):
    for batch in range(3):
        monitor.batch_done(epoch, batch, lambda: print(epoch, batch) or Reading([("loss", 1)]))
    monitor.epoch_done(epoch)
"""
    assert run(body, tmp_path) == (0, "0 2\n1 2\n")
