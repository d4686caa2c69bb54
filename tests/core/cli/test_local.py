"""``train submit --local``: the script runs here, and its end is the command's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.core.cli.running import Run


def test_a_training_runs_here_and_its_failure_is_the_commands(
    run: Run, service: Any, sign_in: Callable[[Any], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(service.account("alice"))
    monkeypatch.chdir(tmp_path)
    words = ("train", "submit", "first", "--local", "--group", "vision", "--package", "1Core2G", "--log-pattern", "key-value")
    (tmp_path / "good.py").write_text("print('step=1 loss=2')")
    good = run(*words, "--entry", "python good.py")
    assert (good.code, good.out) == (0, "step=1 loss=2\n")
    assert len(list(tmp_path.glob("local/first/run/*/logs/events*"))) == 1
    (tmp_path / "bad.py").write_text("raise SystemExit(7)")
    assert run(*words, "--entry", "python bad.py").code == 1
