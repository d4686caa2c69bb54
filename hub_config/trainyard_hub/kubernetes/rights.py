"""Who may do what in the cluster: the platform's account, with the rights the launcher uses and no other. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from trainyard_spawner.kubernetes.doctor import CLAIMS, EVERYWHERE, READ_SECRET, RIGHTS, VOLUMES

from trainyard_hub.kubernetes.configuration import Deployment
from trainyard_hub.kubernetes.parts import Object, labels, metadata, named

AUTHORIZATION = "rbac.authorization.k8s.io"
Right = tuple[str, str, tuple[str, ...]]


def rules(rights: Iterable[Right]) -> list[Object]:
    """One rule a resource, each verb once, in the order of the alphabet."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for group, resource, several in rights:
        verbs.setdefault((group, resource), set()).update(several)
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": sorted(several)}
        for (group, resource), several in sorted(verbs.items())
    ]


def accounts(deployment: Deployment) -> list[Object]:
    """The service account, its role where workspaces and jobs run, and that it may see nodes: how many GPUs they have. Where
    groups have claims of their own it may make volumes, which belong to no namespace; where they have namespaces of their own,
    which are made as they are needed, its rights are those of the whole cluster.
    """
    name = named(deployment, "platform")
    subject = {"kind": "ServiceAccount", "name": name, "namespace": deployment.namespace}
    nodes = f"{deployment.namespace}-{name}"
    more = EVERYWHERE if deployment.group_namespaces else VOLUMES if deployment.claims_as_needed else ()
    here = (*RIGHTS, *CLAIMS) if deployment.claims_as_needed else RIGHTS
    everywhere = [("", "nodes", ("get", "list")), *more]
    whole = {"name": nodes, "labels": labels(deployment, "platform")}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata(deployment, name, "platform"),
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": f"{AUTHORIZATION}/v1",
            "kind": "Role",
            "metadata": metadata(deployment, name, "platform", deployment.work),
            "rules": [*rules(here), *_of_pulling(deployment)],
        },
        _binding("RoleBinding", metadata(deployment, name, "platform", deployment.work), subject, ("Role", name)),
        {"apiVersion": f"{AUTHORIZATION}/v1", "kind": "ClusterRole", "metadata": whole, "rules": rules(everywhere)},
        _binding("ClusterRoleBinding", dict(whole), subject, ("ClusterRole", nodes)),
    ]


def _of_pulling(deployment: Deployment) -> list[Object]:
    """The Secrets that images are pulled with are read, and no others, where they are copied into namespaces of groups."""
    if not (deployment.group_namespaces and deployment.pull_secrets):
        return []
    group, resource, verb = READ_SECRET
    named = {"resources": [resource], "resourceNames": list(deployment.pull_secrets)}
    return [{"apiGroups": [group], **named, "verbs": [verb]}]


def _binding(kind: str, whom: Object, subject: Object, role: tuple[str, str]) -> Object:
    return {
        "apiVersion": f"{AUTHORIZATION}/v1",
        "kind": kind,
        "metadata": whom,
        "roleRef": {"apiGroup": AUTHORIZATION, "kind": role[0], "name": role[1]},
        "subjects": [subject],
    }
