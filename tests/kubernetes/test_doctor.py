"""The doctor tries a deployment out on a real cluster, with small pods, and leaves nothing behind."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from trainyard_hub.kubernetes import main, storage_doctor
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.doctor import collect
from trainyard_hub.kubernetes.main import Where
from trainyard_spawner.doctor import Finding

from tests.kubernetes.conftest import IMAGE, apply, kubectl, until, volume_objects

pytestmark = pytest.mark.cluster
PROBE = "trainyard-test/probe:1"
RECIPE = f"FROM {IMAGE}\nRUN mkdir -p /opt/trainyard/bin && ln -s /usr/bin/python3 /opt/trainyard/bin/python\n"
NOWHERE = "localhost:1/nowhere:1"


@pytest.fixture(scope="module")
def told(namespace: str) -> dict[str, Any]:
    """A deployment whose image has nothing but Python."""
    subprocess.run(["docker", "build", "-q", "-t", PROBE, "-"], input=RECIPE.encode(), check=True, capture_output=True)
    return {
        "name": f"p-{secrets.token_hex(3)}",
        "namespace": namespace,
        "image": PROBE,
        "access": {"address": "http://127.0.0.1:8000"},
        "launches": {"images": {"tiny:1": IMAGE, "nowhere:1": NOWHERE}},
    }


def examined(file: Path, told: dict[str, Any]) -> dict[str, Finding]:
    file.write_text(yaml.safe_dump(told))
    deployment = Deployment.model_validate(told)
    return {one.topic: one for one in main.with_cluster(Where(file), lambda cluster: collect(cluster, deployment))}


def test_what_a_cluster_promises_is_tried_out(tmp_path: Path, told: dict[str, Any]) -> None:
    found = examined(tmp_path / "deployment.yaml", told)
    assert found["pulls"].state == "bad"
    assert NOWHERE in found["pulls"].text("en")
    assert IMAGE not in found["pulls"].text("en")
    # whichever network the cluster has, the question was answered
    assert found["network"].state in ("good", "bad"), found["network"].text("en")
    assert found["deploying"].state == "good"
    assert {"version", "rights", "gpu", "clock", "images", "storage", "security"} <= found.keys()
    left = kubectl(
        "get", "pods,networkpolicies", "-n", told["namespace"], "-l", f"app.kubernetes.io/instance={told['name']}", "-o", "name"
    )
    assert left == ""


def test_before_there_is_a_namespace_it_says_what_is_asked_later(tmp_path: Path, told: dict[str, Any]) -> None:
    found = examined(tmp_path / "deployment.yaml", told | {"namespace": f"{told['name']}-later"})
    assert {topic: found[topic].state for topic in ("security", "pulls", "network")} == dict.fromkeys(
        ("security", "pulls", "network"), "note"
    )


@pytest.fixture
def storage_class() -> Iterator[Callable[[str], str]]:
    """A class of volumes, which binds when this is told; of its own nobody makes one."""
    names = []

    def made(binding: str) -> str:
        names.append(f"p-{secrets.token_hex(3)}")
        common = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "trainyard.io/test"}
        apply({**common, "metadata": {"name": names[-1]}, "volumeBindingMode": binding, "reclaimPolicy": "Retain"})
        return names[-1]

    yield made
    for name in names:
        kubectl("delete", "storageclass", name)


@pytest.fixture
def provisioner(told: dict[str, Any], tmp_path: Path) -> Iterator[None]:
    """Makes volumes over folders of this machine for claims of the deployment, as a class's own program does."""
    done, folder = threading.Event(), tmp_path / "volumes"
    folder.mkdir()
    ours = ("-n", told["namespace"], "-l", f"app.kubernetes.io/instance={told['name']}", "-o", "json")

    def provide(claim: dict[str, Any]) -> None:
        name, wanted = f"of-{claim['metadata']['name']}", claim["spec"]["storageClassName"]
        volume, _ = volume_objects(name, told["namespace"], folder)
        volume["metadata"] |= {"annotations": {storage_doctor.PROVISIONED: "trainyard.io/test"}}
        reference = {"kind": "PersistentVolumeClaim", "namespace": told["namespace"], "name": claim["metadata"]["name"]}
        volume["spec"] |= {"storageClassName": wanted, "claimRef": reference, "persistentVolumeReclaimPolicy": "Retain"}
        apply(volume)

    def work() -> None:
        while not done.wait(0.2):
            for claim in json.loads(kubectl("get", "pvc", *ours))["items"]:
                place = "volume.kubernetes.io/selected-node" in claim["metadata"].get("annotations", {})
                waits = binding_of(claim["spec"]["storageClassName"]) == "WaitForFirstConsumer" and not place
                if claim["status"]["phase"] == "Pending" and not waits:
                    provide(claim)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    done.set()
    thread.join()


def stored(told: dict[str, Any], about: dict[str, str]) -> Finding:
    """What is said of storage alone."""
    deployment = Deployment.model_validate({**told, "storage": about})
    return main.with_cluster(Where(Path("deployment.yaml")), lambda cluster: storage_doctor.storage(cluster, deployment))


def binding_of(storage_class: str) -> str:
    return kubectl("get", "storageclass", storage_class, "-o", "jsonpath={.volumeBindingMode}")


def left_of(told: dict[str, Any]) -> str:
    ours = ("-n", told["namespace"], "-l", f"app.kubernetes.io/instance={told['name']}", "-o", "name")
    return kubectl("get", "pvc,pods", *ours)


@pytest.mark.parametrize("binding", ["Immediate", "WaitForFirstConsumer"])
def test_a_class_that_makes_volumes_is_tried_before_a_deployment_and_nothing_stays(
    told: dict[str, Any], storage_class: Callable[[str], str], provisioner: None, binding: str
) -> None:
    name = storage_class(binding)
    found = stored(told, {"shared_class": name})
    words = f"A small ReadWriteMany claim of the storage class {name} was bound, and removed again."
    assert (found.state, found.text("en")) == ("good", words)
    until(lambda: not left_of(told))
    volumes = json.loads(kubectl("get", "pv", "-o", "json"))["items"]
    kept = [one for one in volumes if one["spec"].get("storageClassName") == name]
    assert {one["spec"]["persistentVolumeReclaimPolicy"] for one in kept} <= {"Delete"}
    for one in kept:
        kubectl("delete", "pv", one["metadata"]["name"])


def test_a_class_whose_program_does_not_run_is_told_in_the_clusters_words(
    told: dict[str, Any], storage_class: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_doctor, "PATIENCE", 15)
    storage = {"shared_class": storage_class("Immediate")}
    found = stored(told, storage)
    assert found.state == "bad"
    assert "waiting for a volume to be created" in found.text("en")
    until(lambda: not left_of(told))


def test_a_class_that_is_not_there_is_told(told: dict[str, Any]) -> None:
    found = stored(told, {"shared_class": "p-nowhere"})
    assert (found.state, "No storage class can be used" in found.text("en")) == ("bad", True)


def test_volumes_made_by_hand_fit_and_stay_free(tmp_path: Path, told: dict[str, Any]) -> None:
    name = f"p-{secrets.token_hex(3)}"
    for number in (1, 2):
        volume, _ = volume_objects(f"{name}-{number}", told["namespace"], tmp_path)
        apply({**volume, "spec": {**volume["spec"], "storageClassName": name}})
    storage = {"shared_class": name, "volume": "1Gi", "launches": "500Mi"}
    # a volume is not available in the moment it is made
    until(lambda: stored(told, storage).state == "good")
    assert kubectl("get", "pv", f"{name}-1", f"{name}-2", "-o", "jsonpath={.items[*].status.phase}") == "Available Available"
    kubectl("delete", "pv", f"{name}-1", f"{name}-2")
