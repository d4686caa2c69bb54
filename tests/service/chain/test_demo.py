"""``trainyard demo``: exit code 0 only if a model was trained and its snapshot downloads; every other end says why."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.core.cli.running import Run, in_this_process

from .conftest import write_pictures, zipped
from .test_chain import ENTRY

pytestmark = [pytest.mark.one_database, pytest.mark.slow]
STEPS = ["Sign in", "Join a group", "Wait for the image", "Wait for the dataset", "Format the dataset", "Train"]
REST = ["Read the accuracy", "Download the model"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    return in_this_process(monkeypatch, capsys, tmp_path / "config")


@pytest.fixture
def demo(run: Run, chain: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """``trainyard demo`` of the first administrator, over a public dataset of forty pictures and a quick image."""
    home = chain.context.home
    home.administrator_token.write_text(chain.account("admin", administrator=True).token)
    home.administrator_token.chmod(0o600)
    monkeypatch.setenv("TRAINYARD_HOME", str(home.root))
    listed = write_pictures(tmp_path / "pictures")
    archive = tmp_path / "pictures.zip"
    archive.write_bytes(zipped(listed.parent))
    made = run("datasets", "create", "shades", "--file", str(listed), "--pictures", str(archive), "--json").json
    run("datasets", "publish", made["id"])
    return lambda *more: run("demo", "--dataset", "shades", "--image", "workspace", *more)


def test_each_step_is_told_with_its_time_and_the_model_is_kept(demo: Run, tmp_path: Path) -> None:
    kept = tmp_path / "model.tar.gz"
    ran = demo("--entry", ENTRY, "--keep", str(kept), "--json")
    told = ran.json
    assert [one["step"] for one in told["steps"]] == [*STEPS, *REST]
    assert all(one["seconds"] >= 0 for one in told["steps"])
    assert (told["accuracy"], "50.00%" in ran.error, " s)" in ran.error) == (0.5, True, True)
    with tarfile.open(kept) as model:
        assert model.getnames()


def test_a_training_that_fails_is_exit_code_1_with_its_last_lines(demo: Run) -> None:
    ran = demo("--entry", "bash -c 'echo it is on fire; exit 3'")
    assert (ran.code, "✗ Train" in ran.out, "it is on fire" in ran.error) == (1, True, True)


def test_a_training_that_learns_nothing_is_exit_code_1(demo: Run) -> None:
    ran = demo("--entry", "bash -c true")
    assert (ran.code, "no validation accuracy" in ran.error) == (1, True)


def test_a_demo_that_takes_too_long_ends_and_stops_its_training(demo: Run, run: Run) -> None:
    ran = demo("--entry", "sleep 600", "--minutes", "0.2")
    assert (ran.code, "--minutes" in ran.error) == (1, True)
    assert run("jobs", "list", "--kind", "train", "--json").json[0]["wanted"] == "stop"


def test_a_platform_that_is_down_is_exit_code_3_and_names_make_run(demo: Run, chain: Any) -> None:
    chain.context.home.address.write_text("http://127.0.0.1:1")
    ran = demo("--json")
    assert (ran.code, json.loads(ran.error.splitlines()[-1])["error"]["code"]) == (3, "not-reachable")
    assert "make run" in ran.error


def test_nobody_elses_token_is_used(demo: Run, chain: Any) -> None:
    chain.context.home.administrator_token.chmod(0o640)
    ran = demo()
    assert (ran.code, "chmod 600" in ran.error) == (1, True)
