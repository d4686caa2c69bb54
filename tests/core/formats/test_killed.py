"""A batch with boxes in all formats is killed again and again, and ends with the bytes of one that was let alone."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from trainyard.formats.job import JobSpec, encode_spec
from trainyard.formats.manifest import MANIFEST
from trainyard.formats.picture import Recipe
from trainyard.formats.plan import BatchPlan
from trainyard.formats.registry import FORMATS

from tests.core.formats.pictures import encoded, same_sets

ROUNDS = 20

HURRIED = (
    "import sys, trainyard.formats.flow as flow; from trainyard.formats.job import main;"
    "flow.CHECKPOINT_SECONDS = 0.05; flow.TELL_SECONDS = 0.02; sys.exit(main(sys.argv))"
)


def list_with_boxes(folder: Path, count: int) -> Path:
    """``count`` lines over 30 pictures, one of them broken."""
    (folder / "pictures").mkdir()
    lines = []
    for number in range(30):
        (folder / "pictures" / f"{number}.jpg").write_bytes(encoded(seed=number)[: -50 if number == 7 else None])
        data = [{"class": "cat", "bbox": [[1, 2], [20, 25]]}, {"class": "dog", "bbox": [[number % 9, 0], [40, 30]]}]
        label = [{"name": "animal", "type": "detection", "data": data[: 1 + number % 2]}]
        lines.append(json.dumps({"url": f"{number}.jpg", "type": "image", "label": label}))
    (folder / "index.jsonl").write_text("\n".join(itertools.islice(itertools.cycle(lines), count)) + "\n")
    return folder / "index.jsonl"


def job(folder: Path, listed: Path) -> list[str]:
    """The command that makes the batch in ``folder``."""
    plan = BatchPlan(
        list_path=listed, label_set="detection.animal", formats=tuple(FORMATS), recipe=Recipe("36"), bad_limit=1, seed=3
    )
    spec = JobSpec(plan, folder, {"": listed.parent / "pictures"}, folder.with_suffix(".progress.json"))
    folder.with_suffix(".json").write_bytes(encode_spec(spec))
    return [sys.executable, "-c", HURRIED, str(folder.with_suffix(".json"))]


def was_killed(argv: list[str], seconds: float) -> bool:
    """Run the job, and kill it after so long if it still runs."""
    running = subprocess.Popen(argv)
    try:
        assert running.wait(seconds) == 0
    except subprocess.TimeoutExpired:
        running.kill()
        return running.wait() != 0
    return False


@pytest.mark.slow
@pytest.mark.survival
def test_batches_of_all_formats_killed_twenty_times_end_with_the_same_bytes(tmp_path: Path, dice: random.Random) -> None:
    listed, whole, killed = list_with_boxes(tmp_path, 1200), tmp_path / "whole", tmp_path / "killed"
    assert subprocess.run(job(whole, listed)).returncode == 0
    argv, kills = job(killed, listed), 0
    for _ in range(ROUNDS):
        kills += was_killed(argv, dice.uniform(0.3, 1.1))
        if (killed / MANIFEST).exists():  # what can be seen is whole, also when it was killed right afterwards
            assert same_sets(killed, whole)
            shutil.rmtree(killed)
    assert subprocess.run(argv).returncode == 0
    assert same_sets(killed, whole)
    assert kills
