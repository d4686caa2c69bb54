"""Images are built from where pip would take packages on this machine, unless uv was told otherwise."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from trainyard_spawner import package_indexes
from trainyard_spawner.images import recipes


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home with pip's file in it; what else this machine has configured is left out by naming it again."""
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "pip.conf").write_text(
        "[global]\nindex-url = https://mirror.example/simple\nextra-index-url =\n  https://one.example/simple\n  file:///two\n"
        "find-links = /wheels\n[install]\nfind-links = /newer /wheels\n"
    )
    return {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}


def test_the_places_of_pips_file_are_those_of_uv(environment: dict[str, str]) -> None:
    assert package_indexes.settings(environment) == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": "https://one.example/simple file:///two",
        "UV_FIND_LINKS": "/newer,/wheels",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_a_variable_of_pip_wins_over_its_file(environment: dict[str, str]) -> None:
    wanted = environment | {"PIP_INDEX_URL": "https://other.example/simple"}
    assert package_indexes.settings(wanted)["UV_DEFAULT_INDEX"] == "https://other.example/simple"


def test_who_tells_uv_is_left_to_it(environment: dict[str, str]) -> None:
    wanted = environment | {"UV_DEFAULT_INDEX": "https://own.example/simple"}
    assert package_indexes.settings(wanted) == {}
    assert package_indexes.torch_backend(wanted, {}) == []


def test_pytorchs_own_indexes_are_asked_where_no_others_are_named() -> None:
    bare = {"PIP_CONFIG_FILE": os.devnull}
    assert package_indexes.settings(bare) == {}
    assert package_indexes.torch_backend(bare, {}) == ["--torch-backend", "auto"]
    assert package_indexes.torch_backend(bare, {"UV_INDEX": "x"}) == []


def test_a_file_that_is_none_of_pips_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / "pip.conf"
    broken.write_text("index-url = x")
    assert "x" not in package_indexes.settings({"PIP_CONFIG_FILE": str(broken), "HOME": str(tmp_path)}).values()


def test_a_machine_with_a_gpu_gets_the_packages_for_one(tmp_path: Path) -> None:
    for name in ("requirements.txt", "requirements-gpu.txt"):
        (tmp_path / name).touch()
    assert package_indexes.requirements(tmp_path, tmp_path / "no-gpu").name == "requirements.txt"
    assert package_indexes.requirements(tmp_path, tmp_path).name == "requirements-gpu.txt"


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)
def test_an_image_pins_every_package_and_its_entries_can_be_executed(recipe) -> None:  # type: ignore[no-untyped-def]
    for listed in recipe.folder.glob("requirements*.txt"):
        lines = [line for line in listed.read_text().splitlines() if line and not line.startswith(("#", "-r "))]
        assert all("==" in line or ">=" in line for line in lines), listed
    entries = recipe.described.get("entries") or [recipe.described.get("entry")]
    for entry in filter(None, entries):
        file = recipe.folder / entry.removeprefix("/workspace/")
        assert os.access(file, os.X_OK), file
        subprocess.run(["sh", "-n", str(file)], check=True)
