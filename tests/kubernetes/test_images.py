"""`make images` on a base of Debian's packages: JupyterLab answers, a network learns, with no rights and no network."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainyard.datasets.folder import DatasetFolder
from trainyard.datasets.public import build_digits
from trainyard.formats.batch import write_batch
from trainyard.formats.plan import BatchPlan
from trainyard_service.public_datasets import fetch_digits

from tests.core.formats.pictures import source_of
from tests.frameworks import ROOT
from tests.kubernetes.catalogue_images import CATALOGUE, PREFIX, make_catalogue_images
from tests.kubernetes.conftest import until

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1800)]
IMAGES = (*CATALOGUE, "tensorflow:2.21.0")
CONFINED = ("--rm", "--network=none", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--user=20001:20001")


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", autouse=True)
def images(namespace: str) -> str:
    """What was printed when they were built."""
    return make_catalogue_images("tensorflow:2.21.0")


def test_sizes_are_told(images: str) -> None:
    told = [line.split()[0] for line in images.splitlines() if line.endswith(" MB")]
    assert told == [f"{PREFIX}base:bookworm", *(f"{PREFIX}{name}" for name in IMAGES)]


@pytest.fixture
def lab() -> Iterator[str]:
    """A container in which JupyterLab runs, its home a folder of memory."""
    command = "jupyter lab --no-browser --ip=127.0.0.1 --port=8888 --IdentityProvider.token=secret"
    name = docker("run", "-d", *CONFINED, "-e", "HOME=/tmp",
                  f"{PREFIX}workspace:2026.11", "bash", "-c", command).strip()  # fmt: skip
    yield name
    docker("kill", name)


def test_jupyterlab_answers_in_the_workspace_image(lab: str) -> None:
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8888/lab?token=secret').status)"

    def answers() -> bool:
        done = subprocess.run(["docker", "exec", lab, "python", "-c", ask], capture_output=True, text=True, check=False)
        return done.stdout.strip() == "200"

    until(answers, 120)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_jupyterlab_our_package_and_an_ordinary_user(image: str) -> None:
    look = "import trainyard, trainyard.training, jupyterlab, ipykernel, os; print(os.getuid())"
    assert docker("run", "--rm", "--network=none", f"{PREFIX}{image}", "python", "-c", look).strip() == "1000"
    docker("run", *CONFINED, f"{PREFIX}{image}", "jupyterhub-singleuser", "--version")


@pytest.mark.parametrize(("image", "format_"), [("mxnet:1.9.1", "recordio"), ("tensorflow:2.21.0", "tfrecord")])
def test_an_image_learns_digits(image: str, format_: str, tmp_path: Path) -> None:
    build_digits(fetch_digits(ROOT / ".cache" / "packages"), tmp_path / "set")
    listed = DatasetFolder(tmp_path / "set").list_path
    plan = BatchPlan(
        list_path=listed, label_set="classification.digits", formats=(format_,), ratios={"train": 0.8, "val": 0.2}, seed=1
    )
    write_batch(plan, source_of(listed), tmp_path / "batch")
    for folder in ("params", "run"):
        (tmp_path / folder).mkdir()
    (tmp_path / "params/default.json").write_text(json.dumps({"epochs": 3, "batch_size": 64}))
    os.chown(tmp_path / "run", 20001, 20001)
    mounts = [f"{tmp_path}/batch/{format_}-{split}:/workspace/mnt/data/{split}:ro" for split in ("train", "val")]
    mounts += [f"{tmp_path}/params:/workspace/params:ro", f"{tmp_path}/run:/workspace/run"]
    said = docker("run", *CONFINED, *(f"-v={mount}" for mount in mounts), f"{PREFIX}{image}",
                  f"/workspace/examples/trainings/{image.partition(':')[0]}/simple/start.sh")  # fmt: skip
    reached = [float(line.split("=")[1]) for line in said.splitlines() if line.startswith("accuracy/validation = ")]
    assert reached[-1] >= 0.9, said
