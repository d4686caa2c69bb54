"""Whose token a terminal and a notebook send where."""

from __future__ import annotations

from pathlib import Path

import pytest
from trainyard.connection import Connection, find, given, remember

PLATFORM = "https://trainyard.example.org"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TRAINYARD_TOKEN", "TRAINYARD_TOKEN_FILE", "TRAINYARD_HOME", "JUPYTERHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("TRAINYARD_URL", PLATFORM)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "of-the-hub")


def test_a_workspace_sends_the_token_its_hub_gave_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_URL", f"{PLATFORM}/hub/api")
    assert find() == Connection(PLATFORM, "of-the-hub")


def test_a_notebook_of_another_hub_keeps_that_hubs_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://hub:8081/hub/api")
    remember(given(PLATFORM, "of-the-person"))
    assert find() == Connection(PLATFORM, "of-the-person")
