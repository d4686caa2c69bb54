"""What Docker is given to build an image of the catalogue: the image's folder and our package, nothing else of the clone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from trainyard.errors import Invalid
from trainyard_spawner.containers import PLATFORM, context_of, main
from trainyard_spawner.images import Recipe, recipes, repository

RECIPES = {recipe.name: recipe for recipe in recipes()}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "trainyard-0.1.0-py3-none-any.whl"
    path.write_bytes(b"wheel")
    return path


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_an_image_is_given_its_folder_the_lists_of_packages_and_our_wheel(wheel: Path) -> None:
    with context_of(RECIPES["tensorflow"], wheel) as context:
        lists = {"requirements.txt", "requirements-gpu.txt", "requirements-common.txt", "requirements-lab.txt"}
        assert names(context) == {"Dockerfile", "image.yaml", "examples", wheel.name, *lists}
        assert (context / "examples/trainings/tensorflow/simple/start.sh").stat().st_mode & 0o111
    assert not context.exists()


def test_the_platform_is_given_the_lock_the_notebooks_and_the_catalogue(wheel: Path) -> None:
    with context_of(None, wheel) as context:
        assert names(context) == {"Dockerfile", "requirements.lock", "notebooks", "images", "build"}
        assert names(context / "images") == set(RECIPES)
        assert names(context / "images/mxnet") == {"image.yaml", "examples"}
        assert (context / "build/platform" / wheel.name).read_bytes() == b"wheel"


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_everything_a_dockerfile_copies_is_there(recipe: Recipe, wheel: Path) -> None:
    with context_of(recipe, wheel) as context:
        for source in re.findall(r"^COPY (?!--from)(\S+) ", (context / "Dockerfile").read_text(), re.MULTILINE):
            assert list(context.glob(source)), source


def test_jupyterlab_has_the_same_versions_in_every_image() -> None:
    lab = pinned(repository() / "images/base/requirements-lab.txt")
    assert lab.items() <= pinned(RECIPES["workspace"].folder / "requirements.txt").items()


def pinned(path: Path) -> dict[str, str]:
    return dict(line.split("==") for line in path.read_text().split() if "==" in line)


def test_an_image_nobody_knows_is_refused_before_anything_is_built() -> None:
    with pytest.raises(Invalid, match="There is no image nothing"):
        main(["nothing", PLATFORM])
