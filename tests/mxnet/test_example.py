"""The example of the mxnet image on real pictures: it learns, it saves when it is asked to stop, it needs no validation set."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.public import FASHION_MNIST_FOLDER, build_digits, build_fashion_mnist
from trainyard.formats.batch import write_batch
from trainyard.formats.plan import BatchPlan
from trainyard_service.public_datasets import fetch_digits

from tests.core.formats.pictures import source_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "images" / "mxnet" / "examples" / "trainings" / "mxnet" / "simple" / "train.py"


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits as RecordIO, four fifths to train with, shuffled by a fixed seed."""
    root = tmp_path_factory.mktemp("digits")
    build_digits(fetch_digits(ROOT / ".cache" / "packages"), root / "digits")
    return formatted(DatasetFolder(root / "digits").list_path, "classification.digits", root / "batch")


def formatted(listed: Path, label_set: str, batch: Path) -> Path:
    """The list as RecordIO in ``batch``, four fifths to train with."""
    plan = BatchPlan(list_path=listed, label_set=label_set, formats=("recordio",), ratios={"train": 0.8, "val": 0.2}, seed=1)
    write_batch(plan, source_of(listed), batch)
    return batch


def begin(python: Path, workspace: Path, sets: Path, *splits: str) -> subprocess.Popen[str]:
    """The example with the named splits in its workspace."""
    (workspace / "mnt" / "data").mkdir(parents=True)
    for split in splits:
        (workspace / "mnt" / "data" / split).symlink_to(sets / f"recordio-{split}")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "core"), "TRAINYARD_WORKSPACE": str(workspace)}
    command = [str(python), "-u", str(EXAMPLE)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd=workspace, text=True, stdout=pipe, stderr=subprocess.STDOUT)


def test_it_reaches_96_percent_on_digits(mxnet_python: Path, sets: Path, tmp_path: Path) -> None:
    assert accuracy_of(begin(mxnet_python, tmp_path, sets, "train", "val")) >= 0.96


@pytest.mark.skipif(not FASHION_MNIST_FOLDER.exists(), reason="Debian's dataset-fashion-mnist is not installed")
def test_it_reaches_88_percent_on_fashion_mnist(mxnet_python: Path, tmp_path: Path) -> None:
    """Three of the ten epochs that the example would choose by itself are enough."""
    build_fashion_mnist(tmp_path / "set")
    batch = formatted(DatasetFolder(tmp_path / "set").list_path, "classification.fashion-mnist", tmp_path / "batch")
    workspace = tmp_path / "workspace"
    (workspace / "params").mkdir(parents=True)
    (workspace / "params" / "default.json").write_text(json.dumps({"epochs": 3}))
    assert accuracy_of(begin(mxnet_python, workspace, batch, "train", "val")) >= 0.88


def accuracy_of(process: subprocess.Popen[str]) -> float:
    """The accuracy on the validation set that the example tells at its end."""
    out, _ = process.communicate()
    assert process.returncode == 0, out
    return [float(line.split("=")[1]) for line in out.splitlines() if line.startswith("accuracy/validation = ")][-1]


def test_without_a_validation_set_it_stops_when_asked_and_saves(mxnet_python: Path, sets: Path, tmp_path: Path) -> None:
    process = begin(mxnet_python, tmp_path, sets, "train")
    assert process.stdout is not None
    seen = ""
    while "Epoch[1]" not in seen:
        line = process.stdout.readline()
        assert line, seen
        seen += line
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate()
    assert process.returncode == 0, out
    assert list(tmp_path.glob("run/*/output/snapshot-model-*.json"))


def test_a_set_smaller_than_a_batch_is_trained_in_smaller_batches(mxnet_python: Path, sets: Path, tmp_path: Path) -> None:
    listed = DatasetFolder(sets.parent / "digits").list_path
    few = listed.with_name("few.jsonl")
    few.write_bytes(b"".join(listed.read_bytes().splitlines(keepends=True)[::250]))
    batch = formatted(few, "classification.digits", tmp_path / "batch")
    process = begin(mxnet_python, tmp_path / "workspace", batch, "train", "val")
    out, _ = process.communicate()
    assert process.returncode == 0, out
