"""The command line against a real service: the fixtures of the service's room, and ``trainyard`` run as a person."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.core.cli.running import Run, in_this_process

_PATH = Path(__file__).parents[2] / "service" / "conftest.py"
_SPEC = importlib.util.spec_from_file_location("service_fixtures_for_cli", _PATH)
assert _SPEC is not None and _SPEC.loader is not None
_SERVICE: Any = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _SERVICE
_SPEC.loader.exec_module(_SERVICE)

sqlite_template = _SERVICE.sqlite_template
database_url = _SERVICE.database_url
launcher = _SERVICE.launcher
settings_of = _SERVICE.settings_of
start_service = _SERVICE.start_service
service = _SERVICE.service


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One database will do: what is tested is in front of it."""
    if "database_url" in metafunc.fixturenames:
        metafunc.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``run("groups", "list")``: the exit code, the output and the errors of one command."""
    return in_this_process(monkeypatch, capsys, tmp_path / "config")


@pytest.fixture
def sign_in(service: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """From now on commands are this person's."""

    def become(person: Any) -> None:
        monkeypatch.setenv("TRAINYARD_URL", service.address)
        monkeypatch.setenv("TRAINYARD_TOKEN", person.token)

    return become
