"""The platform inside of the cluster: people reach it, jobs run, and nothing is lost when its parts are killed."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from trainyard.client.applying import apply as apply_for_account
from trainyard.records.accounts import Application

from tests.kubernetes.api_server import api_server_away
from tests.kubernetes.conftest import IMAGE, kubectl, make_image, until
from tests.kubernetes.platform import LONG, ClusterPlatform, build_images, running_platform
from tests.kubernetes.small_volume import fill
from tests.kubernetes.trespassing import Other, judge, lay_out

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]
ENDED = ("finished", "failed", "stopped")
WAITS = "python3 -u -c \"import time; print('up'); time.sleep(3000)\""
PASSWORD = "correct horse battery staple"
LOOPBACK_ONLY = (8001, 8010, 8020)
"""Hub, service and pages, which speak to each other on the platform pod's loopback."""


@pytest.fixture(scope="module")
def platform() -> Iterator[ClusterPlatform]:
    """One for all tests of this file; jobs run in a namespace of their group."""
    if not os.environ.get("KUBECONFIG"):
        pytest.skip("no cluster: KUBECONFIG is not set")
    make_image()
    build_images()
    apart = f"g-{secrets.token_hex(3)}-{{group}}"
    with running_platform(IMAGE, group_namespaces=apart) as made:
        yield made


class Member:
    """Somebody of one group, by REST; ``number`` is the account's."""

    def __init__(self, platform: ClusterPlatform, number: int, name: str, group: str) -> None:
        self.platform = platform
        self.number, self.name, self.group = number, name, group
        self.http = platform.api(number)

    def share(self) -> Path:
        """Their folder on the group's share, as the machine sees it."""
        (found,) = [one for one in (self.platform.folder / "volume/groups").iterdir() if (one / self.name).is_dir()]
        return found / self.name

    def train(self, name: str, entry: str) -> dict[str, Any]:
        """A training of one command; a test that is tried again makes another one."""
        own = f"{name}-{secrets.token_hex(3)}"
        body = {"name": own, "group": self.group, "image": "workspace", "package": "1Core2G", "entry": entry}
        return dict(ok(self.http.post("/trainings", json=body)))

    def job(self, made: dict[str, Any]) -> dict[str, Any]:
        """Its job now."""
        return dict(ok(self.http.get(f"/jobs/{made['job']['id']}")))

    def until(self, made: dict[str, Any], *states: str) -> dict[str, Any]:
        """Its job once it is in one of ``states``; the service may be away meanwhile."""
        seen: dict[str, Any] = {}

        def look() -> bool:
            try:
                seen.update(self.job(made))
            except (httpx.HTTPError, Away):
                return False
            return seen["state"] in states or seen["state"] in ENDED

        until(look, LONG)
        assert seen["state"] in states, seen
        return seen

    def log(self, made: dict[str, Any]) -> str:
        """What it said."""
        return self.http.get(f"/jobs/{made['job']['id']}/log").text


class Away(Exception):
    """The proxy answers, and behind it nobody does."""


def ok(answer: httpx.Response) -> Any:
    if answer.status_code in (502, 503, 504):
        raise Away(answer.status_code)
    assert answer.status_code < 300, f"{answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json()


@pytest.fixture(scope="module")
def administrator(platform: ClusterPlatform) -> httpx.Client:
    return platform.api(1)


@pytest.fixture(scope="module")
def alice(platform: ClusterPlatform, administrator: httpx.Client) -> Member:
    return newcomer(platform, administrator, "alice", "vision")


@pytest.fixture(scope="module")
def bob(platform: ClusterPlatform, administrator: httpx.Client) -> Member:
    return newcomer(platform, administrator, "bob", "speech")


def newcomer(platform: ClusterPlatform, administrator: httpx.Client, name: str, group: str) -> Member:
    """Somebody applies at the Hub and is let in, into a group of their own."""
    apply_for_account(platform.address, Application(name=name, password=PASSWORD))
    ok(administrator.post("/groups", json={"name": group}))
    (applied,) = [one for one in ok(administrator.get("/accounts"))["items"] if one["name"] == name]
    ok(administrator.post(f"/accounts/{applied['id']}/approve", json={"group": group}))
    assert platform.sign_in(name, PASSWORD).status_code == httpx.codes.OK  # the Hub knows whoever was there
    return Member(platform, applied["id"], name, group)


def about(platform: ClusterPlatform, me: Member, other: Member, training: dict[str, Any], pod: dict[str, Any]) -> Other:
    """What ``me`` would know of ``other`` who knows everything but secrets; ``pod`` is the other's."""
    own = kubectl("get", "pods", "-n", platform.name, *platform.chosen(), "-o", "jsonpath={.items[0].status.podIP}")
    store = json.loads(kubectl("get", "service", f"{platform.name}-s3", "-n", platform.name, "-o", "json"))["spec"]
    return Other(
        me=me.number,
        number=other.number,
        group=other.group,
        pod=pod["metadata"]["name"],
        training=training,
        namespaces=sorted({platform.name, pod["metadata"]["namespace"]}),
        store=f"http://{store['clusterIP']}:{store['ports'][0]['port']}/",
        closed=[(own, port) for port in LOOPBACK_ONLY],
    )


def of_launches(platform: ClusterPlatform) -> tuple[str, ...]:
    """What chooses the objects of this platform's launches, in whatever namespace."""
    return "-A", "-l", f"app.kubernetes.io/instance={platform.name},trainyard.io/launch"


def test_people_sign_in_through_the_service_and_a_page_is_drawn(platform: ClusterPlatform) -> None:
    page = platform.sign_in("admin", platform.secret("administrator-password"))
    assert (page.status_code, page.url.path) == (200, "/services/pages/overview"), page.text
    assert 'id="ty-page"' in page.text


def test_a_job_runs_as_a_job_of_the_cluster_that_is_gone_soon_after_its_end(platform: ClusterPlatform, alice: Member) -> None:
    made = alice.train("first", WAITS)
    job = alice.until(made, "running")
    (made_of,) = json.loads(kubectl("get", "jobs", *of_launches(platform), "-o", "json"))["items"]
    assert made_of["metadata"]["name"] == f"job-{job['id']}-1"
    group = ok(alice.http.get("/groups/vision"))["id"]
    assert made_of["metadata"]["namespace"].endswith(f"-{group}")
    until(lambda: "up" in alice.log(made).splitlines(), LONG)
    ok(alice.http.post(f"/jobs/{job['id']}/stop"))
    assert alice.until(made, "stopped")["ending"]["cause"] == "stopped"
    until(lambda: not kubectl("get", "jobs,pods,secrets", *of_launches(platform), "-o", "name"), LONG)


def test_jobs_of_two_groups_reach_nothing_of_each_other(platform: ClusterPlatform, alice: Member, bob: Member) -> None:
    for me, other in ((alice, bob), (bob, alice)):
        private = other.train("private", WAITS)
        try:
            job = other.until(private, "running")
            found = kubectl("get", "pods", "-A", "-l", f"job-name=job-{job['id']}-1", "-o", "json")
            lay_out(me.share(), about(platform, me, other, private, *json.loads(found)["items"]))
            tried = me.train("tries", f"python3 -u /workspace/mnt/group/{me.group}/{me.name}/tries.py")
            assert me.until(tried, *ENDED)["state"] == "finished", me.log(tried)
            judge(me.log(tried), me.group)
            assert other.job(private)["state"] == "running"
        finally:
            ok(other.http.post(f"/jobs/{private['job']['id']}/stop"))
        other.until(private, "stopped")


def test_a_killed_service_goes_on_with_what_runs(platform: ClusterPlatform, alice: Member) -> None:
    made = alice.train("survives", WAITS)
    alice.until(made, "running")
    before = platform.restarts("service")
    platform.kill_container("service")
    until(lambda: platform.restarts("service") > before, LONG)
    platform.wait()
    job = alice.until(made, "running")
    assert job["attempt"] == 1
    assert ok(alice.http.post(f"/jobs/{job['id']}/stop")) is not None
    assert alice.until(made, "stopped")["ending"]["cause"] == "stopped"


def test_pods_deleted_by_hand(platform: ClusterPlatform, alice: Member) -> None:
    made = alice.train("goes-on", WAITS)
    alice.until(made, "running")
    platform.delete_pod()
    platform.wait()
    assert alice.until(made, "running")["attempt"] == 1
    kubectl("delete", "pod", *of_launches(platform), "--wait=false")
    assert alice.until(made, "failed")["ending"]["cause"] == "node-evicted"


def test_a_job_of_the_cluster_deleted_by_hand_is_told(platform: ClusterPlatform, alice: Member) -> None:
    made = alice.train("deleted", WAITS)
    job = alice.until(made, "running")
    kubectl("delete", "job", *of_launches(platform), "--field-selector", f"metadata.name=job-{job['id']}-1", "--wait=false")
    assert alice.until(made, "failed")["ending"]["cause"] == "node-evicted"


def test_a_full_volume_is_told_and_with_room_again_work_goes_on(platform: ClusterPlatform, alice: Member) -> None:
    filled = fill(platform.folder / "volume")
    writes = "dd if=/dev/zero of=/workspace/mnt/group/vision/made bs=1M count=8"
    try:
        failed = alice.until(alice.train("no-room", writes), *ENDED)
        assert (failed["state"], failed["ending"]["cause"]) == ("failed", "disk-full"), failed["ending"]
    finally:
        filled.unlink()
    made = alice.train("room", writes)
    assert alice.until(made, *ENDED)["state"] == "finished", alice.log(made)


def test_the_api_server_starts_again(platform: ClusterPlatform, alice: Member) -> None:
    made = alice.train("meanwhile", WAITS)
    alice.until(made, "running")
    with api_server_away():
        time.sleep(2)  # an outage that its watchers notice
    job = alice.until(made, "running")
    ok(alice.http.post(f"/jobs/{job['id']}/stop"))
    assert alice.until(made, "stopped")["attempt"] == 1
