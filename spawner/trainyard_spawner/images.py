"""Images on one machine: environments under ``<home>/images/<name>/<version>/``, whole once they have that name.

A build happens beside, in ``.build-<version>``; ``image.json`` is its last file and a rename its last act, so a build
that was killed leaves nothing anybody would use. Environments are made from the system's Python, which every sandbox
sees, and are relocatable.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml
from trainyard.errors import Invalid, NotFound, Unavailable, UserError
from trainyard.home import Home
from trainyard.words import N_

from trainyard_spawner import files, package_indexes
from trainyard_spawner.locks import Lock
from trainyard_spawner.swap import is_mounted_anywhere, put_in_place

REFERENCE = re.compile(r"^[a-z0-9][a-z0-9._-]{0,62}(:[A-Za-z0-9][A-Za-z0-9._-]{0,62})?$")
PYTHON = "/usr/bin/python3"
SOURCES = ("core", "extensions", "spawner", "widgets", "hub_config", "setup.py", "pyproject.toml", "README.md")
IGNORED = ("__pycache__", "*.egg-info", "node_modules", ".mypy_cache")
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Recipe:
    """One folder of ``images/`` in the repository; ``described`` is its ``image.yaml``."""

    folder: Path
    described: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.described["name"])

    @property
    def version(self) -> str:
        return str(self.described["version"])


def repository() -> Path:
    """The clone this program runs from; its ``images/`` is the catalogue."""
    return Path(__file__).resolve().parents[2]


def recipes(root: Path | None = None) -> list[Recipe]:
    """Every image of the catalogue, built or not."""
    found = sorted((root or repository() / "images").glob("*/image.yaml"))
    return [Recipe(path.parent, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in found]


def environment_of(home: Home, reference: str) -> Path:
    """The environment of the image ``name:version``; of the newest that was built for a bare ``name``.

    Raises:
        NotFound: it has not been built on this machine (``image-missing``).
    """
    if REFERENCE.match(reference) and (found := built(home, reference)):
        return found[-1]
    raise NotFound(
        "image-missing",
        N_("The image {image} is not on this machine."),
        hint=N_("Choose another image, or ask the administrator to build this one."),
        field="image",
        image=reference,
    )


def built(home: Home, reference: str) -> list[Path]:
    """The environments of the image ``name:version``, or of every version of ``name``, the newest last. A cluster's image is
    in the catalogue without one.
    """
    name, _, version = reference.partition(":")
    found = sorted((home.images / name).glob(f"{version or '[!.]*'}/image.json"), key=lambda path: path.stat().st_mtime)
    return [path.parent / "env" for path in found if (path.parent / "env").is_dir()]


def is_ready(home: Home, recipe: Recipe) -> bool:
    """Whether the image is there, built from the recipe as it is now."""
    told = files.read_json(home.images / recipe.name / recipe.version / "image.json")
    return told is not None and told.get("digest") == digest(recipe)


def build(home: Home, recipe: Recipe, progress: Progress | None = None) -> Path:
    """Build the image where it is not ready; returns its folder. Whoever comes second waits for the first.

    Raises:
        Unavailable: a package cannot be had or installed (``image-build-failed``); the log is named.
    """
    tell = progress or (lambda _fraction, _words: None)
    shelf = home.images / recipe.name
    shelf.mkdir(parents=True, exist_ok=True)
    with Lock.take(shelf / ".lock"):
        if not is_ready(home, recipe):
            _build(shelf, recipe, tell)
        tell(1.0, "ready")
    return shelf / recipe.version


def digest(recipe: Recipe) -> str:
    """What the image is made from: its folder, our own packages, and whether it is the build for a GPU."""
    total = hashlib.sha256(package_indexes.requirements(recipe.folder).name.encode())
    for path in [recipe.folder, *(repository() / source for source in SOURCES)]:
        for file in _files(path):
            total.update(f"{file.relative_to(path.parent)}\0{file.stat().st_size}\0".encode())
            total.update(file.read_bytes())
    return total.hexdigest()


def _build(shelf: Path, recipe: Recipe, tell: Progress) -> None:
    folder = shelf / f".build-{recipe.version}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    made_from, indexes = digest(recipe), package_indexes.settings(os.environ)
    with (shelf / f"{recipe.version}.log").open("wb") as log:

        def uv(*arguments: str) -> None:
            _run([uv_program(), *arguments], os.environ | indexes, log, recipe)

        python = str(folder / "env/bin/python")
        tell(0.0, "environment")
        uv("venv", "--relocatable", "--python", PYTHON, "--no-project", str(folder / "env"))
        tell(0.05, "packages")
        requirements = str(package_indexes.requirements(recipe.folder))
        install = ("pip", "install", "--python", python, "--compile-bytecode", "-r", requirements)
        backend = package_indexes.torch_backend(os.environ, indexes) if recipe.described.get("torch-backend") else []
        try:
            uv(*install, *backend)
        except Unavailable:
            if not backend:
                raise
            # PyTorch's own indexes cannot be reached from here: the build of the ordinary one is large, and works
            uv(*install)
        tell(0.85, "trainyard")
        with OwnPackages(shelf) as ours:
            uv("pip", "install", "--python", python, "--compile-bytecode", "--no-deps", str(ours.path))
    if (recipe.folder / "examples").is_dir():
        shutil.copytree(recipe.folder / "examples", folder / "examples")
    _finish(shelf, folder, recipe, made_from)


def _finish(shelf: Path, folder: Path, recipe: Recipe, made_from: str) -> None:
    size = sum(file.stat().st_size for file in _files(folder))
    files.write_json(folder / "image.json", {**recipe.described, "digest": made_from, "size": size, "built": time.time()})
    for old in shelf.glob(".old-*"):
        if not is_mounted_anywhere(old):
            shutil.rmtree(old, ignore_errors=True)
    # what was there is kept: what runs now still imports from it
    put_in_place(folder, shelf / recipe.version, shelf / f".old-{recipe.version}-{time.time_ns()}")


def _run(argv: list[str], environment: Mapping[str, str], log: IO[bytes], recipe: Recipe) -> None:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, umask=0o022, check=False)
    if done.returncode:
        raise Unavailable(
            "image-build-failed",
            N_("The image {image} could not be built: {reason}"),
            hint=N_("The whole log is {log}; check the network and the package index, then build again."),
            image=f"{recipe.name}:{recipe.version}",
            reason=_last_line(Path(log.name)),
            log=log.name,
        )


def _last_line(path: Path) -> str:
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error:") or "×" in line), lines[-1] if lines else "")


class OwnPackages:
    """Our packages, copied: a build in the clone itself would leave files there and pick up stale ones."""

    def __init__(self, shelf: Path) -> None:
        self.path = shelf / ".ours"

    def __enter__(self) -> OwnPackages:
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        for source in SOURCES:
            place = repository() / source
            if place.is_dir():
                shutil.copytree(place, self.path / source, ignore=shutil.ignore_patterns(*IGNORED))
            elif place.is_file():
                shutil.copy2(place, self.path / source)
        (self.path / "README.md").touch()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for file in sorted(path.rglob("*")):
        hidden = {"__pycache__", "node_modules"} & set(file.parts) or any(part.endswith(".egg-info") for part in file.parts)
        if not hidden and file.is_file() and not file.is_symlink():
            yield file


def uv_program() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if not found:
        raise Unavailable("uv-missing", N_("The program uv, which builds images, is missing."), hint=N_("Run make again."))
    return found


def main(arguments: list[str]) -> int:
    """``build NAME…`` or ``list``."""
    home = Home.from_environment()
    known = {recipe.name: recipe for recipe in recipes()}
    if arguments[:1] == ["build"]:
        for name in arguments[1:] or known:
            if name not in known:
                raise Invalid("image-unknown", N_("There is no image {image}."), image=name)
            build(home, known[name], lambda fraction, words, name=name: print(f"{name}: {fraction:4.0%} {words}", flush=True))  # type: ignore[misc]
        return 0
    for recipe in known.values():
        print(json.dumps({"name": recipe.name, "version": recipe.version, "ready": is_ready(home, recipe)}))
    return 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        try:
            sys.exit(main(sys.argv[1:]))
        except UserError as error:
            sys.exit(str(error))
