"""A group's share as a claim of its own: prepared once by a short Job beside the platform, then written by the group's pods."""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainyard.home import Home
from trainyard.jobs.launch import Identity, LaunchSpec
from trainyard_hub.kubernetes import everything, main, storage
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.main import Where
from trainyard_hub.kubernetes.shares import share_jobs
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.launcher import KubernetesLauncher

from tests.contracts.launcher import run
from tests.kubernetes import platform
from tests.kubernetes.conftest import IMAGE, apply, kubectl, make_image, until

pytestmark = pytest.mark.cluster
GROUP, GID = 7, 30_007
Make = Callable[..., LaunchSpec]


@pytest.fixture(params=[[GROUP]])
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    """One whose storage is a folder of this machine, with all of it on the cluster that a share needs."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("no cluster: KUBECONFIG is not set")
    make_image()
    platform.build_images()
    for folder in (tmp_path, tmp_path / "volume", tmp_path / "launches"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    name = f"s-{secrets.token_hex(3)}"
    made = Deployment.model_validate(
        {
            "name": name,
            "namespace": name,
            "image": platform.IMAGE,
            "pull_policy": "Never",
            "access": {"address": "http://127.0.0.1:8000"},
            "storage": {"source": {"volume": {"hostPath": {"path": str(tmp_path)}}}},
            "groups": request.param,
            "launches": {"images": {"tiny:1": IMAGE}},
        }
    )
    apply(*everything.namespaces(made), *storage.claims(made))
    yield made
    kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
    kubectl("delete", "pv", "-l", f"app.kubernetes.io/instance={name}", "--wait=false")


@pytest.fixture
def launcher(deployment: Deployment, tmp_path: Path) -> Iterator[KubernetesLauncher]:
    record = yaml.safe_load(yaml.safe_dump(everything.launcher_record(deployment)))
    made = KubernetesLauncher(Home(tmp_path), Configuration.model_validate({**record, "pull_policy": "IfNotPresent"}))
    yield made
    made.close()


def prepare(deployment: Deployment) -> dict[str, Any]:
    """The ended Job that prepares the share."""
    (job,) = share_jobs(deployment)
    apply(job)
    about = "-n", deployment.namespace, f"job/{job['metadata']['name']}"

    def status() -> dict[str, Any]:
        told: dict[str, Any] = json.loads(kubectl("get", *about, "-o", "json"))["status"]
        return told

    until(lambda: status().get("conditions"))
    return status()


def claims_of(deployment: Deployment, key: str) -> set[str]:
    """What the pod of this launch mounts."""
    pod = json.loads(kubectl("get", f"job/{key}", "-n", deployment.namespace, "-o", "json"))["spec"]["template"]["spec"]
    return {one["persistentVolumeClaim"]["claimName"] for one in pod["volumes"] if "persistentVolumeClaim" in one}


def test_it_is_made_once_and_belongs_to_its_group(
    deployment: Deployment, launcher: KubernetesLauncher, make: Make, tmp_path: Path
) -> None:
    assert prepare(deployment)["succeeded"] == 1
    share = Home(tmp_path).group_share(GROUP)
    about = share.stat()
    assert (stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid) == (0o2770, 0, GID)

    member = Identity(name="alice", uid=20_001, gid=20_001, groups=(GID,))
    spec = make("umask 007; echo ours > /workspace/mnt/group/g/notes", identity=member, output=None)
    shown = spec.mounts[0].model_copy(update={"source": share})
    ended = run(launcher, spec.model_copy(update={"mounts": (shown,)}))
    assert ended.exit_code == 0, ended
    written = (share / "notes").stat()
    assert (written.st_uid, written.st_gid) == (20_001, GID)
    assert claims_of(deployment, "launch") == {f"{deployment.name}-group-{GROUP}", f"{deployment.name}-launches"}

    stranger = spec.model_copy(update={"key": "other", "identity": member.model_copy(update={"groups": ()})})
    assert run(launcher, stranger.model_copy(update={"mounts": (shown,)})).exit_code == 1


@pytest.mark.parametrize("deployment", ["all"], indirect=True)
def test_where_every_group_has_one_its_claim_is_made_when_a_pod_is_shown_it(
    deployment: Deployment, launcher: KubernetesLauncher, make: Make, tmp_path: Path
) -> None:
    share = Home(tmp_path).group_share(GROUP)
    share.mkdir(parents=True)
    (share / "notes").write_text("ours")
    share.chmod(0o755)
    spec = make("test $(cat /workspace/mnt/group/g/notes) = ours", output=None)
    shown = spec.mounts[0].model_copy(update={"source": share})
    assert run(launcher, spec.model_copy(update={"mounts": (shown,)})).exit_code == 0
    assert claims_of(deployment, "launch") == {f"{deployment.name}-group-{GROUP}", f"{deployment.name}-launches"}
    file = Where(tmp_path / "deployment.yaml")
    file.file.write_text(yaml.safe_dump(deployment.model_dump(mode="json", exclude={"database": {"hub"}})))
    main.delete(file, lambda _: None, with_data=True)
    assert deployment.name not in kubectl("get", "pv", "-o", "name")
