"""The objects of one launch: its Job, the Secret with its plan, and the ConfigMap with the supervisor's code. Pure functions.

The supervisor is not taken from the image but sent along: a dozen modules of the standard library only, the very ones that
run on one machine, so an image never has one that does not fit the platform.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping
from pathlib import Path

from trainyard.jobs.launch import LaunchSpec

from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.pod import Object, Parts, template

PORT = "TRAINYARD_PORT"
MODULES = (
    "__init__",
    "cgroups",
    "files",
    "log_file",
    "memory",
    "nvml",
    "relay",
    "supervisor",
    "usage",
    "inside.__init__",
    "inside.init",
    "inside.pod",
    "inside.privileges",
    "inside.terminal",
)


def read_code() -> dict[str, str]:
    """The supervisor's modules by ConfigMap key."""
    room = Path(__file__).resolve().parent.parent
    return {
        f"trainyard_spawner.{module}.py": (room / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
        for module in MODULES
    }


def code(modules: Mapping[str, str], configuration: Configuration) -> Object:
    """The ConfigMap of these modules; named after what it holds, so it never changes and old launches keep theirs."""
    digest = hashlib.sha256("\0".join(f"{name}\0{text}" for name, text in sorted(modules.items())).encode()).hexdigest()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{configuration.name}-supervisor-{digest[:12]}",
            "namespace": configuration.namespace,
            "labels": names.labels(configuration.name),
        },
        "immutable": True,
        "data": dict(modules),
    }


def secret(spec: LaunchSpec, content: Mapping[str, bytes], configuration: Configuration) -> Object:
    """The launch's plan and small files. It belongs to nothing until its Job is made."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(spec, configuration),
        "type": "Opaque",
        "data": {name: base64.b64encode(data).decode() for name, data in content.items()},
    }


def services(spec: LaunchSpec, configuration: Configuration) -> list[Object]:
    """An address for each replica of the gang, before any of them runs: a ClusterIP keeps still, and needs no DNS.

    It carries the one port that the replica is told (``TRAINYARD_PORT``, one more for each place). What else replicas open
    they tell each other themselves, with their pods' addresses.
    """
    first = int(spec.environment[PORT]) - spec.gang.index(spec.key)
    return [_service(spec, key, first + place, configuration) for place, key in enumerate(spec.gang)]


def _service(spec: LaunchSpec, key: str, port: int, configuration: Configuration) -> Object:
    chosen = names.labels(configuration.name, key)
    labels = chosen | names.gang_labels(configuration.name, spec.gang)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": key, "namespace": configuration.namespace, "labels": labels},
        "spec": {
            "selector": chosen,
            "publishNotReadyAddresses": True,
            "ports": [{"name": "replica", "port": port, "targetPort": port, "protocol": "TCP"}],
        },
    }


def gang_policy(spec: LaunchSpec, configuration: Configuration) -> Object:
    """Replicas of one attempt reach each other on every port: beside the policy that keeps launches apart."""
    labels = names.gang_labels(configuration.name, spec.gang)
    each_other = [{"podSelector": {"matchLabels": labels}}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": spec.gang[0], "namespace": configuration.namespace, "labels": labels},
        "spec": {
            "podSelector": {"matchLabels": labels},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": each_other}],
            "egress": [{"to": each_other}],
        },
    }


def owner(job: Object) -> Object:
    """What makes another object end with ``job``."""
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"]}
    return {"metadata": {"ownerReferences": [{**reference, "blockOwnerDeletion": False, "controller": False}]}}


def job(spec: LaunchSpec, parts: Parts, configuration: Configuration) -> Object:
    """One attempt is one pod: it is never repeated by the cluster, since starting again is the queue's decision."""
    what: Object = {
        "backoffLimit": 0,
        "completions": 1,
        "parallelism": 1,
        "template": template(spec, parts, configuration),
    }
    if spec.time_limit is not None:
        # the supervisor ends it in time; this is for the node that does not answer any more
        spare = configuration.start_seconds + spec.grace + names.CERTIFICATE_SECONDS
        what["activeDeadlineSeconds"] = math.ceil(spec.time_limit + spare)
    about = _metadata(spec, configuration)
    if spec.listen_port is not None:
        about["annotations"] = {names.LISTENS: str(spec.listen_port)}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "spec": what}


def _metadata(spec: LaunchSpec, configuration: Configuration) -> Object:
    return {
        "name": spec.key,
        "namespace": configuration.namespace,
        "labels": names.labels(configuration.name, spec.key) | configuration.marks,
    }
