"""A tiny image and a folder for launches that ordinary users reach too."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from trainyard.home import Home
from trainyard.jobs.launch import Identity, LaunchSpec, Mount, Resources
from trainyard_spawner.sandbox_launcher import SandboxLauncher

from tests.spawner.api_server import ApiServer

PERSON = Identity(name="alice", uid=20001, gid=20001, groups=(30001,))


def make_home(root: Path) -> Home:
    """A home with the image ``tiny:1``, an empty environment of the system's Python, and a share."""
    home = Home(root)
    image = home.images / "tiny" / "1"
    image.mkdir(parents=True)
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", image / "env"], check=True)
    (image / "image.json").write_text("{}")
    share = home.group_share(1)
    share.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(share, PERSON.uid, PERSON.groups[0])
        share.chmod(0o2770)
    return home


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """A small API server of a cluster."""
    running = ApiServer()
    yield running
    running.close()


@pytest.fixture
def home() -> Iterator[Home]:
    """Below /tmp and not pytest's folder: that is closed to the ordinary user some tests become."""
    with tempfile.TemporaryDirectory(prefix="trainyard-spawner-") as folder:
        yield make_home(Path(folder).resolve() / "home")


@pytest.fixture
def make(home: Home) -> Callable[..., LaunchSpec]:
    """A specification of a shell command."""

    def specification(command: str, **changed: object) -> LaunchSpec:
        fields = {
            "key": "launch",
            "image": "tiny:1",
            "argv": ("bash", "-c", command),
            "environment": {},
            "working_directory": Path("/workspace/home"),
            "mounts": (Mount(source=home.group_share(1), target=Path("/workspace/mnt/group/g"), read_only=False),),
            "resources": Resources(cpu=1, memory=256 << 20),
            "identity": PERSON,
            "output": home.group_share(1) / "alice" / "run" / "train_x_out.log",
            "grace": 5,
        }
        return LaunchSpec.model_validate({**fields, **changed})

    return specification


@pytest.fixture
def launcher(home: Home) -> Iterator[SandboxLauncher]:
    """A launcher whose launches reach no network; what a test leaves ends with it."""
    launcher = SandboxLauncher(home, networks="none" if os.geteuid() == 0 else "shared")
    yield launcher
    end_all(launcher)


def end_all(launcher: SandboxLauncher) -> None:
    """Stop and forget whatever a test left."""
    for state in launcher.states():
        launcher.stop(state.key, grace=0)
    deadline = time.monotonic() + 120
    while any(state.phase != "ended" for state in launcher.states()):
        assert time.monotonic() < deadline, launcher.states()
        time.sleep(0.02)
    for state in launcher.states():
        launcher.forget(state.key)
    if launcher.limits_parent:
        for folder in set(launcher.limits_parent.folders.values()):
            _remove_groups(folder, deadline)


def _remove_groups(folder: Path, deadline: float) -> None:
    """A supervisor leaves its group a moment after it has told the end."""
    while folder.is_dir() and time.monotonic() < deadline:
        with suppress(OSError):
            for group in [*(group for group in folder.iterdir() if group.is_dir()), folder]:
                group.rmdir()
        time.sleep(0.01)
