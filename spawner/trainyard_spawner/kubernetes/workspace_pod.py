"""A workspace's pod: the pod of every launch, as a ``Pod`` of its own that KubeSpawner finds again. Pure functions."""

from __future__ import annotations

from typing import Any

from trainyard.jobs.launch import LaunchSpec

from trainyard_spawner.kubernetes import names
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.pod import Object, Parts, template

PORT_NAME = "notebook-port"


def workspace_pod(spec: LaunchSpec, parts: Parts, configuration: Configuration) -> Object:
    """The pod of ``spec``, whose ``listen_port`` the proxy reaches at the pod's own address."""
    made = template(spec, parts, configuration)
    labels = {**made["metadata"]["labels"], names.COMPONENT: component(configuration)}
    metadata = {**made["metadata"], "name": spec.key, "namespace": configuration.namespace, "labels": labels}
    served = {"name": names.WORKSPACE, "ports": [{"name": PORT_NAME, "containerPort": spec.listen_port, "protocol": "TCP"}]}
    containers = [{**one, **served} for one in made["spec"]["containers"]]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**made["spec"], "containers": containers}}


def component(configuration: Configuration) -> str:
    """The label by which a Hub finds its own pods among those of others in the namespace."""
    return f"{configuration.name[:50]}-workspace"


def owner(pod: Any) -> Object:
    """What makes another object end with ``pod``."""
    reference = {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]}
    return {"metadata": {"ownerReferences": [{**reference, "blockOwnerDeletion": False, "controller": False}]}}
