"""The catalogue as container images, for clusters: ``make images ARGS="workspace mxnet"``.

Every image is the environment that one machine has, on ``images/base``, with JupyterLab added; ``platform`` holds the
platform's own processes. What Docker is given as context is put together here, so that no file of a clone that is not
meant for an image gets into one.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from trainyard.errors import Invalid, Unavailable, UserError
from trainyard.words import N_

from trainyard_spawner.images import IGNORED, OwnPackages, Recipe, recipes, repository, uv_program

BASE = "base:bookworm"
PLATFORM = "platform"
EARLIEST = "315532800"  # 1980: before, a zip has no time
INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")


def main(arguments: list[str]) -> int:
    """Build what is named, or everything; print each image's size."""
    known = {recipe.name: recipe for recipe in recipes()}
    parser = argparse.ArgumentParser(prog="make images", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="IMAGE", help=f"of {', '.join([*known, PLATFORM])}; all by default")
    parser.add_argument("--prefix", default="trainyard/", help="what comes before each name: a registry, a project")
    parser.add_argument("--system", help="the image below all others, Debian 12 with python3-venv; Docker's python by default")
    parser.add_argument("--gpu", action="store_true", help="the packages for GPUs where an image has a list of them")
    parser.add_argument("--certificate", type=Path, help="a file with an authority that package indexes are behind, as PEM")
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.names if name not in known and name != PLATFORM]:
        raise Invalid("image-unknown", N_("There is no image {image}."), image=unknown[0])
    given: dict[str, str | None] = {"CERTIFICATE": chosen.certificate.read_text()} if chosen.certificate else {}
    given |= {name: None for name in INDEXES if os.environ.get(name)}
    base = f"{chosen.prefix}{BASE}"
    _docker(repository() / "images/base", base, {"SYSTEM": chosen.system} if chosen.system else {})
    built = [base]
    with tempfile.TemporaryDirectory(prefix="trainyard-images-") as folder:
        wheel = _wheel(Path(folder))
        for name in chosen.names or [*known, PLATFORM]:
            recipe = known.get(name)
            built.append(f"{chosen.prefix}{name}:{recipe.version if recipe else wheel.name.split('-')[1]}")
            packages = {"REQUIREMENTS": "requirements-gpu.txt"} if chosen.gpu and recipe and _has_gpu_packages(recipe) else {}
            with context_of(recipe, wheel) as context:
                _docker(context, built[-1], {"BASE": base, **given, **packages})
    for tag in built:
        print(f"{tag:50} {_size(tag) / 1e6:7,.0f} MB")
    return 0


def _wheel(folder: Path) -> Path:
    """Our own packages as a wheel, made from a copy: a build leaves files where it happens. The same code is the same file, so
    that Docker makes nothing anew where nothing has changed.
    """
    with OwnPackages(folder) as ours:
        command = [uv_program(), "build", "-q", "--wheel", "--out-dir", str(folder), str(ours.path)]
        subprocess.run(command, env=os.environ | {"SOURCE_DATE_EPOCH": EARLIEST}, check=True)
    return next(folder.glob("*.whl"))


def _has_gpu_packages(recipe: Recipe) -> bool:
    return (recipe.folder / "requirements-gpu.txt").is_file()


@contextmanager
def context_of(recipe: Recipe | None, wheel: Path) -> Iterator[Path]:
    """A folder with a ``Dockerfile`` and all that it copies; without a recipe those of the platform's own image."""
    images = repository() / "images"
    ignored = shutil.ignore_patterns(*IGNORED)
    with tempfile.TemporaryDirectory(prefix="trainyard-context-") as folder:
        context = Path(folder)
        if recipe is None:
            shutil.copy2(images / "platform/Dockerfile", context)
            shutil.copy2(repository() / "requirements.lock", context)
            shutil.copytree(repository() / "notebooks", context / "notebooks", ignore=ignored)
            for one in recipes():
                (context / "images" / one.name).mkdir(parents=True)
                shutil.copy2(one.folder / "image.yaml", context / "images" / one.name)
                shutil.copytree(one.folder / "examples", context / "images" / one.name / "examples", ignore=ignored)
            (context / "build/platform").mkdir(parents=True)
            shutil.copy2(wheel, context / "build/platform")
        else:
            shutil.copytree(recipe.folder, context, dirs_exist_ok=True, ignore=ignored)
            shutil.copy2(images / "Dockerfile", context)
            shutil.copy2(images / "base/requirements-lab.txt", context)
            shutil.copy2(wheel, context)
        yield context


def _docker(context: Path, tag: str, given: Mapping[str, str | None]) -> None:
    """One build, its output passed on. An argument without a value is taken from the environment: an index may name a password.

    Raises:
        Unavailable: there is no Docker (``docker-missing``), or the build failed (``image-build-failed``).
    """
    if not shutil.which("docker"):
        raise Unavailable(
            "docker-missing", N_("Docker, which builds container images, is missing."), hint=N_("Install Docker Engine.")
        )
    print(f"== {tag}", flush=True)
    arguments = [
        part for name, value in given.items() for part in ("--build-arg", name if value is None else f"{name}={value}")
    ]
    done = subprocess.run(["docker", "build", "-t", tag, *arguments, str(context)], stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Unavailable(
            "image-build-failed",
            N_("The image {image} could not be built: {reason}"),
            hint=N_("What Docker printed says why; check the network and the package index, then build again."),
            image=tag,
            reason=f"exit status {done.returncode}",
        )


def _size(tag: str) -> int:
    """Bytes, layers that images share counted in each."""
    return int(subprocess.run(["docker", "image", "inspect", "-f", "{{.Size}}", tag], capture_output=True, check=True).stdout)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except UserError as error:
        sys.exit(str(error))
