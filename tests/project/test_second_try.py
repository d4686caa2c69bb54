"""What needs a second try passes in full view; what always fails fails the run, also when shared fixtures are what fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.second_try import SecondTry, is_wanted

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests.second_try import SecondTry, is_wanted

def pytest_configure(config):
    if is_wanted():
        config.pluginmanager.register(SecondTry(("machine/",)))
"""
TESTS = """
import time

import pytest

tried, ended = [], []

def once(name):
    tried.append(name)
    assert tried.count(name) > 1, f"{name} fails at first"

@pytest.fixture(scope="module")
def kept():
    tried.append("kept")
    yield
    print("ended kept", file=open("ended", "a"))

@pytest.fixture(scope="module")
def hesitant(kept):
    once("hesitant")
    yield
    print("ended hesitant", file=open("ended", "a"))

@pytest.fixture(scope="module")
def late(hesitant):
    tried.append("late")
    yield
    print("ended late", file=open("ended", "a"))

@pytest.fixture(scope="module")
def broken():
    tried.append("broken")
    assert False, "broken for good"

def test_steady(kept): pass
def test_flaky(kept): once("flaky")
def test_shared(late): pass
def test_shared_again(late): assert [tried.count(name) for name in ("kept", "hesitant", "late")] == [1, 2, 1]
def test_always(): assert False, "always"
def test_broken(broken): pass
def test_broken_again(broken): pass
def test_broken_twice_only(): assert tried.count("broken") == 2
@pytest.mark.timeout(10)
def test_slow_at_first():
    tried.append("slow")
    if tried.count("slow") == 1: time.sleep(60)
def test_steady_last(kept): pass
"""
SEEN = ("flaky", "shared", "always", "broken", "slow_at_first")


def run(place: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    for folder in ("machine", "pure"):
        (place / folder).mkdir()
    (place / "conftest.py").write_text(CONFTEST)
    (place / "machine" / "test_all.py").write_text(TESTS)
    (place / "pure" / "test_pure.py").write_text("tried = []\ndef test_pure():\n  tried.append(1)\n  assert len(tried) > 1\n")
    (place / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *options]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "RERUNS"))}
    env = kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"} | environment
    return subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False)


def outcomes(ran: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {name: word for word, name in re.findall(r"^(PASSED|FAILED|ERROR) \S+::test_(\w+)", ran.stdout, re.MULTILINE)}


@pytest.mark.parametrize("workers", ["0", "1"])
def test_a_second_try_is_told_and_what_fails_twice_fails(tmp_path: Path, workers: str) -> None:
    ran = run(tmp_path, "-n", workers)
    failed = {name for name, word in outcomes(ran).items() if word != "PASSED"}
    assert failed == {"always", "broken", "broken_again", "pure"}, ran.stdout
    assert (ran.returncode, len(outcomes(ran))) == (1, 11)
    section = ran.stdout.partition("A SECOND TRY WAS NEEDED BY 5")[2]
    told = dict(re.findall(r"^machine/test_all.py::test_(\w+) – the second try (passed|failed too)", section, re.MULTILINE))
    assert told == {name: "failed too" if name in failed else "passed" for name in SEEN}, ran.stdout
    assert "hesitant fails at first" in section
    assert (tmp_path / "ended").read_text().splitlines() == ["ended late", "ended hesitant", "ended kept"]


def test_second_tries_can_be_turned_off(tmp_path: Path) -> None:
    ran = run(tmp_path, RERUNS="0")
    assert {name for name, word in outcomes(ran).items() if word == "PASSED"} == {"steady", "steady_last"}, ran.stdout
    assert "SECOND TRY" not in ran.stdout


def test_this_run_has_them_unless_they_are_turned_off(request: pytest.FixtureRequest) -> None:
    plugins = request.config.pluginmanager.get_plugins()
    assert any(isinstance(plugin, SecondTry) for plugin in plugins) == is_wanted()
