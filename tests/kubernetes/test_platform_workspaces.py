"""Workspaces with everything in the cluster: the Hub in its pod starts them, two people of two groups have one each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from trainyard_hub.kubernetes.restricted import violations

from tests.hub.running import Person
from tests.kubernetes.conftest import kubectl, until
from tests.kubernetes.in_workspace import call, in_terminal
from tests.kubernetes.platform import LONG, ClusterPlatform, build_images, running_platform
from tests.kubernetes.test_platform import PASSWORD, Away, Member, about, administrator, alice, bob, ok
from tests.kubernetes.trespassing import judge, lay_out
from tests.kubernetes.workspace_image import WORKSPACE_IMAGE, make_workspace_image

__all__ = ["administrator", "alice", "bob"]
pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def platform(namespace: str) -> Iterator[ClusterPlatform]:
    """One for all tests of this file, whose only image has JupyterLab."""
    build_images()
    make_workspace_image()
    with running_platform(WORKSPACE_IMAGE) as made:
        yield made


class Guest:
    """Somebody with a workspace: their browser, their calls, and their pod."""

    def __init__(self, platform: ClusterPlatform, member: Member) -> None:
        self.platform, self.member = platform, member
        self.browser = Person(platform, member.number)
        assert self.browser.sign_in(member.name, PASSWORD).status_code == 200

    def workspace(self) -> dict[str, Any]:
        """As the service tells it."""
        return dict(ok(self.member.http.get("/workspace")))

    def state(self) -> str:
        """Empty while the Hub, which the service asks whose a token is, starts again."""
        try:
            return str(self.workspace()["state"])
        except (Away, httpx.HTTPError):
            return ""

    def begin(self) -> None:
        """A workspace that answers; one that runs already is used again."""
        if self.state() != "running":
            until(lambda: self.state() == "stopped", LONG)
            shown = self.browser.spawn(self.member.group)
            assert shown.status_code == 200, shown.text
        until(self.browser.lab_answers, LONG)

    def pod(self) -> dict[str, Any]:
        """The one pod of this person's."""
        chosen = ("-A", "-l", f"component={self.platform.name}-workspace", "-o", "json")
        found = json.loads(kubectl("get", "pods", *chosen))["items"]
        (own,) = [one for one in found if one["metadata"]["name"].startswith(f"workspace-{self.member.number}-")]
        return dict(own)


@pytest.fixture(scope="module")
def guests(platform: ClusterPlatform, alice: Member, bob: Member) -> tuple[Guest, Guest]:
    return Guest(platform, alice), Guest(platform, bob)


@pytest.fixture
def two(guests: tuple[Guest, Guest]) -> tuple[Guest, Guest]:
    """Both with a workspace that runs."""
    for guest in guests:
        guest.begin()
    return guests


def test_the_hub_in_its_pod_starts_a_restricted_pod_each(two: tuple[Guest, Guest]) -> None:
    for guest in two:
        spec = guest.pod()["spec"]
        assert violations(spec) == []
        assert [one for one in spec["volumes"] if "projected" in one] == []
        assert guest.workspace()["state"] == "running"


def test_what_a_page_saves_lies_on_the_share_of_the_person(two: tuple[Guest, Guest]) -> None:
    for guest in two:
        name = guest.member.name
        call(guest.browser, "PUT", "contents/notes.txt", {"type": "file", "format": "text", "content": name})
        saved = guest.member.share() / "notes.txt"
        assert (saved.read_text(), saved.stat().st_uid) == (name, guest.pod()["spec"]["securityContext"]["runAsUser"])


def test_two_people_of_two_groups_reach_nothing_of_each_other(platform: ClusterPlatform, two: tuple[Guest, Guest]) -> None:
    # they wait, since the workspaces hold every processor there is
    made = [guest.member.train("private", 'python3 -c "pass"') for guest in two]
    for (guest, other), training in zip((two, two[::-1]), made[::-1], strict=True):
        pod, me = other.pod(), guest.member
        known = about(platform, me, other.member, training, pod)
        lay_out(me.share(), replace(known, address=pod["status"]["podIP"]))
        judge(in_terminal(guest.browser, f"python -u /workspace/mnt/group/{me.group}/{me.name}/tries.py"), me.group)
        assert other.browser.lab_answers(), other.browser.seen
    for guest, training in zip(two, made, strict=True):
        ok(guest.member.http.post(f"/jobs/{training['job']['id']}/stop"))
        guest.member.until(training, "stopped")


@pytest.mark.parametrize("container", ["hub", "service"])
def test_workspaces_stay_when_a_container_of_the_platform_is_killed(
    platform: ClusterPlatform, two: tuple[Guest, Guest], container: str
) -> None:
    pods = [guest.pod()["metadata"]["uid"] for guest in two]
    before = platform.restarts(container)
    platform.kill_container(container)
    until(lambda: platform.restarts(container) > before, LONG)
    platform.wait()
    stay(two, pods)


def test_workspaces_stay_when_the_platforms_pod_is_deleted(platform: ClusterPlatform, two: tuple[Guest, Guest]) -> None:
    pods = [guest.pod()["metadata"]["uid"] for guest in two]
    platform.delete_pod()
    platform.wait()
    stay(two, pods)


def stay(two: tuple[Guest, Guest], pods: list[str]) -> None:
    """They answer, the service knows them, and they are the pods that they were."""
    for guest in two:
        until(guest.browser.lab_answers, LONG)
        until(lambda guest=guest: guest.state() == "running", LONG)  # type: ignore[misc]
    assert [guest.pod()["metadata"]["uid"] for guest in two] == pods


def test_a_workspaces_pod_deleted_by_hand_is_told_and_started_again(
    platform: ClusterPlatform, two: tuple[Guest, Guest]
) -> None:
    one, other = two
    before = other.pod()["metadata"]["uid"]
    gone = one.pod()["metadata"]["name"]
    kubectl("delete", "pod", gone, "-n", one.pod()["metadata"]["namespace"])
    until(lambda: one.state() == "stopped", LONG)
    assert one.workspace()["ending"]["cause"] == "node-evicted"
    until(lambda: not one.browser.lab_answers(), LONG)
    one.begin()
    assert one.pod()["metadata"]["name"] != gone
    assert other.pod()["metadata"]["uid"] == before


def test_stopped_they_leave_nothing_on_the_cluster_and_no_folder(platform: ClusterPlatform, two: tuple[Guest, Guest]) -> None:
    for guest in two:
        ok(guest.member.http.post("/workspace/stop"))
    until(lambda: all(guest.state() == "stopped" for guest in two), LONG)
    chosen = ("-A", "-l", f"app.kubernetes.io/instance={platform.name},trainyard.io/launch", "-o", "name")
    until(lambda: "workspace-" not in kubectl("get", "pods,secrets", *chosen), LONG)
    until(lambda: not list((platform.folder / "launches").glob("workspace-*")), LONG)
