"""Which node comes nearest to what none of them has."""

from __future__ import annotations

from typing import Any

import pytest
from trainyard.jobs.launch import Node, Resources
from trainyard_spawner.kubernetes.configuration import Configuration, Placement
from trainyard_spawner.kubernetes.nodes import nearest

GIB = 2**30
CONFIGURATION = Configuration()
RESERVED = {"key": "pool", "value": "gpu", "effect": "NoSchedule"}


def node(
    name: str, cpu: str, memory: str, gpu: int = 0, *, labels: dict[str, str] | None = None, taints: tuple[Any, ...] = ()
) -> dict[str, Any]:
    allocatable = {"cpu": cpu, "memory": memory, **({"nvidia.com/gpu": str(gpu)} if gpu else {})}
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"taints": list(taints)} if taints else {},
        "status": {"allocatable": allocatable},
    }


TWO = [node("a", "3920m", "15Gi"), node("b", "8", "7Gi", gpu=2)]


@pytest.mark.parametrize(
    ("cpu", "memory", "gpu", "name"),
    [(3, 14, 0, None), (8, 7, 2, None), (6, 14, 0, "a"), (7, 8, 0, "b"), (2, 10, 2, "b"), (16, 30, 8, "b")],
)
def test_a_node_is_named_where_each_lacks_something_that_another_has(
    cpu: float, memory: int, gpu: int, name: str | None
) -> None:
    found = nearest(TWO, Resources(cpu=cpu, memory=memory * GIB, gpu=gpu), CONFIGURATION)
    assert (found and found.name) == name


def test_a_node_is_told_with_what_it_has() -> None:
    found = nearest([node("a", "3920m", "15Gi")], Resources(cpu=6, memory=GIB), CONFIGURATION)
    assert found == Node(name="a", cpu=3.92, memory=15 * GIB, gpu=0)


def test_without_a_node_nothing_is_told() -> None:
    assert nearest([], Resources(cpu=1, memory=GIB), CONFIGURATION) is None


def test_npus_are_counted_by_their_own_name() -> None:
    one = node("a", "8", "15Gi")
    one["status"]["allocatable"]["huawei.com/Ascend910"] = "8"
    wanted = Resources(cpu=1, memory=GIB, gpu=8)
    assert nearest([one], wanted, Configuration(gpu_resource="huawei.com/Ascend910")) is None
    assert nearest([one], wanted, CONFIGURATION) is not None


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (Placement(), "small"),
        (Placement(tolerations=({"key": "pool", "operator": "Exists"},)), None),
        (Placement(tolerations=({"operator": "Exists"},)), None),
        (Placement(tolerations=({"key": "pool", "value": "gpu", "effect": "NoSchedule"},)), None),
        (Placement(tolerations=({"key": "pool", "value": "other"},)), "small"),
        (Placement(tolerations=({"key": "pool", "operator": "Exists", "effect": "NoExecute"},)), "small"),
    ],
    ids=["none", "the-key", "everything", "the-value", "another-value", "another-effect"],
)
def test_a_node_that_is_kept_for_others_counts_where_launches_are_let_in(where: Placement, name: str | None) -> None:
    several = [node("small", "2", "4Gi"), node("large", "64", "256Gi", taints=(RESERVED,))]
    found = nearest(several, Resources(cpu=8, memory=GIB), Configuration(processor=where))
    assert (found and found.name) == name


def test_only_nodes_that_launches_are_sent_to_count() -> None:
    several = [node("other", "64", "256Gi"), node("ours", "2", "4Gi", labels={"pool": "people"})]
    wanted = Configuration(processor=Placement(node_selector={"pool": "people"}))
    found = nearest(several, Resources(cpu=8, memory=GIB), wanted)
    assert found is not None
    assert found.name == "ours"


@pytest.mark.parametrize("key", ["node.kubernetes.io/unschedulable", "node.kubernetes.io/not-ready"])
def test_a_node_that_takes_nothing_for_a_while_counts(key: str) -> None:
    resting = node("a", "64", "256Gi", taints=({"key": key, "effect": "NoSchedule"},))
    assert nearest([resting], Resources(cpu=8, memory=GIB), CONFIGURATION) is None


def test_a_taint_that_is_only_a_wish_keeps_nobody_out() -> None:
    wished = node("a", "64", "256Gi", taints=({**RESERVED, "effect": "PreferNoSchedule"},))
    assert nearest([wished], Resources(cpu=8, memory=GIB), CONFIGURATION) is None
