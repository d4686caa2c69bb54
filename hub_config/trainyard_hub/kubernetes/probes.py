"""Small pods that try out what a cluster only promises: that images come, that policies hold. Each removes what it made."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from trainyard_spawner.kubernetes.cluster import Cluster, Refused
from trainyard_spawner.kubernetes.keeping import collection_of

from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.parts import PYTHON, Object, labels, metadata, restricted

PATIENCE = 120.0
SETTLE = 3.0
"""Seconds a network may take to learn of a policy."""
PORT = 8099
FAILED_PULLS = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable")
_SERVE = f"import http.server as h; h.HTTPServer(('', {PORT}), h.SimpleHTTPRequestHandler).serve_forever()"
_REACH = (
    "import socket,sys,time\n"
    "for _ in range(3):\n"
    "  try: socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); sys.exit(0)\n"
    "  except OSError: time.sleep(1)\n"
    "sys.exit(7)"
)
REACHED, KEPT_OUT = 0, 7


@dataclass(frozen=True)
class Fate:
    """How a probe's pod went: ``started``, its ``code`` once it ended, its ``address``, or in words why it did not start."""

    started: bool
    code: int | None = None
    address: str = ""
    why: str = ""


def probe(deployment: Deployment, image: str, command: list[str], role: str) -> Object:
    """A pod that meets the *restricted* standard and asks for next to nothing."""
    name = f"{deployment.name}-probe-{role}-{secrets.token_hex(3)}"
    about = metadata(deployment, name, "probe", deployment.work)
    about["labels"] = {**labels(deployment, "probe"), "trainyard.io/probe": name}
    small = {"cpu": "10m", "memory": "64Mi"}
    pull = {"imagePullSecrets": [{"name": one} for one in deployment.pull_secrets]} if deployment.pull_secrets else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": about,
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "activeDeadlineSeconds": int(PATIENCE * 3),
            "containers": [
                {
                    "name": "probe",
                    "image": image,
                    "imagePullPolicy": deployment.pull_policy,
                    "command": command,
                    "resources": {"requests": small, "limits": {"memory": "128Mi"}},
                    "securityContext": restricted(),
                }
            ],
            **pull,
        },
    }


async def image_comes(cluster: Cluster, deployment: Deployment, image: str) -> Fate:
    """Whether a node can pull ``image`` and start it. That the image lacks ``true`` does not matter."""
    async with made(cluster, probe(deployment, image, ["true"], "image")) as path:
        return await _until(cluster, path, ended=False)


async def policy_holds(cluster: Cluster, deployment: Deployment) -> bool | Fate:
    """Whether a policy that closes a pod keeps another out; a fate where the question could not be asked."""
    server = probe(deployment, deployment.image, [PYTHON, "-I", "-c", _SERVE], "server")
    async with made(cluster, server) as path:
        fate = await _until(cluster, path, ended=False)
        if not fate.started or not fate.address:
            return fate
        if await _reaches(cluster, deployment, fate.address) != REACHED:
            return Fate(started=True, why="a pod cannot reach another even without a policy")
        async with made(cluster, _closing(deployment, server)):
            await asyncio.sleep(SETTLE)
            code = await _reaches(cluster, deployment, fate.address)
    return code == KEPT_OUT if code in (REACHED, KEPT_OUT) else Fate(started=True, why=f"the probe ended with {code}")


def _closing(deployment: Deployment, server: Object) -> Object:
    """A policy that lets nobody in."""
    name = server["metadata"]["name"]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(deployment, name, "probe", deployment.work),
        "spec": {"podSelector": {"matchLabels": {"trainyard.io/probe": name}}, "policyTypes": ["Ingress"], "ingress": []},
    }


async def _reaches(cluster: Cluster, deployment: Deployment, address: str) -> int | None:
    """The exit status of a pod that connects there: 0 when it could."""
    client = probe(deployment, deployment.image, [PYTHON, "-I", "-c", _REACH, address, str(PORT)], "client")
    async with made(cluster, client) as path:
        return (await _until(cluster, path, ended=True)).code


@asynccontextmanager
async def made(cluster: Cluster, one: Object) -> AsyncIterator[str]:
    """The path of ``one``, which is made here and removed behind, also where nobody waited for the answer."""
    folder = collection_of(one)
    path = f"{folder}/{one['metadata']['name']}"
    try:
        await cluster.post(folder, one)
        yield path
    finally:
        with suppress(Refused):
            await cluster.delete(path, {"gracePeriodSeconds": 0})


async def _until(cluster: Cluster, path: str, *, ended: bool) -> Fate:
    """Wait until the pod runs (or has ended, as asked), or will not."""
    deadline = time.monotonic() + PATIENCE
    while True:
        pod = await cluster.get(path)
        fate = fate_of(pod)
        if fate.why or fate.code is not None or (fate.started and not ended):
            return fate
        if time.monotonic() > deadline:
            return Fate(started=False, why=waits_for(pod) or "it did not start in time")
        await asyncio.sleep(0.5)


def fate_of(pod: Object) -> Fate:
    """What the pod's state says."""
    status = pod["status"]
    told: list[Object] = status.get("containerStatuses") or [{}]
    state = told[0].get("state", {})
    address = str(status.get("podIP", ""))
    if ended := state.get("terminated"):
        return Fate(started=True, code=int(ended["exitCode"]), address=address)
    if "running" in state:
        return Fate(started=True, address=address)
    waiting = state.get("waiting", {})
    if waiting.get("reason") in FAILED_PULLS:
        return Fate(started=False, why=str(waiting.get("message") or waiting["reason"]))
    if waiting.get("reason") in ("RunContainerError", "CreateContainerError"):
        # the image is there; that it lacks our program says nothing about pulling
        return Fate(started=True, code=127, address=address)
    return Fate(started=False)


def waits_for(pod: Object) -> str:
    """What a pod still lacks, in the cluster's words; empty: nothing is told."""
    told = [str(one.get("message", "")) for one in pod["status"].get("conditions") or () if one["status"] == "False"]
    return next(filter(None, told), "")
