"""Who may speak to whom, as NetworkPolicies. Pure functions.

Launches reach the platform's public entrance, name servers and, where that is wished, the internet; never each other, never
the cluster's own addresses. Database and store are reached by the platform alone, and reach nobody.
"""

from __future__ import annotations

from trainyard_spawner.kubernetes.names import LAUNCH
from trainyard_spawner.kubernetes.names import labels as launch_labels

from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.parts import DATABASE_PORT, PUBLIC_PORT, STORE_PORT, Object, metadata, named, selector

NAME_PORTS = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
BOTH = ["Ingress", "Egress"]
NAMESPACE_LABEL = "trainyard.io/platform"
NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""Which the cluster itself gives every namespace from v1.21 on."""


def policies(deployment: Deployment) -> list[Object]:
    """All of them, or none where the administrator writes their own."""
    if not deployment.network.policies:
        return []
    made = [launch_policy(deployment, deployment.work), _platform(deployment)]
    if deployment.database.url is None:
        made.append(_only_for_platform(deployment, "database", DATABASE_PORT))
    if deployment.store.url is None:
        made.append(_only_for_platform(deployment, "store", STORE_PORT))
    return made


def launch_policy(deployment: Deployment, namespace: str) -> Object:
    """Whom launches in ``namespace`` reach, and who reaches them: work namespace, or (empty) that of any group."""
    platform = _platform_pods(deployment, namespace)
    egress: list[Object] = [{"to": platform, "ports": [_tcp(PUBLIC_PORT)]}, {"ports": list(NAME_PORTS)}]
    if deployment.network.internet:
        open_world = {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(deployment.network.closed)}}
        egress.append({"to": [open_world]})
    chosen = {
        "matchLabels": launch_labels(deployment.name),
        "matchExpressions": [{"key": LAUNCH, "operator": "Exists"}],
    }
    ingress: list[Object] = [{"from": platform}]
    return _policy(deployment, "launches", namespace, {"podSelector": chosen, "ingress": ingress, "egress": egress})


def _platform(deployment: Deployment) -> Object:
    """People and launches come to the public entrance; outwards it is open, since people's buckets lie anywhere."""
    chosen = {"matchLabels": selector(deployment, "platform")}
    ingress = [{"ports": [_tcp(PUBLIC_PORT)]}]
    return _policy(deployment, "platform", deployment.namespace, {"podSelector": chosen, "ingress": ingress, "egress": [{}]})


def _only_for_platform(deployment: Deployment, component: str, port: int) -> Object:
    who = [{"podSelector": {"matchLabels": selector(deployment, "platform")}}]
    chosen = {"matchLabels": selector(deployment, component)}
    ingress = [{"from": who, "ports": [_tcp(port)]}]
    return _policy(deployment, component, deployment.namespace, {"podSelector": chosen, "ingress": ingress, "egress": []})


def _platform_pods(deployment: Deployment, namespace: str) -> list[Object]:
    """The platform as peers of who is in ``namespace``."""
    pods: Object = {"podSelector": {"matchLabels": selector(deployment, "platform")}}
    if namespace == deployment.namespace:
        return [pods]
    # either is enough: v1.20 gives namespaces no label of their name, and ours is not on one that was there before us
    marks = {NAMESPACE_LABEL: deployment.name}, {NAMESPACE_NAME: deployment.namespace}
    return [{**pods, "namespaceSelector": {"matchLabels": mark}} for mark in marks]


def _tcp(port: int) -> Object:
    return {"protocol": "TCP", "port": port}


def _policy(deployment: Deployment, what: str, namespace: str, specification: Object) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(deployment, named(deployment, what), what, namespace),
        "spec": {**specification, "policyTypes": list(BOTH)},
    }
