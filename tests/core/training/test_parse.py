"""A program that only prints, run by the wrapper: what it prints, how it ends, and what is kept of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from trainyard.metrics import RunReader
from trainyard.training import state
from trainyard.training.snapshots import snapshots

ROOT = Path(__file__).parents[3]


def start(workspace: Path, body: str, *options: str, **environment: str) -> subprocess.Popen[str]:
    """The Python program ``body`` below the wrapper."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRAINYARD_")}
    own = {"TRAINYARD_WORKSPACE": str(workspace), "PYTHONPATH": str(ROOT / "core"), **environment}
    command = [sys.executable, "-m", "trainyard.training.parse", *options, "--", sys.executable, "-u", "-c", body]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=inherited | own, text=True, stdout=pipe, stderr=subprocess.STDOUT, cwd=workspace)


def run(workspace: Path, body: str, *options: str, **environment: str) -> tuple[int, str]:
    process = start(workspace, body, *options, **environment)
    output, _ = process.communicate(timeout=240)
    return process.returncode, output


def instance(workspace: Path) -> tuple[Path, state.InstanceFile]:
    (folder,) = (workspace / "run").iterdir()
    content = state.read(folder)
    assert content is not None
    return folder, content


def test_what_it_prints_passes_through_and_becomes_curves(tmp_path: Path) -> None:
    code, output = run(tmp_path, "print('step=10 loss=0.5'); print('bar\\rstep=20 loss=0.25')")
    assert (code, output.split()) == (0, ["step=10", "loss=0.5", "bar", "step=20", "loss=0.25"])
    folder, content = instance(tmp_path)
    points = RunReader(folder / "logs").poll().updates[0].points["loss/train"]
    assert (points.steps.tolist(), points.values.tolist()) == ([10, 20], [0.5, 0.25])
    assert content.ended == "completed"


def test_its_exit_code_is_ours_and_the_instance_failed(tmp_path: Path) -> None:
    code, _ = run(tmp_path, "import sys; sys.exit(7)")
    assert code == 7
    assert instance(tmp_path)[1].error == f"{sys.executable} ended with exit code 7"


def test_a_signal_that_ends_it_ends_us_alike(tmp_path: Path) -> None:
    code, _ = run(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert code == -signal.SIGSEGV
    assert instance(tmp_path)[1].state == "failed"


def test_a_request_to_stop_is_handed_on(tmp_path: Path) -> None:
    body = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("saved"), sys.exit(3)))
print("ready")
time.sleep(100)
"""
    process = start(tmp_path, body)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=240)
    assert (process.returncode, output) == (0, "saved\n")
    assert instance(tmp_path)[1].ended == "stopped"


def test_a_snapshot_that_it_names_is_kept_once_it_is_written(tmp_path: Path) -> None:
    body = """
print("solver.cpp:218] Iteration 100, loss = 0.5")
for name in ("net_iter_100.caffemodel", "net_iter_100.solverstate"):
    print(f"Snapshotting to binary proto file {name}")
    open(name, "w").write("weights")
print("Optimization Done.")
"""
    assert run(tmp_path, body, "--pattern", "caffe")[0] == 0
    (kept,) = snapshots(instance(tmp_path)[0] / "output")
    assert (kept.step, sorted(kept.files)) == (100, ["net_iter_100.caffemodel", "net_iter_100.solverstate"])


def test_a_dry_run_ends_with_the_first_numbers(tmp_path: Path) -> None:
    body = "import time\nprint('loading')\nprint('step=1 loss=3')\ntime.sleep(100)"
    code, output = run(tmp_path, body, TRAINYARD_DRY_RUN="1")
    assert code == 0
    assert output.splitlines()[-1] == "trainyard: the dry run is over: numbers were found in the output"


def test_more_output_than_can_be_read_does_not_hold_it_up_and_a_line_without_end_costs_no_memory(tmp_path: Path) -> None:
    body = "import os\nfor _ in range(400): os.write(1, b'x' * 100_000)\nos.write(1, b'\\n' + b'loss=1\\n' * 300_000)"
    process = start(tmp_path, body)
    assert process.stdout is not None
    total = sum(len(block) for block in iter(lambda: process.stdout.read(1 << 20), ""))  # type: ignore[union-attr]
    assert process.wait() == 0
    assert total >= 40_000_001 + 7 * 300_000


def test_what_it_leaves_running_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    body = "import subprocess\nprint('step=1 loss=2')\nprint(subprocess.Popen(['sleep', '1000']).pid)"
    code, output = run(tmp_path, body)
    assert code == 0
    os.kill(int(output.split()[-1]), signal.SIGKILL)
    assert instance(tmp_path)[1].ended == "completed"


def test_output_that_is_taken_slowly_is_taken_whole(tmp_path: Path) -> None:
    process = start(tmp_path, "print('x' * 1_000_000)")
    assert process.stdout is not None
    while not (tmp_path / "run").exists():
        assert process.poll() is None
    time.sleep(3)  # longer than it waits for what was left running
    assert len(process.communicate()[0]) == 1_000_001


def test_a_program_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainyard.training.parse", "--", "no-such-program"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / "core")})
    assert (done.returncode, done.stderr) == (127, "trainyard: no-such-program is no program that can be started\n")
    assert not (tmp_path / "run").exists()
