"""What the replicas of one attempt share on the cluster: a Service each, and the policy that lets them meet.

Whoever starts first makes all of it, since every replica is told the addresses of all. All of it belongs to the first replica's
Job and ends with that; while there is no such Job it belongs to nobody, so whoever cannot make the Job takes it away again.
"""

from __future__ import annotations

import logging

from trainyard.jobs.launch import LaunchSpec

from trainyard_spawner.kubernetes import names, objects
from trainyard_spawner.kubernetes.cluster import Cluster, Object, Refused
from trainyard_spawner.kubernetes.configuration import Configuration
from trainyard_spawner.kubernetes.keeping import create_once, delete, path_of

log = logging.getLogger(__name__)


def leads(spec: LaunchSpec) -> bool:
    """Whether what the gang shares belongs to this launch."""
    return bool(spec.gang) and spec.key == spec.gang[0]


async def meet(cluster: Cluster, spec: LaunchSpec, configuration: Configuration) -> dict[str, str]:
    """The addresses of the other replicas by their keys, all of them made where one is missing.

    Raises:
        Refused: the API server does not let us; nothing that was made now is left.
    """
    there = await _addresses(cluster, spec.gang, configuration)
    missing = [one for one in objects.services(spec, configuration) if one["metadata"]["name"] not in there]
    for service in missing:
        await create_once(cluster, path_of(configuration.namespace, "services"), service)
    if configuration.policies and (missing or leads(spec)):
        policy = objects.gang_policy(spec, configuration)
        await create_once(cluster, path_of(configuration.namespace, "networkpolicies"), policy)
    there = await _addresses(cluster, spec.gang, configuration) if missing else there
    return {key: there[key] for key in spec.gang if key != spec.key}


async def belong(cluster: Cluster, spec: LaunchSpec, job: Object, configuration: Configuration) -> None:
    """Give everything the gang shares to ``job``, the first replica's."""
    owner = objects.owner(job)
    for key in spec.gang:
        await cluster.patch(f"{path_of(configuration.namespace, 'services')}/{key}", owner)
    if configuration.policies:
        await cluster.patch(f"{path_of(configuration.namespace, 'networkpolicies')}/{spec.gang[0]}", owner)


async def leave_nothing(cluster: Cluster, gang: tuple[str, ...], configuration: Configuration) -> None:
    """Take away what a gang shares that has no Job: trouble with one of them is logged and the others go on."""
    shared = [("services", key) for key in gang]
    shared += [("networkpolicies", gang[0])] if configuration.policies else []
    for kind, name in shared:
        try:
            await delete(cluster, f"{path_of(configuration.namespace, kind)}/{name}")
        except Refused as refused:
            log.warning("%s %s could not be taken away: %s", kind, name, refused)


async def _addresses(cluster: Cluster, gang: tuple[str, ...], configuration: Configuration) -> dict[str, str]:
    chosen = ",".join(f"{name}={value}" for name, value in names.gang_labels(configuration.name, gang).items())
    found = await cluster.get(path_of(configuration.namespace, "services"), labelSelector=chosen)
    return {one["metadata"]["name"]: one["spec"]["clusterIP"] for one in found["items"]}
