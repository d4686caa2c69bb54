"""The chain from a terminal, one command after the other, as somebody types them; see ``docs/cli.md``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from trainyard_spawner.locks import Lock

from tests.core.cli.running import PROGRAM, Run, environment, in_this_process

from .conftest import until, write_pictures, zipped
from .test_chain import ENTRY

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``run("datasets", "list")`` as whoever ``sign_in`` named."""
    return in_this_process(monkeypatch, capsys, tmp_path / "config")


@pytest.fixture
def anna(chain: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A member of ``vision``, whose token the commands have."""
    person = chain.account("anna", chain.group("vision"))
    monkeypatch.setenv("TRAINYARD_URL", chain.address)
    monkeypatch.setenv("TRAINYARD_TOKEN", person.token)
    return person


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, Path]:
    """A list of 40 pictures with one broken line, and their archive."""
    folder = tmp_path / "街景"
    path = write_pictures(folder)
    archive = tmp_path / "pictures.zip"
    archive.write_bytes(zipped(folder))
    return path, archive


@pytest.fixture
def shades(run: Run, anna: Any, pictures: tuple[Path, Path]) -> str:
    """The identifier of a dataset that Anna made with one command."""
    made = run("datasets", "create", "shades", "--file", str(pictures[0]), "--pictures", str(pictures[1]), "--json")
    return str(made.json["id"])


@pytest.fixture
def sets(run: Run, shades: str) -> str:
    """The identifier of a batch of it."""
    return str(run("format", shades, "--split", "0.75,0.25", "--seed", "3", "--json").json["id"])


@contextmanager
def started(arguments: list[str], chain: Any, person: Any) -> Iterator[Callable[[], tuple[int, str]]]:
    """A command in a process of its own that waits, as its terminal shows; it is called for a Ctrl-C, and gives the exit code
    and what was said."""
    terminal, inside = os.openpty()
    env = environment(TRAINYARD_URL=chain.address, TRAINYARD_TOKEN=person.token)
    process = subprocess.Popen([*PROGRAM, *arguments], env=env, stdout=subprocess.DEVNULL, stderr=inside)
    os.close(inside)
    said = b""

    def interrupt() -> tuple[int, str]:
        nonlocal said
        process.send_signal(signal.SIGINT)
        with suppress(OSError):  # a terminal ends with the last who writes to it
            while data := os.read(terminal, 4096):
                said += data
        return process.wait(120), said.decode()

    try:
        while b"\033[K" not in said:
            said += os.read(terminal, 4096)
        yield interrupt
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def test_a_list_becomes_a_dataset_that_is_looked_into_and_given_away(
    run: Run, chain: Any, anna: Any, shades: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = run("datasets", "stats", "shades", "--json").json
    assert statistics["label_sets"][0]["classes"] == {"light": 20, "暗": 20}
    assert "41" in run("datasets", "stats", "shades").out
    dark = run(
        "datasets", "samples", "shades", "--label-set", "classification.shade", "--class", "暗", "--limit", "3", "--json"
    )
    assert [one["line"] for one in dark.json] == [2, 4, 6]
    picture = run("datasets", "picture", "shades", "2", str(tmp_path / "two"), "--json").json
    assert (tmp_path / "two").read_bytes().startswith(b"\x89PNG") and picture["bytes"] > 0
    assert run("datasets", "download", "shades", str(tmp_path / "list"), "--json").json["bytes"] > 1000
    assert run("datasets", "share", "shades", "vision", "--json").json["shares"][0]["group"] == "vision"
    assert run("datasets", "unshare", "shades", "vision", "--json").json["shares"] == []
    assert run("datasets", "rename", "shades", "夜", "--json").json["name"] == "夜"
    assert run("datasets", "describe", "夜", "day and night", "--json").json["description"] == "day and night"
    twin = run("datasets", "copy", "夜", "twin", "--json").json["id"]
    assert {one["name"] for one in run("datasets", "list", "--json").json} == {"夜", "twin"}
    assert run("datasets", "publish", "twin").code == 1
    monkeypatch.setenv("TRAINYARD_TOKEN", chain.account("boss", administrator=True).token)
    assert run("datasets", "publish", twin, "--json").json["shares"][0]["group"] is None
    assert run("datasets", "unpublish", twin, "--json").json["shares"] == []
    monkeypatch.setenv("TRAINYARD_TOKEN", anna.token)
    assert run("datasets", "delete", "twin", "--json").json["deleted"]
    assert "夜" in run("datasets", "list").out


def test_who_makes_a_dataset_is_told_which_lines_were_left_out(run: Run, anna: Any, pictures: tuple[Path, Path]) -> None:
    made = run("datasets", "create", "shades", "--file", str(pictures[0]), "--pictures", str(pictures[1]))
    assert made.code == 0
    assert "1 left out, the first in line 41: " in made.error
    assert "`trainyard datasets stats " in made.error


def test_formatting_goes_on_after_ctrl_c_and_says_how_to_come_back(run: Run, chain: Any, anna: Any, shades: str) -> None:
    nothing_starts = Lock.take(chain.context.home.launches / ".guard")
    with nothing_starts, started(["format", shades, "--formats", "recordio,lmdb"], chain, anna) as interrupt:
        code, said = interrupt()
    batch = run("datasets", "show", shades, "--json").json["batches"][0]["id"]
    assert (code, f"trainyard batches wait {batch}" in said, "Traceback" in said) == (130, True, False)
    assert [one["ready"] for one in run("batches", "wait", batch, "--json").json["sets"]] == [True] * 4
    assert run("batches", "show", batch, "--json").json["state"] == "finished"
    assert len(run("batches", "list", "--dataset", "shades", "--json").json) == 4
    lmdb = next(one["id"] for one in run("batches", "list", "--json").json if one["format"] == "lmdb")
    assert "import" in " ".join(run("batches", "loader", lmdb, "--json").json.values())
    assert run("batches", "delete-set", lmdb, "--json").json["deleted"] == lmdb
    assert run("batches", "delete", batch, "--json").json["deleted"] == batch


def test_a_training_is_submitted_followed_and_its_numbers_and_model_are_there(run: Run, sets: str, tmp_path: Path) -> None:
    submit = ["train", "submit", "first", "--batch", sets, "--image", "workspace", "--package", "1Core2G", "--entry", ENTRY]
    ran = run(*submit, "--follow", "--json")
    assert (ran.json["job"]["state"], "30 samples, 3 epochs" in ran.error) == ("finished", True)
    log = run("train", "logs", "first").out
    assert ("30 samples, 3 epochs" in log, run("train", "logs", "first", "--tail", "9").out) == (True, log[-9:])
    curves = run("train", "metrics", "first", "--tags", "loss/train", "--json").json
    assert curves["series"][0]["steps"] == [10, 20, 30]
    assert run("train", "metrics", "first", "--csv").out.startswith("tag,step,time,value\n")
    assert "loss/train" in run("train", "metrics", "first").out
    assert "tensorboard" in run("train", "tensorboard", "first").out
    kept = run("models", "list", "--training", "first", "--json").json[0]
    got = run("models", "get", kept["id"], str(tmp_path / "model"), "--json").json
    assert (got["sha256"], (tmp_path / "model").stat().st_size) == (kept["sha256"], got["bytes"])
    own = run("models", "put", str(tmp_path / "model"), "--name", "自己的", "--json").json
    assert run("models", "show", "自己的", "--json").json["sha256"] == kept["sha256"]
    assert run("models", "delete", own["id"], "--json").json["deleted"] == own["id"]
    assert run("batches", "delete", sets).code == 1
    assert run("train", "start", "first", "--json").json["name"] == "first"
    assert run("train", "wait", "first", "--json").json["job"]["attempt"] == 2
    assert run("train", "delete", "first", "--json").json["deleted"]


def test_a_training_that_fails_is_exit_code_1_with_the_last_lines(run: Run, anna: Any) -> None:
    entry = "bash -c 'echo the disk is on fire; exit 3'"
    ran = run("train", "submit", "bad", "--image", "workspace", "--package", "1Core2G", "--entry", entry, "--wait")
    assert (ran.code, "the disk is on fire" in ran.error, "Traceback" in ran.error) == (1, True, False)
    assert json.loads(run("train", "show", "bad", "--json").out)["job"]["ending"]["exit_code"] == 3


def test_of_two_of_one_name_ones_own_is_meant(run: Run, chain: Any, anna: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = ("train", "submit", "same", "--image", "workspace", "--package", "1Core2G", "--entry", "bash -c true", "--json")
    mine = run(*submit).json["id"]
    monkeypatch.setenv("TRAINYARD_TOKEN", chain.account("boss", administrator=True).token)
    assert run("train", "show", "same", "--json").json["id"] == mine
    monkeypatch.setenv("TRAINYARD_TOKEN", chain.account("bob", chain.group("others")).token)
    theirs = run(*submit).json["id"]
    assert run("train", "show", "same", "--json").json["id"] == theirs
    monkeypatch.setenv("TRAINYARD_TOKEN", anna.token)
    assert run("train", "show", "same", "--json").json["id"] == mine
    monkeypatch.setenv("TRAINYARD_TOKEN", chain.account("chief", administrator=True).token)
    several = run("train", "show", "same")
    assert (several.code, mine in several.error, theirs in several.error) == (1, True, True)


def test_watching_a_training_ends_with_ctrl_c_and_the_training_does_not(run: Run, chain: Any, anna: Any) -> None:
    long = ["train", "submit", "long", "--image", "workspace", "--package", "1Core2G", "--entry", "sleep 600", "-f"]
    with started(long, chain, anna) as interrupt:
        until(lambda: run("jobs", "list", "--state", "running", "--json").json)
        code, said = interrupt()
    assert (code, "trainyard train wait" in said) == (130, True)
    job = run("train", "show", "long", "--json").json["job"]
    assert job["state"] == "running"
    assert run("train", "restart", "long", "--json").json["job"]["state"] == "queued"
    until(lambda: run("jobs", "show", job["id"], "--json").json["attempt"] == 2)
    assert run("jobs", "stop", job["id"], "--json").json["wanted"] == "stop"
    assert run("train", "wait", "long").code == 1


def test_a_workspaces_terminal_reaches_into_the_job_with_its_own_token(run: Run, chain: Any, anna: Any) -> None:
    run("train", "submit", "open", "--image", "workspace", "--package", "1Core2G", "--entry", "sleep 600")
    until(lambda: run("jobs", "list", "--state", "running", "--json").json)
    inside = {"TRAINYARD_URL": chain.address, "JUPYTERHUB_API_TOKEN": chain.workspace_token(anna)}
    command = [*PROGRAM, "console", "open", "--", "/bin/bash", "-c", "echo in-$TRAINYARD_JOB"]
    ran = subprocess.run(command, env=environment(**inside), capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    job = run("train", "show", "open", "--json").json["job"]["id"]
    assert (ran.returncode, f"in-{job}".encode() in ran.stdout, ran.stderr) == (0, True, b"")
    whoami = subprocess.run([*PROGRAM, "whoami", "--json"], env=environment(**inside), capture_output=True, timeout=120)
    assert json.loads(whoami.stdout)["restricted"] is True
    refused = subprocess.run([*PROGRAM, "tokens", "list"], env=environment(**inside), capture_output=True, timeout=120)
    assert (refused.returncode, b"Traceback" in refused.stderr) == (1, False)
