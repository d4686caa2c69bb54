"""What the cluster's nodes could give to one launch, from the objects the API server has of them. Pure functions.

A node that is only cordoned or not ready just now counts. What pods of the system take of it does not: they come and go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trainyard.jobs.launch import Node, Resources

from trainyard_spawner.kubernetes.configuration import Configuration, Placement
from trainyard_spawner.kubernetes.quantities import amount

Object = Mapping[str, Any]
PASSING = "node.kubernetes.io/"
"""How the keys of taints begin that a node has for a while."""


def nearest(nodes: Iterable[Object], asked: Resources, configuration: Configuration) -> Node | None:
    """The node that comes nearest to ``asked`` where none of those a pod may run on has so much; None where one has."""
    where = configuration.gpu if asked.gpu else configuration.processor
    offers = [_offer(node, configuration.gpu_resource) for node in nodes if _lets_in(node, where)]
    return (
        max(offers, key=lambda node: _shares(node, asked)) if offers and not any(_has(one, asked) for one in offers) else None
    )


def _offer(node: Object, gpu_resource: str) -> Node:
    allocatable = node["status"].get("allocatable", {})
    cpu, memory, gpu = (amount(allocatable.get(name, "0")) for name in ("cpu", "memory", gpu_resource))
    return Node(name=node["metadata"]["name"], cpu=cpu, memory=int(memory), gpu=int(gpu))


def _has(node: Node, asked: Resources) -> bool:
    return node.cpu >= asked.cpu and node.memory >= asked.memory and node.gpu >= asked.gpu


def _shares(node: Node, asked: Resources) -> list[float]:
    """Which part it has of what is asked for, the least first."""
    pairs = ((node.cpu, asked.cpu), (node.memory, asked.memory), (node.gpu, asked.gpu))
    return sorted(min(1.0, has / wanted) for has, wanted in pairs if wanted)


def _lets_in(node: Object, where: Placement) -> bool:
    labels, taints = node["metadata"].get("labels") or {}, node["spec"].get("taints") or ()
    lasting = [one for one in taints if one["effect"] != "PreferNoSchedule" and not one["key"].startswith(PASSING)]
    tolerated = all(any(_tolerates(one, taint) for one in where.tolerations) for taint in lasting)
    return tolerated and where.node_selector.items() <= labels.items()


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool((toleration.get("key"), toleration.get("value") or "") == (taint["key"], taint.get("value") or ""))
