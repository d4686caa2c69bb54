"""The format job on what the world sends: broken lines, missing and truncated pictures, and disks that run full."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from trainyard.formats.job import REFUSED, JobSpec, encode_spec
from trainyard.formats.manifest import read_manifest
from trainyard.formats.picture import Recipe
from trainyard.formats.registry import FORMATS
from trainyard.words import translate

from tests.core.formats.pictures import encoded, make_list, plan_of


def run(list_path: Path, folder: Path, **more: Any) -> tuple[int, dict[str, Any]]:
    """The exit status of a job that makes a batch in ``folder`` of the list, and what it told at last."""
    plan = msgspec.structs.replace(plan_of(list_path), **more)
    progress = folder.with_name(f"{folder.name}.progress.json")
    spec = list_path.with_name(f"{folder.name}.json")
    spec.write_bytes(encode_spec(JobSpec(plan, folder, {"": list_path.parent / "pictures"}, progress)))
    done = subprocess.run([sys.executable, "-m", "trainyard.formats.job", str(spec)], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(progress.read_text()) if progress.exists() else {"error": done.stderr}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def said(told: dict[str, Any], language: str) -> str:
    error = told["error"]
    return translate(error["message"], language, **error["values"]) + translate(error["hint"], language, **error["values"])


def test_broken_lines_missing_and_truncated_pictures_are_left_out_and_named(tmp_path: Path) -> None:
    listed = make_list(tmp_path)
    with listed.open("a") as file:
        file.write('{"url": ""}\nnot json\n')
    (tmp_path / "pictures" / "00003.jpg").write_bytes(encoded()[:-50])
    (tmp_path / "pictures" / "00004.jpg").unlink()
    status, told = run(listed, tmp_path / "batch", bad_limit=0.2)
    assert (status, told["state"], told["done"], told["skipped"]) == (0, "done", 20, 2)
    assert sorted((one.line, one.code) for one in read_manifest(tmp_path / "batch").skipped) == [
        (4, "picture-truncated"),
        (5, "picture-missing"),
    ]


def test_too_many_bad_pictures_are_refused_with_the_first_reason_in_the_readers_language(tmp_path: Path) -> None:
    listed = make_list(tmp_path)
    for number in range(5):
        (tmp_path / "pictures" / f"{number:05d}.jpg").unlink()
    status, told = run(listed, tmp_path / "batch", shuffle=False)
    assert status == REFUSED
    assert "The first is 00000.jpg in line 1: There is no such file." in said(told, "en")
    assert "00000.jpg" in said(told, "zh") and "文件不存在" in said(told, "zh")


@pytest.mark.root
@pytest.mark.parametrize("container", [name for name, one in FORMATS.items() if "class" in one.accepts])
def test_a_disk_that_runs_full_is_said_and_leaves_the_old_batch_alone(tmp_path: Path, small_disk: Path, container: str) -> None:
    listed = make_list(tmp_path, 60)
    assert run(listed, small_disk / "old", formats=(container,))[0] == 0
    before = contents(small_disk / "old")
    status, told = run(listed, small_disk / "new", formats=(container,), recipe=Recipe("900"))
    assert (status, told["state"], told["error"]["code"]) == (REFUSED, "failed", "disk-full")
    assert "are free now" in said(told, "en") and "磁盘已满" in said(told, "zh")
    assert not list((small_disk / "new").iterdir())
    assert contents(small_disk / "old") == before


@pytest.mark.root
def test_a_disk_that_is_full_from_the_start_is_said(tmp_path: Path, small_disk: Path) -> None:
    listed = make_list(tmp_path)
    with suppress(OSError), (small_disk / "other").open("wb", buffering=0) as other:
        while other.write(bytes(4096)):
            pass
    status, told = run(listed, small_disk / "batch")
    assert (status, "The disk is full" in str(told["error"])) == (REFUSED, True)
