"""A namespace of its own on the cluster that ``KUBECONFIG`` names, a claim over a folder of this machine, and a tiny image.

Skipped, with the reason, where there is no cluster. The image is made from Debian's packages once and kept by Docker.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from trainyard.home import Home
from trainyard.jobs.launch import Identity, LaunchSpec, Mount, Resources
from trainyard_spawner.kubernetes.configuration import Claim, Configuration
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher
from trainyard_spawner.kubernetes.names import INSTANCE

PERSON = Identity(name="alice", uid=20001, gid=20001, groups=(30001,))
IMAGE = "trainyard-test/tiny:1"
BASE = "base:bookworm"
PACKAGES = "ca-certificates,python3,python3-venv,procps"


def kubectl(*arguments: str, given: str | None = None) -> str:
    """What kubectl prints."""
    done = subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def apply(*objects: dict[str, Any]) -> None:
    """Make objects."""
    kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def until(reached: Callable[[], object], patience: float = 240) -> None:
    """Wait for it."""
    deadline = time.monotonic() + patience
    while not reached():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def real_gpus() -> int:
    """GPUs of nodes where a pod without tolerations may run."""
    nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    open_ones = [node["status"]["allocatable"] for node in nodes if not node["spec"].get("taints")]
    count = sum(int(amounts.get("nvidia.com/gpu", 0)) for amounts in open_ones)
    if not count:
        pytest.skip("no node of this cluster has GPUs")
    return count


def make_base() -> None:
    """``BASE``: a system with Python, made of Debian's packages."""
    if not _has(BASE):
        if shutil.which("mmdebstrap") is None:
            pytest.skip("mmdebstrap is missing: apt-get install mmdebstrap")
        with tempfile.TemporaryDirectory() as folder:
            archive = str(Path(folder) / "base.tar")
            subprocess.run(
                ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", archive], check=True
            )
            subprocess.run(["docker", "import", archive, BASE], check=True, capture_output=True)


def make_image() -> None:
    """``IMAGE``: a system with Python and an environment where ours lie, as every image of the catalogue has it."""
    make_base()
    if not _has(IMAGE):
        recipe = f"FROM {BASE}\nRUN python3 -m venv --without-pip /opt/image/env\nENV PATH=/opt/image/env/bin:/usr/bin:/bin\n"
        subprocess.run(["docker", "build", "-q", "-t", IMAGE, "-"], input=recipe.encode(), check=True, capture_output=True)


def _has(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def namespace() -> Iterator[str]:
    """A namespace for this session."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("no cluster: KUBECONFIG is not set")
    make_image()
    name = f"trainyard-{secrets.token_hex(3)}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="session")
def claim(namespace: str) -> Iterator[tuple[Path, str]]:
    """A folder of this machine, and the claim that shows it to pods."""
    with tempfile.TemporaryDirectory(prefix="trainyard-kubernetes-") as folder:
        Path(folder).chmod(0o755)
        name = f"trainyard-{secrets.token_hex(3)}"
        apply(*volume_objects(name, namespace, Path(folder).resolve()))
        until(lambda: kubectl("get", "-n", namespace, f"pvc/{name}", "-o", "jsonpath={.status.phase}") == "Bound")
        yield Path(folder).resolve(), name
        kubectl("delete", "pvc", name, "-n", namespace, "--wait=false")
        kubectl("delete", "pv", name, "--wait=false")


@pytest.fixture
def home(claim: tuple[Path, str]) -> Home:
    """A state folder on that claim."""
    home = Home(claim[0] / secrets.token_hex(3))
    share = home.group_share(1)
    share.mkdir(parents=True)
    home.launches.mkdir()
    os.chown(share, PERSON.uid, PERSON.groups[0])
    share.chmod(0o2770)
    return home


def volume_objects(name: str, namespace: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A volume over a folder of this machine, and the claim bound to it."""
    common = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {**common, "capacity": {"storage": "1Gi"}, "hostPath": {"path": str(folder)}},
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**common, "volumeName": name, "resources": {"requests": {"storage": "1Gi"}}},
    }
    return volume, claim


@pytest.fixture
def configuration(namespace: str, claim: tuple[Path, str], home: Home) -> Configuration:
    """How the launcher of a test uses the cluster: a platform of its own."""
    folders = ("launches", "volume")
    return Configuration(
        name=f"t-{secrets.token_hex(3)}",
        namespace=namespace,
        images={"tiny:1": IMAGE, "unpullable:1": "localhost:1/nowhere:1"},
        claims=tuple(Claim(folder=folder, claim=claim[1], path=f"{home.root.name}/{folder}") for folder in folders),
        start_seconds=300,
        image_seconds=1,
    )


@pytest.fixture
def launcher(home: Home, configuration: Configuration) -> Iterator[KubernetesLauncher]:
    """A launcher of this test's own."""
    with launching(home, configuration) as launcher:
        yield launcher


@contextmanager
def launching(home: Home, configuration: Configuration) -> Iterator[KubernetesLauncher]:
    """A launcher whose launches and their Secrets are gone before the next test: another platform with the same keys."""
    launcher = KubernetesLauncher(home, configuration)
    yield launcher
    for state in launcher.states():
        launcher.stop(state.key, grace=0)
    until(lambda: all(state.phase == "ended" for state in launcher.states()))
    for state in launcher.states():
        launcher.forget(state.key)
    launcher.close()
    left = ("-n", configuration.namespace, "-l", f"{INSTANCE}={configuration.name}", "-o", "name")
    until(lambda: not kubectl("get", "secrets", *left))


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
            "resources": Resources(cpu=0.2, memory=256 << 20),
            "identity": PERSON,
            "output": home.group_share(1) / "alice" / "run" / "train_x_out.log",
            "grace": 5,
        }
        return LaunchSpec.model_validate({**fields, **changed})

    return specification
