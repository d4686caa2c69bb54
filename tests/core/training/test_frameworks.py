"""The callbacks of each framework: curves, snapshots, a stop in the middle, going on from there, a try of one batch.

Each script trains on numbers that are made, for seconds, and takes the number of epochs and the epoch in which it is stopped.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainyard.metrics import RunReader, SeriesTable
from trainyard.training import state
from trainyard.training.snapshots import snapshots

from tests.frameworks import run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
SCRIPTS = Path(__file__).parent / "scripts"
FRAMEWORKS: dict[str, tuple[str, list[str], str]] = {
    "torch_loop": ("pytorch", ["model.pt", "training.pt"], "4 0.00810"),
    "lightning_fit": ("pytorch", ["model.ckpt"], ""),
    "keras_fit": ("tensorflow", ["model.keras"], "20"),
    "gluon_loop": ("mxnet", ["snapshot-0001.params", "snapshot-symbol.json", "trainer.states"], "20"),
}
"""Image, files of a snapshot, and what the optimizer remembers after 20 batches: of PyTorch the moments of four tensors and
the scheduled rate, of the others the number of updates."""
STANDARD = {
    "accuracy/validation", "learning_rate", "throughput/samples_per_second",
    "progress/epoch", "progress/batch", "progress/epochs",
}  # fmt: skip


def train(name: str, workspace: Path, epochs: int, stop: int = -1, **environment: str) -> tuple[int, list[str]]:
    code, output = run(FRAMEWORKS[name][0], [str(SCRIPTS / f"{name}.py"), str(epochs), str(stop)], workspace, **environment)
    return code, output.splitlines()


def begun(output: list[str]) -> str:
    """How it began; what TensorFlow says of the machine's processor stands before that."""
    return next(line for line in output if line.startswith("begin "))


def instance(workspace: Path) -> Path:
    (folder,) = (workspace / "run").iterdir()
    return folder


def curves(workspace: Path) -> SeriesTable:
    table = SeriesTable()
    table.apply(RunReader(workspace / "run", f"{instance(workspace).name}/logs").poll().updates)
    return table


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_it_is_stopped_in_the_middle_and_goes_on_from_there(name: str, tmp_path: Path) -> None:
    code, output = train(name, tmp_path, epochs=4, stop=2)
    assert code == 0, output
    assert begun(output).split()[:3] == ["begin", "0", "0"]
    folder = instance(tmp_path)
    first, _, middle = snapshots(folder / "output")
    assert (first.epoch, first.step, sorted(first.files)) == (1, 8, FRAMEWORKS[name][1])
    assert (middle.epoch, middle.step) == (2, 20)
    content = state.read(folder)
    assert content is not None
    assert (content.state, content.ended) == ("done", "stopped")

    code, output = train(name, tmp_path, epochs=8)
    assert code == 0, output
    assert begun(output) == f"begin 2 20 {FRAMEWORKS[name][2]}".strip()
    assert float(output[-1].split()[1]) > 0.9
    table = curves(tmp_path)
    assert set(table.by_tag) >= STANDARD
    steps = table.by_tag["progress/batch"].points.steps.tolist()
    assert steps == sorted(set(steps)), "a curve that goes on never goes back"
    # Lightning goes on in the middle of the epoch, the others begin it again
    assert steps[-1] == (64 if name == "lightning_fit" else 68)
    assert max(one.epoch for one in snapshots(folder / "output")) == 8


@pytest.fixture
def hanging() -> Iterator[str]:
    """A platform that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []
        threading.Thread(target=lambda: [taken.append(server.accept()) for _ in range(1000)], daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("name", ["lightning_fit", "keras_fit"])
def test_a_dry_run_is_one_batch_also_while_the_platform_hangs(name: str, hanging: str, tmp_path: Path) -> None:
    platform = {"TRAINYARD_URL": hanging, "TRAINYARD_TRAINING": "a" * 16, "TRAINYARD_TOKEN": "x"}
    code, output = train(name, tmp_path, epochs=1000, TRAINYARD_DRY_RUN="1", **platform)
    assert code == 0, output
    assert output[-1].startswith("trainyard: the dry run is over: one batch was trained without an error (")
    assert curves(tmp_path).by_tag["progress/batch"].points.steps.tolist() == [1]
    assert not snapshots(instance(tmp_path) / "output")
