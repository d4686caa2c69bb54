"""A launch's pod: from its specification to the ``template`` of a Job, by pure functions tested by equality.

It meets the *restricted* pod security standard: the person's own numbers, no way to more rights, no capability, the runtime's
seccomp profile, no token of a service account, and no volume but claims, memory and the launch's own Secret. The file system
of the image is read-only, as in the sandbox.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from trainyard.jobs.launch import LaunchSpec

from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.configuration import Configuration, Placement
from trainyard_spawner.kubernetes.volumes import Place, Shown
from trainyard_spawner.sandbox import HOME, SMALL_TMPFS

Object = dict[str, Any]
UNCOUNTED_CPU = "50m"


@dataclass(frozen=True)
class Parts:
    """What a pod is put together from, beside its specification: the container image, the names of the code's ConfigMap and
    of the launch's Secret, the claims' places, and by target the Secret's keys that are shown as files.
    """

    image: str
    code: str
    modules: tuple[str, ...]
    secret: str
    shown: tuple[Shown, ...]
    files: tuple[tuple[str, str], ...] = ()


def template(spec: LaunchSpec, parts: Parts, configuration: Configuration) -> Object:
    """The pod of ``spec``; of a gang's replica it can be told by whom it may be reached."""
    where = configuration.gpu if spec.resources.gpu else configuration.processor
    claims = tuple(dict.fromkeys(shown.place.claim for shown in parts.shown))
    pod: Object = {
        "restartPolicy": "Never",
        "hostname": spec.key,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": math.ceil(spec.grace) + names.CERTIFICATE_SECONDS,
        "securityContext": security(spec),
        "containers": [_container(spec, parts, configuration, claims)],
        "volumes": [*_own_volumes(spec, parts, configuration), *_claim_volumes(claims)],
        **_placement(where),
    }
    if configuration.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in configuration.pull_secrets]
    # an autoscaler may not move what runs once
    kept = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    labels = names.labels(configuration.name, spec.key) | configuration.marks
    if spec.gang:
        labels |= names.gang_labels(configuration.name, spec.gang)
    return {"metadata": {"labels": labels, "annotations": kept}, "spec": pod}


def security(spec: LaunchSpec) -> Object:
    """Who the pod's processes are; no ``fsGroup``, which would have every file of a share chowned at each start."""
    return {
        "runAsNonRoot": True,
        "runAsUser": spec.identity.uid,
        "runAsGroup": spec.identity.gid,
        "supplementalGroups": list(spec.identity.groups),
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def resources(spec: LaunchSpec, gpu_resource: str) -> Object:
    """Requests equal to limits: what the ledger gave is there, and no more; what it does not count asks for hardly a core."""
    amounts = {"cpu": f"{round(spec.resources.cpu * 1000)}m", "memory": str(spec.resources.memory)}
    if spec.resources.gpu:
        amounts[gpu_resource] = str(spec.resources.gpu)
    requests = {**amounts, "cpu": UNCOUNTED_CPU} if spec.resources.uncounted else amounts
    return {"requests": requests, "limits": dict(amounts)}


def _container(spec: LaunchSpec, parts: Parts, configuration: Configuration, claims: tuple[str, ...]) -> Object:
    own = {"env": [{"name": names.ADDRESS, "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]} if spec.gang else {}
    return {
        **own,
        "name": names.CONTAINER,
        "image": parts.image,
        "imagePullPolicy": configuration.pull_policy,
        "command": list(names.COMMAND),
        "workingDir": "/",
        "resources": resources(spec, configuration.gpu_resource),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePath": names.CERTIFICATE,
        "terminationMessagePolicy": "File",
        "volumeMounts": [*_own_mounts(spec, parts), *(_shown(one, claims) for one in parts.shown)],
    }


def _own_volumes(spec: LaunchSpec, parts: Parts, configuration: Configuration) -> list[Object]:
    half = str(spec.resources.memory // 2)
    scratch = str(configuration.scratch)
    items = [{"key": module, "path": path_of(module)} for module in parts.modules]
    return [
        {"name": "code", "configMap": {"name": parts.code, "items": items}},
        {"name": "plan", "secret": {"secretName": parts.secret, "defaultMode": 0o444}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": half}},
        {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": str(SMALL_TMPFS)}},
        {"name": "scratch", "emptyDir": {"sizeLimit": scratch}},
    ]


def _own_mounts(spec: LaunchSpec, parts: Parts) -> list[Object]:
    mounts: list[Object] = [
        {"name": "code", "mountPath": names.CODE, "readOnly": True},
        {"name": "plan", "mountPath": names.PLAN, "readOnly": True},
        {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108 (a path inside the pod)
        {"name": "run", "mountPath": "/run"},
        {"name": "scratch", "mountPath": "/tmp", "subPath": "tmp"},  # noqa: S108
    ]
    if not any(str(mount.target) == HOME for mount in spec.mounts):
        mounts.append({"name": "scratch", "mountPath": HOME, "subPath": "home"})
    return mounts + [{"name": "plan", "mountPath": target, "subPath": key, "readOnly": True} for target, key in parts.files]


def path_of(module: str) -> str:
    """Where a ConfigMap's key ``trainyard_spawner.inside.pod.py`` lies as a file: keys have no slash."""
    stem, _, ending = module.rpartition(".")
    return f"{stem.replace('.', '/')}.{ending}"


def _claim_volumes(claims: tuple[str, ...]) -> list[Object]:
    return [{"name": f"claim-{number}", "persistentVolumeClaim": {"claimName": claim}} for number, claim in enumerate(claims)]


def _shown(one: Shown, claims: tuple[str, ...]) -> Object:
    place: Place = one.place
    mount: Object = {"name": f"claim-{claims.index(place.claim)}", "mountPath": one.target, "readOnly": one.read_only}
    return {**mount, "subPath": place.path} if place.path else mount


def _placement(where: Placement) -> Object:
    placed: Object = {}
    if where.node_selector:
        placed["nodeSelector"] = dict(where.node_selector)
    if where.tolerations:
        placed["tolerations"] = [dict(one) for one in where.tolerations]
    if where.priority_class:
        placed["priorityClassName"] = where.priority_class
    return placed
