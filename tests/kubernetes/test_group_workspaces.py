"""Workspaces with everything in the cluster, each in the namespace of its group: what differs from the common namespace."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.kubernetes.platform import ClusterPlatform, build_images, running_platform
from tests.kubernetes.test_platform import administrator, alice, bob, ok
from tests.kubernetes.test_platform_workspaces import (
    Guest,
    guests,
    test_stopped_they_leave_nothing_on_the_cluster_and_no_folder,
    test_the_hub_in_its_pod_starts_a_restricted_pod_each,
    test_two_people_of_two_groups_reach_nothing_of_each_other,
    two,
)
from tests.kubernetes.workspace_image import WORKSPACE_IMAGE, make_workspace_image

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]
__all__ = [
    "administrator",
    "alice",
    "bob",
    "guests",
    "test_stopped_they_leave_nothing_on_the_cluster_and_no_folder",
    "test_the_hub_in_its_pod_starts_a_restricted_pod_each",
    "test_two_people_of_two_groups_reach_nothing_of_each_other",
    "two",
]


@pytest.fixture(scope="module")
def apart() -> str:
    """How the groups' namespaces are called."""
    return f"g-{secrets.token_hex(3)}"


@pytest.fixture(scope="module")
def platform(namespace: str, apart: str) -> Iterator[ClusterPlatform]:
    """One for all tests of this file."""
    build_images()
    make_workspace_image()
    with running_platform(WORKSPACE_IMAGE, group_namespaces=f"{apart}-{{group}}") as made:
        yield made


def test_each_is_in_the_namespace_of_its_group(apart: str, two: tuple[Guest, Guest]) -> None:
    for guest in two:
        group = ok(guest.member.http.get(f"/groups/{guest.member.group}"))["id"]
        assert guest.pod()["metadata"]["namespace"] == f"{apart}-{group}"
