"""JupyterLab's files are found by image, version and hash, and nothing else is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from trainyard.home import Home
from trainyard_spawner import lab_assets


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose only image is the environment the tests run in."""
    (tmp_path / "images/work/1").mkdir(parents=True)
    (tmp_path / "images/work/1/env").symlink_to(sys.prefix)
    return Home(tmp_path)


def test_the_first_files_are_there_under_their_address(home: Home) -> None:
    environment = home.images / "work/1/env"
    image, version, digest = (lab_assets.prefix(environment) or "").split("/")
    names = [address.partition("?")[0] for address in lab_assets.needed_first(environment)]
    assert (image, version) == ("work", "1")
    assert names[0].startswith("jlab_core.")
    assert f"main.{digest}.js" in names
    assert all(lab_assets.find(home, "work", "1", digest, name) for name in names)


def test_an_image_built_anew_leaves_the_old_files_to_who_runs_them(home: Home) -> None:
    digest = (lab_assets.prefix(home.images / "work/1/env") or "").split("/")[2]
    (home.images / "work/1").rename(home.images / "work/.old-1-7")
    assert lab_assets.find(home, "work", "1", digest, f"main.{digest}.js")


@pytest.mark.parametrize("name", ["image.json", "../../../image.json", "main.0123456789abcdef.js"])
def test_nothing_else_is_found(home: Home, name: str) -> None:
    digest = (lab_assets.prefix(home.images / "work/1/env") or "").split("/")[2]
    assert lab_assets.find(home, "work", "1", digest, name) is None
    assert lab_assets.find(home, "work", "1", "0123456789abcdef", "index.html") is None


def test_an_image_without_jupyterlab_has_none(tmp_path: Path) -> None:
    assert lab_assets.prefix(tmp_path) is None
    assert lab_assets.needed_first(tmp_path) == []
