"""What others wrote never ends a reader but by what it promises, as far as a fuzzer guided by coverage gets in a minute."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

TARGETS = ("list", "graph", "voc", "picture", "recordio", "lmdb", "tfrecord", "webdataset")


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.skipif(find_spec("atheris") is None, reason="needs atheris: pip install atheris")
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_that_was_written_by_others_surprises_a_reader(tmp_path: Path, target: str) -> None:
    argv = [sys.executable, "-m", "tests.fuzz", target, "-max_total_time=60", "-timeout=20", f"-artifact_prefix={tmp_path}/"]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert ended.returncode == 0, ended.stderr[-4000:]
