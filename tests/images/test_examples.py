"""The examples of the images train real networks on sets the platform's formats made, each read by the right reader for it."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.public import build_digits
from trainyard.formats.batch import write_batch
from trainyard.formats.plan import BatchPlan
from trainyard.jobs.replicas import Meeting, environment, first_port, members, parts_of
from trainyard.records.distributed import Distributed, DistributedKind
from trainyard.training.snapshots import snapshots
from trainyard_service.public_datasets import fetch_digits

from tests.core.formats.pictures import source_of
from tests.frameworks import ROOT, run, script
from tests.images.shapes import LABEL_SET, make_shapes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
DIGITS = ("webdataset", "lmdb", "tfrecord", "recordio")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,500 real digits in four formats, four fifths to train with."""
    root = tmp_path_factory.mktemp("digits")
    build_digits(fetch_digits(ROOT / ".cache" / "packages"), root / "set")
    whole = DatasetFolder(root / "set").list_path
    listed = whole.with_name("half.jsonl")
    listed.write_bytes(b"".join(whole.read_bytes().splitlines(keepends=True)[::2]))
    ratios = {"train": 0.8, "val": 0.2}
    plan = BatchPlan(list_path=listed, label_set="classification.digits", formats=DIGITS, ratios=ratios, seed=1)
    write_batch(plan, source_of(listed), root / "batch")
    return root / "batch"


def lay_out(workspace: Path, sets: Path, format: str, **parameters: object) -> None:
    """The sets of ``format`` and hyper-parameters, as a job sees them."""
    (workspace / "mnt" / "data").mkdir(parents=True)
    (workspace / "params").mkdir()
    for split in ("train", "val"):
        (workspace / "mnt" / "data" / split).symlink_to(sets / f"{format}-{split}")
    (workspace / "params" / "default.json").write_text(json.dumps(parameters))


def example(image: str, name: str = "simple") -> list[str]:
    return [str(ROOT / "images" / image / "examples" / "trainings" / image / name / "train.py")]


def told(output: str, tag: str) -> float:
    """The last value of ``tag`` that an example tells at its end."""
    return [float(line.split("=")[1]) for line in output.splitlines() if line.startswith(f"{tag} = ")][-1]


@pytest.mark.parametrize(
    ("image", "format"),
    [
        ("pytorch", "webdataset"),
        ("tensorflow", "tfrecord"),
        pytest.param("tensorflow", "recordio", marks=pytest.mark.soak),
        pytest.param("mindspore", "recordio", marks=pytest.mark.soak),
    ],
)
def test_it_learns_digits(image: str, format: str, digits: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, digits, format, epochs=4, batch_size=64)
    code, output = run(image, example(image), tmp_path)
    assert code == 0, output
    assert told(output, "accuracy/validation") >= 0.92, output
    kept = snapshots(next((tmp_path / "run").glob("*/output")))
    assert kept[-1].epoch == 4
    assert "labels.csv" in kept[-1].files
    assert kept[-1].metrics["accuracy/validation"] >= 0.92


@pytest.mark.parametrize(
    ("image", "format"),
    [
        ("pytorch", "webdataset"),
        ("mxnet", "recordio"),
        pytest.param("tensorflow", "tfrecord", marks=pytest.mark.soak),
    ],
)
def test_two_workers_learn_digits_as_one_does(image: str, format: str, digits: Path, tmp_path: Path) -> None:
    """Half the batch each: together they make the steps that one worker makes above, and reach what that reaches."""
    lay_out(tmp_path, digits, format, epochs=4, batch_size=32)
    parts = members(parts_of(Distributed(kind=DistributedKind(image), workers=2)), "1Core2G")
    meets = Meeting(DistributedKind(image), parts, ["127.0.0.1"] * len(parts), first_port(f"{os.getpid():08x}", 1))
    programs = {one.name: script(image, example(image), tmp_path, **environment(meets, one)) for one in parts}
    with ThreadPoolExecutor(len(programs)) as pool:
        said = dict(zip(programs, pool.map(lambda one: one.communicate()[0], programs.values()), strict=True))
    assert [one.returncode for one in programs.values()] == [0] * len(parts), said
    assert told(said["worker0"], "accuracy/validation") >= 0.92, said["worker0"]
    assert "accuracy/validation" not in said["worker1"]
    (instance,) = (tmp_path / "run").iterdir()
    assert snapshots(instance / "output")[-1].epoch == 4


def test_a_detector_finds_shapes(tmp_path: Path) -> None:
    listed = make_shapes(tmp_path / "set", 250)
    plan = BatchPlan(list_path=listed, label_set=LABEL_SET, formats=("recordio",), seed=1)
    write_batch(plan, source_of(listed), tmp_path / "batch")
    lay_out(tmp_path / "workspace", tmp_path / "batch", "recordio", epochs=12, batch_size=8)
    code, output = run("pytorch", example("pytorch", "detection"), tmp_path / "workspace")
    assert code == 0, output
    assert told(output, "map/validation") >= 0.6, output


def test_asked_to_stop_it_saves_and_goes_on_with_the_same_instance(digits: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, digits, "lmdb", epochs=4, batch_size=64)
    process = script("pytorch", example("pytorch"), tmp_path)
    assert process.stdout is not None
    seen = ""
    while "Epoch[1]" not in seen:
        line = process.stdout.readline()
        assert line, seen
        seen += line
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate()
    assert process.returncode == 0, seen + rest
    code, output = run("pytorch", example("pytorch"), tmp_path)
    assert code == 0, output
    assert "going on after epoch 1" in output
    assert len(list((tmp_path / "run").iterdir())) == 1
    assert told(output, "accuracy/validation") >= 0.92, output


def test_a_detector_without_boxes_says_so(digits: Path, tmp_path: Path) -> None:
    lay_out(tmp_path, digits, "lmdb")
    code, output = run("pytorch", example("pytorch", "detection"), tmp_path)
    assert code == 1
    assert output.splitlines()[-1].startswith("The pictures of ")
    assert not (tmp_path / "run").exists()


def test_a_detector_does_not_train_the_same_on_every_worker(tmp_path: Path) -> None:
    code, output = run("pytorch", example("pytorch", "detection"), tmp_path, RANK="1", WORLD_SIZE="2")
    assert code == 1
    assert output.startswith("This example trains in one process")


def test_the_script_of_the_documentation_trains(digits: Path, tmp_path: Path) -> None:
    blocks = (ROOT / "docs" / "training.md").read_text(encoding="utf-8").split("```python\n")[1:]
    (block,) = [one.partition("```")[0] for one in blocks if "FormattedDataset(places" in one]
    (tmp_path / "train.py").write_text(block)
    lay_out(tmp_path, digits, "lmdb", epochs=2)
    code, output = run("pytorch", ["train.py"], tmp_path)
    assert code == 0, output
    assert len(snapshots(next((tmp_path / "run").glob("*/output")))) == 2
