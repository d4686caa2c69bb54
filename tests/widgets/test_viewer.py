"""As whom a widget in a notebook asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from trainyard.connection import given, remember
from trainyard.errors import NotSignedIn
from trainyard_widgets.viewer import current_viewer

PLATFORM = "https://trainyard.example.org"


@pytest.fixture(autouse=True)
def another_hubs_notebook(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in ("TRAINYARD_TOKEN", "TRAINYARD_TOKEN_FILE", "TRAINYARD_URL", "TRAINYARD_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://hub:8081/hub/api")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "of-the-hub")
    yield
    current_viewer.cache_clear()


def test_a_widget_asks_as_who_has_signed_in_in_the_terminal() -> None:
    remember(given(PLATFORM, "of-the-person"))
    assert (current_viewer().url, current_viewer().token) == (PLATFORM, "of-the-person")


def test_a_widget_that_knows_no_platform_says_how_to_sign_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRAINYARD_HOME", str(tmp_path))
    with pytest.raises(NotSignedIn, match="No platform is known"):
        current_viewer()
