"""What every object of the deployment is made of: names, labels, security contexts, probes, environments. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trainyard_spawner.kubernetes.names import INSTANCE
from trainyard_spawner.kubernetes.names import labels as shared_labels

from trainyard_hub.kubernetes.configuration import Amount, Deployment

Object = dict[str, Any]
COMPONENT = "app.kubernetes.io/component"
MANAGER = "trainyard"
HOME = "/srv/trainyard"
PROGRAMS = "/opt/trainyard/bin"
PYTHON = f"{PROGRAMS}/python"
UID = 10000
"""Whom our own processes run as, but the service; the platform image has an account of this number."""
PUBLIC_PORT, STORE_PORT, DATABASE_PORT = 8000, 8333, 5432
CONFIGURED = "trainyard.io/configuration"
"""Of which configuration a pod is: one that reads it at its start is made anew when it changes."""
UNTIL_READY = {"periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 720}
"""How a readiness probe asks: it tells the end of a start. A pod that is slow afterwards stays in its Service for an hour: no
other one would answer."""


def named(deployment: Deployment, what: str) -> str:
    """The name of an object, such as ``trainyard-platform``.

    Services are called ``http``, ``s3`` and ``postgresql``: the cluster makes environment variables of their names, and
    ``TRAINYARD_STORE_PORT`` is a setting of ours.
    """
    return f"{deployment.name}-{what}"


def labels(deployment: Deployment, component: str) -> dict[str, str]:
    """The labels of one part of the platform; launches have others and are never taken for it."""
    return {**shared_labels(deployment.name), COMPONENT: component}


def selector(deployment: Deployment, component: str) -> dict[str, str]:
    """How the pods of a component are found."""
    return {INSTANCE: deployment.name, COMPONENT: component}


def metadata(deployment: Deployment, name: str, component: str, namespace: str | None = None) -> Object:
    """The metadata of an object with a namespace."""
    return {"name": name, "namespace": namespace or deployment.namespace, "labels": labels(deployment, component)}


def restricted(uid: int = UID) -> Object:
    """A container's security context by the *restricted* standard; its image's files cannot be changed."""
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": uid,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def giving_away() -> Object:
    """The service's: it gives folders to people's numbers, which only root may. *Baseline*, with three capabilities."""
    return {
        "runAsNonRoot": False,
        "runAsUser": 0,
        "runAsGroup": 0,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]},
        "readOnlyRootFilesystem": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def resources(amount: Amount) -> Object:
    """What a process asks for and its limit; processors are not limited, which would only slow it down."""
    return {"requests": {"cpu": amount.cpu, "memory": amount.memory}, "limits": {"memory": amount.memory_limit}}


def variables(values: Mapping[str, str], secret: Mapping[str, tuple[str, str]] | None = None) -> list[Object]:
    """An environment: secrets by reference first, so that the others may name them."""
    kept = (secret or {}).items()
    references: list[Object] = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": holder, "key": key}}} for name, (holder, key) in kept
    ]
    return references + [{"name": name, "value": value} for name, value in values.items()]


def asks(url: str) -> Object:
    """A liveness probe for a process that listens on the pod's loopback only, where the kubelet cannot ask itself.

    Five minutes without an answer end the process: on a busy node it, and the probe's own program, take their time, and to
    start it again would cost that node more.
    """
    program = f"import urllib.request as r; r.urlopen({url!r}, timeout=25)"
    return {
        "exec": {"command": [PYTHON, "-I", "-c", program]},
        "initialDelaySeconds": 60,
        "periodSeconds": 60,
        "timeoutSeconds": 30,
        "failureThreshold": 5,
    }


def container(
    deployment: Deployment, name: str, command: Sequence[str], amount: Amount, mounts: Sequence[Object], **more: Any
) -> Object:
    """A container of the platform's image."""
    return {
        "name": name,
        "image": deployment.image,
        "imagePullPolicy": deployment.pull_policy,
        "command": list(command),
        "resources": resources(amount),
        "securityContext": restricted(),
        "volumeMounts": [*mounts, {"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 (a path inside the pod)
        **more,
    }


def pod(deployment: Deployment, component: str, specification: Object) -> Object:
    """A pod template: no token unless it is mounted by name, and where the administrator wants it."""
    placed: Object = {"nodeSelector": dict(deployment.node_selector)} if deployment.node_selector else {}
    if deployment.pull_secrets:
        placed["imagePullSecrets"] = [{"name": name} for name in deployment.pull_secrets]
    common: Object = {"automountServiceAccountToken": False, **placed}
    return {"metadata": {"labels": labels(deployment, component)}, "spec": {**common, **specification}}
