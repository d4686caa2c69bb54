"""All objects of a deployment, in the order they are made: what others refer to comes first. Pure functions."""

from __future__ import annotations

import hashlib
import json

import yaml

from trainyard_hub.kubernetes.backing import backing
from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.parts import PUBLIC_PORT, Object, labels, metadata, named, selector
from trainyard_hub.kubernetes.platform import deployment_object
from trainyard_hub.kubernetes.policies import NAMESPACE_LABEL, launch_policy, policies
from trainyard_hub.kubernetes.rights import accounts
from trainyard_hub.kubernetes.shares import share_jobs
from trainyard_hub.kubernetes.storage import LAUNCHES, VOLUME, claim_name, claims, group_claim_name

LAUNCHER_FILE = "launcher.yaml"
SECURITY = "pod-security.kubernetes.io"
DATA_KINDS = ("PersistentVolume", "PersistentVolumeClaim", "Secret", "Namespace")
"""What holds something that cannot be made again, or goes with all it holds."""


def objects(deployment: Deployment) -> list[Object]:
    """Everything but the Secret, whose content is made on the cluster."""
    return [
        *namespaces(deployment),
        *accounts(deployment),
        configuration(deployment),
        *claims(deployment),
        *share_jobs(deployment),
        entrance(deployment),
        *policies(deployment),
        *backing(deployment),
        deployment_object(deployment, configured(deployment)),
        *_ingress(deployment),
    ]


def namespaces(deployment: Deployment) -> list[Object]:
    """Where the platform runs, and where workspaces and jobs do. The service is *baseline* and everything else *restricted*;
    a cluster that does not know these labels ignores them.
    """
    apart = deployment.work != deployment.namespace
    own = _namespace(deployment, deployment.namespace, "baseline")
    return [own, _namespace(deployment, deployment.work, "restricted")] if apart else [own]


def _namespace(deployment: Deployment, name: str, standard: str) -> Object:
    wanted = {f"{SECURITY}/enforce": standard, f"{SECURITY}/audit": "restricted", f"{SECURITY}/warn": "restricted"}
    mark = {NAMESPACE_LABEL: deployment.name} if name == deployment.namespace else {}
    everything = {**labels(deployment, "platform"), **mark, **wanted}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": everything}}


def configuration(deployment: Deployment) -> Object:
    """What the platform's pod reads at its start: how launches use the cluster."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(deployment, named(deployment, "configuration"), "platform"),
        "data": {LAUNCHER_FILE: yaml.safe_dump(launcher_record(deployment), sort_keys=True, allow_unicode=True)},
    }


def configured(deployment: Deployment) -> str:
    """What the configuration is known by, but for how images are pulled: the pod's own containers are told that too."""
    told = {name: value for name, value in launcher_record(deployment).items() if name != "pull_policy"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def launcher_record(deployment: Deployment) -> Object:
    """The launcher's own record, but the platform's address, which only the running pod knows."""
    places = [{"folder": what, "claim": claim_name(deployment, what)} for what in (LAUNCHES, VOLUME)]
    groups = [*deployment.named_groups, *(("{group}",) if deployment.claims_as_needed else ())]
    places += [{"folder": f"{VOLUME}/groups/{group}", "claim": group_claim_name(deployment, group)} for group in groups]
    return {
        **deployment.launches.model_dump(mode="json"),
        "name": deployment.name,
        "namespace": deployment.work,
        "pull_policy": deployment.pull_policy,
        "policies": deployment.network.policies,
        "pull_secrets": list(deployment.pull_secrets),
        "claims": places,
        **_of_groups(deployment),
    }


def _of_groups(deployment: Deployment) -> Object:
    """What the launcher makes claims and namespaces of groups from."""
    source = deployment.storage.source
    if not deployment.claims_as_needed or source is None:
        return {}
    if not deployment.group_namespaces:
        return {"source": source.model_dump(mode="json")}
    policy = [launch_policy(deployment, "")] if deployment.network.policies else []
    return {
        "group_namespaces": deployment.group_namespaces,
        "source": source.model_dump(mode="json"),
        "group_objects": [*policy, *deployment.group_objects],
    }


def entrance(deployment: Deployment) -> Object:
    """The Service people and launches come by."""
    access = deployment.access
    port: Object = {"name": "http", "port": PUBLIC_PORT, "targetPort": PUBLIC_PORT, "protocol": "TCP"}
    if access.node_port is not None and access.service_type != "ClusterIP":
        port["nodePort"] = access.node_port
    about = metadata(deployment, named(deployment, "http"), "platform")
    if access.annotations:
        about["annotations"] = dict(access.annotations)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": about,
        "spec": {"type": access.service_type, "selector": selector(deployment, "platform"), "ports": [port]},
    }


def _ingress(deployment: Deployment) -> list[Object]:
    wanted = deployment.access.ingress
    if wanted is None:
        return []
    backend = {"service": {"name": named(deployment, "http"), "port": {"name": "http"}}}
    rule = {"host": wanted.host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    about = metadata(deployment, named(deployment, "http"), "platform")
    if wanted.annotations:
        about["annotations"] = dict(wanted.annotations)
    specification: Object = {"rules": [rule]}
    if wanted.class_name:
        specification["ingressClassName"] = wanted.class_name
    if wanted.tls_secret:
        specification["tls"] = [{"hosts": [wanted.host], "secretName": wanted.tls_secret}]
    return [{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": about, "spec": specification}]
