"""Format jobs killed with -9 at random moments end with the same bytes, in every format and whoever shared the work."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from trainyard.formats.batch import Hands, join_shards, write_batch, write_shard
from trainyard.formats.job import JobSpec, encode_spec
from trainyard.formats.picture import Recipe
from trainyard.formats.plan import BatchPlan
from trainyard.formats.registry import FORMATS
from trainyard.formats.spool import Shard

from tests.core.formats.pictures import boxed_list, encoded, plan_of, same_sets, source_of

pytestmark = [pytest.mark.slow, pytest.mark.survival]
ROUNDS = 10
_FAST = (
    "import sys, trainyard.formats.flow as flow; from trainyard.formats.job import main;"
    "flow.CHECKPOINT_SECONDS = 0.03; flow.TELL_SECONDS = 0.02; sys.exit(main(sys.argv))"
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> BatchPlan:
    """Every format, of 1,200 lines with boxes; one picture in forty is cut off."""
    folder = tmp_path_factory.mktemp("list")
    listed = boxed_list(folder, 40)
    (folder / "pictures" / "00003.jpg").write_bytes(encoded()[:-50])
    lines = listed.read_text().splitlines(keepends=True)
    listed.write_text("".join(itertools.islice(itertools.cycle(lines), 1200)))
    return plan_of(listed, label_set="detection.things", formats=tuple(FORMATS), recipe=Recipe("200"), bad_limit=1.0)


@pytest.fixture(scope="module")
def whole(plan: BatchPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a job that nobody disturbs makes."""
    folder = tmp_path_factory.mktemp("whole") / "batch"
    write_batch(plan, source_of(plan.list_path), folder)
    return folder


@pytest.fixture
def moments(request: pytest.FixtureRequest) -> Iterator[float]:
    """When to kill, in seconds; other moments in every round of a soak."""
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    rng = random.Random(parameters.get("soak_round", 0))
    return iter(lambda: rng.uniform(0.25, 0.9), None)


def killed_until_done(spec: JobSpec, moments: Iterator[float], rounds: int = ROUNDS) -> None:
    """Run the job, kill it at up to so many moments, and let it end then."""
    written = spec.progress.with_suffix(".spec")
    written.write_bytes(encode_spec(spec))
    for _ in range(rounds):
        running = subprocess.Popen([sys.executable, "-c", _FAST, str(written)], stdout=subprocess.DEVNULL)
        time.sleep(next(moments))
        running.kill()
        if running.wait() == 0:
            break
    assert subprocess.run([sys.executable, "-c", _FAST, str(written)], stdout=subprocess.DEVNULL).returncode == 0


def spec_of(plan: BatchPlan, folder: Path, shards: int = 1, shard: int | None = None) -> JobSpec:
    folder.mkdir(parents=True)
    roots, progress = {"": plan.list_path.parent / "pictures"}, folder.with_suffix(".progress.json")
    return JobSpec(plan, folder, roots, progress, shards=shards, shard=shard)


def test_a_killed_job_goes_on_to_the_same_bytes(plan: BatchPlan, whole: Path, tmp_path: Path, moments: Iterator[float]) -> None:
    killed_until_done(spec_of(plan, tmp_path / "batch"), moments)
    assert same_sets(tmp_path / "batch", whole)


def test_a_killed_shard_goes_on_to_the_same_bytes(
    plan: BatchPlan, whole: Path, tmp_path: Path, moments: Iterator[float]
) -> None:
    first, second = Shard(0, 2), Shard(1, 2)
    folder = tmp_path / "batch"
    write_shard(plan, second, source_of(plan.list_path), second.folder(folder))
    killed_until_done(spec_of(plan, first.folder(folder), shards=2, shard=0), moments, ROUNDS // 2)
    join_shards(plan, 2, folder)
    assert same_sets(folder, whole)


def test_a_killed_join_goes_on_to_the_same_bytes(
    plan: BatchPlan, whole: Path, tmp_path: Path, moments: Iterator[float]
) -> None:
    spec = spec_of(plan, tmp_path / "batch", shards=2)
    for number in range(2):
        shard = Shard(number, 2)
        write_shard(plan, shard, source_of(plan.list_path), shard.folder(spec.folder), Hands())
    killed_until_done(spec, moments, ROUNDS // 2)
    assert same_sets(spec.folder, whole)
