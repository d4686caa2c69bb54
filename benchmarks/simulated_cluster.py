"""The cluster that ``KUBECONFIG`` names, with its simulated nodes: what the benchmarks ask of it, and do to it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from trainyard_spawner.kubernetes.configuration import Placement

PATIENCE = 900
AWAY_SECONDS = 5
LABEL = "trainyard.io/simulated"
PLACEMENT = Placement(node_selector={LABEL: "true"}, tolerations=({"key": "simulated", "operator": "Exists"},))
Row = dict[str, Any]


def kubectl(*arguments: str, given: str | None = None) -> str:
    """What kubectl prints."""
    return subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=True).stdout


def mark_simulated() -> int:
    """Give simulated nodes a label that pods can choose; how many there are."""
    nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    found = [one for one in nodes if any(taint["key"] == "simulated" for taint in one["spec"].get("taints") or ())]
    for one in found:
        kubectl("label", "--overwrite", "node", one["metadata"]["name"], f"{LABEL}=true")
    return len(found)


@contextmanager
def namespace_over(folder: Path, name: str) -> Iterator[None]:
    """A namespace with a claim, both of that name, over a folder of this machine."""
    common = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    volume = {**common, "capacity": {"storage": "1Gi"}, "hostPath": {"path": str(folder)}}
    claim = {**common, "volumeName": name, "resources": {"requests": {"storage": "1Gi"}}}
    made = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": name}, "spec": claim},
    ]
    kubectl("apply", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))
    try:
        yield
    finally:
        kubectl("delete", "namespace", name, "--wait=false")
        kubectl("delete", "pv", name, "--wait=false")


def tidied() -> None:
    """Wait until nothing is being deleted: that asks much of the API server."""
    wait(lambda: "Terminating" not in kubectl("get", "namespaces"))


def wait(reached: Callable[[], object]) -> None:
    """Look five times a second."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError("the cluster did not get there")
        time.sleep(0.2)


def restart_api_server() -> bool:
    """Kill it, leave it away for a moment, and wait until it is ready again; False where it is no process of this machine."""
    state = Path(os.environ["KUBECONFIG"]).parent
    remembered = state / "pids/kube-apiserver"
    if not remembered.is_file():
        return False
    pid = int(remembered.read_text())
    argv = Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    psutil.Process(pid).kill()
    time.sleep(AWAY_SECONDS)
    with (state / "logs/kube-apiserver").open("ab") as log:
        started = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    remembered.write_text(f"{started.pid}\n")
    ready = ["kubectl", "get", "--raw", "/readyz"]
    wait(lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0)
    return True


def row(name: str, numbers: tuple[float, float], unit: str, reach: float) -> Row:
    """One comparison; less is better."""
    mine, peer = numbers
    return {
        "name": name, "ours": round(mine, 2), "peer": round(peer, 2), "unit": unit,
        "ratio": round(peer / mine, 3) if mine else 0.0, "reach": reach,
    }  # fmt: skip
