"""The folder of sockets is short-lived and ours alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from trainyard_pages import runtime


def test_it_is_open_to_nobody_else(tmp_path: Path) -> None:
    assert runtime.make(tmp_path).stat().st_mode & 0o777 == 0o700


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f"{runtime.PREFIX}{ended.pid}-abc"
    left.mkdir()
    runtime.make(tmp_path)
    assert not left.exists()


def test_another_running_process_and_other_files_are_left_alone(tmp_path: Path) -> None:
    other, file = tmp_path / f"{runtime.PREFIX}1-abc", tmp_path / "precious"
    other.mkdir()
    file.mkdir()
    runtime.make(tmp_path)
    assert other.exists()
    assert file.exists()
