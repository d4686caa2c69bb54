"""A container image of the very environment that workspaces of one machine use, for pods."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from trainyard.home import Home
from trainyard_spawner.images import build, recipes

from tests.browser.running import IMAGES
from tests.kubernetes.conftest import IMAGE, make_image

WORKSPACE_IMAGE = "trainyard-test/workspace:1"
LABEL = "made-of"
ENVIRONMENT = IMAGES / "workspace/2026.11/env"
RECIPE = f"""FROM {IMAGE}
COPY env/lib/python3.11/site-packages /opt/image/env/lib/python3.11/site-packages
COPY env/share /opt/image/env/share
COPY env/etc /opt/image/env/etc
"""


def make_workspace_image() -> None:
    """``WORKSPACE_IMAGE``, made anew where the environment is another one: Docker would read all of its 800 MB to know."""
    make_environment()
    make_image()
    made_of = fingerprint()
    if f"{LABEL}={made_of}" in labels():
        return
    with tempfile.TemporaryDirectory(dir=IMAGES.parent) as folder:
        shutil.copytree(ENVIRONMENT, Path(folder) / "env", symlinks=True, copy_function=os.link)
        (Path(folder) / "Dockerfile").write_text(RECIPE)
        build = ["docker", "build", "-q", "-t", WORKSPACE_IMAGE, "--label", f"{LABEL}={made_of}", folder]
        subprocess.run(build, check=True, capture_output=True)


def make_environment() -> None:
    """The environment, built where it is not that of this working tree."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    (workspace,) = (recipe for recipe in recipes() if recipe.name == "workspace")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "images").symlink_to(IMAGES)
        build(Home(Path(folder)), workspace)


def fingerprint() -> str:
    """What the image is made of: the record of the environment, and when its packages were written."""
    packages = ENVIRONMENT / "lib/python3.11/site-packages"
    written = [path.stat().st_mtime_ns for path in (packages, packages / "trainyard")]
    return hashlib.sha256(f"{RECIPE}{(ENVIRONMENT.parent / 'image.json').read_text()}{written}".encode()).hexdigest()


def labels() -> list[str]:
    """The labels of the image that is there."""
    shown = "{{range $name, $value := .Config.Labels}}{{$name}}={{$value}} {{end}}"
    asked = ["docker", "image", "inspect", "-f", shown, WORKSPACE_IMAGE]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
