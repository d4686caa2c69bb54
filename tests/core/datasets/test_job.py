"""The job that makes a dataset says what stands in its way."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from trainyard.words import translate


def run(folder: Path, **spec: Any) -> tuple[int, dict[str, Any]]:
    """The exit code of the job and what it told at last."""
    folder.mkdir(parents=True, exist_ok=True)
    written = folder.parent.parent / "spec.json"
    written.write_text(json.dumps({"folder": str(folder), **spec}))
    done = subprocess.run([sys.executable, "-m", "trainyard.datasets.job", str(written)], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads((folder / "progress.json").read_text())


def listed(path: Path, lines: int) -> Path:
    path.write_text("".join(f'{{"url":"{n}.jpg","class":{{"s":"{n % 100}"}}}}\n' for n in range(lines)))
    return path


@pytest.mark.root
@pytest.mark.parametrize("lines", [20_000, 40_000], ids=["at the index", "at the list"])
def test_a_disk_that_runs_full_is_said_and_other_datasets_stay(tmp_path: Path, small_disk: Path, lines: int) -> None:
    assert run(small_disk / "old", list=str(listed(tmp_path / "short.jsonl", 10)))[0] == 0
    before = {path.name: path.read_bytes() for path in (small_disk / "old").iterdir()}
    status, told = run(small_disk / "new", list=str(listed(tmp_path / "long.jsonl", lines)))
    assert (status, told["error"]["code"]) == (2, "disk-full")
    assert {path.name: path.read_bytes() for path in (small_disk / "old").iterdir()} == before


def test_a_list_of_broken_lines_is_refused_with_the_first_reason_in_the_readers_language(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text('{"url":""}\n')
    status, told = run(tmp_path / "made" / "dataset", list=str(tmp_path / "list.jsonl"))
    error = told["error"]
    assert (status, error["code"]) == (2, "list-without-samples")
    assert "in line 1, column 8: url is empty." in translate(error["message"], "en", **error["values"])
    assert "url 为空" in translate(error["message"], "zh", **error["values"])
