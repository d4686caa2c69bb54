"""The launcher's contract once more, as an ordinary user: root runs it in a process that has given up its rights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY_ELSE = 19998
CONTRACT = "tests/spawner/test_sandbox_launcher.py::TestWithWhatTheMachineOffers"


@pytest.mark.slow
@pytest.mark.rootless
@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has run the contract already")
def test_the_contract_holds_for_an_ordinary_user() -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", CONTRACT]
    environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    told = subprocess.run(
        argv,
        cwd=ROOT,
        env=environment,
        user=NOBODY_ELSE,
        group=NOBODY_ELSE,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-2000:]
