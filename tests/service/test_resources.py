"""Packages, virtual clusters and guarantees as administrators declare them: kept, refused with numbers, in use not deleted."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from trainyard.errors import Unavailable
from trainyard.jobs.launch import Node
from trainyard.quotas import PackageSize
from trainyard.records.accounts import Quota
from trainyard.records.jobs import JobKind
from trainyard_service.database.base import now
from trainyard_service.database.tables.jobs import AllocationRow
from trainyard_service.jobs import life
from trainyard_service.jobs.ledger import Capacity
from trainyard_service.jobs.offers import declared_package

GIB = 2**30
PACKAGE = {"cpu": 3, "memory": 5 * GIB, "gpu": 0}
CLUSTER = {"cpu": 2, "memory": 4 * GIB, "hours": 10, "person": {"jobs": 1}}


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set before the service starts, because fixtures that are used by themselves come first."""
    monkeypatch.setenv("TRAINYARD_SERVICE_CAPACITY_CPU", "8")
    monkeypatch.setenv("TRAINYARD_SERVICE_CAPACITY_MEMORY", str(16 * GIB))


def _queued(service: Any, owner: int, group: int, **more: Any) -> str:
    with service.context.database.write() as session:
        new = life.NewJob(JobKind.TRAIN, "waiting", owner, group, "workspace:1", **{"package": "1Core2G", **more})
        job = life.submit(session, new)
        job.not_before = None if new.package == "most" else now() + timedelta(days=1)  # it stays in the queue
        return job.id


def test_a_package_is_declared_changed_and_deleted_while_nothing_uses_it(service: Any) -> None:
    client = service.client(service.account("root", administrator=True))
    assert client.put("/packages/odd", json=PACKAGE).json()["cpu"] == 3
    assert client.put("/packages/odd", json={**PACKAGE, "cpu": 2}).json()["cpu"] == 2
    names = [one["name"] for one in client.get("/packages").json()]
    assert "odd" in names
    assert "1Core2G" in names
    assert client.delete("/packages/odd").status_code == 204
    assert client.delete("/packages/odd").json()["error"]["code"] == "no-such-package"


@pytest.mark.parametrize(
    ("more", "warning"),
    [
        ({}, ""),
        ({"cpu": 64}, "The machine has 8 CPU cores; 0 in use, 64 asked for."),
        ({"memory": 64 * GIB}, "The machine has 16 GiB of memory; 0 in use, 64 asked for."),
        ({"gpu": 2}, "The machine has 0 GPUs; 0 in use, 2 asked for."),
    ],
)  # fmt: skip
def test_a_package_that_the_machine_cannot_give_is_declared_with_a_warning(
    service: Any, more: dict[str, Any], warning: str
) -> None:
    client = service.client(service.account("root", administrator=True))
    one = client.put("/packages/odd", json={**PACKAGE, **more}).json()
    assert one["available"] is (not warning)
    assert one["why_not"] == (warning and f"{warning} Nobody can start with it until there is more.")


@pytest.mark.one_database
def test_a_type_that_no_card_has_is_warned_of() -> None:
    capacity = Capacity(Quota(cpu=8, memory=16 * GIB, gpu=1), ("gpu-0",), {"gpu-0": "A100"})
    sizes = (PackageSize("odd", 1, GIB, 1, kind) for kind in ("A100", "H900"))
    known, unknown = (declared_package(size, capacity, None, "en") for size in sizes)
    assert (known.available, known.why_not) == (True, "")
    assert unknown.why_not.startswith("The machine has 0 GPUs of type H900; 0 in use, 1 asked for.")


def test_a_package_that_no_node_of_several_can_give_is_declared_with_a_warning(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node(name="large-1", cpu=4, memory=12 * GIB, gpu=0)
    monkeypatch.setattr(service.context.launcher, "nearest", lambda asked: node if asked.cpu > node.cpu else None)
    client = service.client(service.account("root", administrator=True))
    one = client.put("/packages/odd", json={**PACKAGE, "cpu": 6}).json()
    assert (one["available"], one["why_not"]) == (
        False,
        "No single node has that much: large-1 comes nearest with 4 CPU cores, 12 GiB of memory and 0 GPUs. "
        "Nobody can start with it until there is a larger one.",
    )
    assert client.put("/packages/odd", json=PACKAGE).json()["why_not"] == ""


def test_a_package_is_declared_while_the_cluster_is_away(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> None:
        raise Unavailable("cluster-away", "The cluster does not answer.", hint="")

    monkeypatch.setattr(service.context.launcher, "nearest", away)
    client = service.client(service.account("root", administrator=True))
    assert client.put("/packages/odd", json=PACKAGE).json()["why_not"] == ""


def test_a_package_in_use_keeps_its_size(service: Any) -> None:
    vision = service.group("vision")
    client, anna = service.client(service.account("root", administrator=True)), service.account("anna", vision)
    client.put("/packages/odd", json=PACKAGE)
    _queued(service, anna.id, vision.id, package="odd")
    assert client.put("/packages/odd", json={**PACKAGE, "cpu": 1}).json()["error"]["code"] == "package-in-use"
    assert client.delete("/packages/odd").json()["error"]["code"] == "package-in-use"


def test_the_platforms_own_package_stays(service: Any) -> None:
    client = service.client(service.account("root", administrator=True))
    assert client.delete("/packages/1Core2G").json()["error"]["code"] == "package-of-the-platform"


def test_a_cluster_is_a_share_that_its_groups_see(service: Any) -> None:
    vision = service.group("vision")
    anna, bob = service.account("anna", vision), service.account("bob", service.group("other"))
    client = service.client(service.account("root", administrator=True))
    made = client.put("/clusters/lab", json={**CLUSTER, "groups": ["vision"]}).json()
    assert (made["name"], made["groups"], made["use"]["cpu"]) == ("lab", ["vision"], 0)
    assert [one["name"] for one in service.client(anna).get("/clusters").json()] == ["lab"]
    assert service.client(bob).get("/clusters").json() == []
    assert client.delete("/clusters/lab").status_code == 204


def test_shares_and_guarantees_are_never_more_than_there_is(service: Any) -> None:
    service.group("vision")
    client = service.client(service.account("root", administrator=True))
    client.put("/groups/vision/guarantee", json={"cpu": 7})
    refused = client.put("/clusters/lab", json=CLUSTER).json()["error"]
    assert refused["code"] == "more-than-there-is"
    assert "8 CPU cores; 7 are in clusters or guaranteed already, 2 asked for" in refused["message"]
    assert client.put("/clusters/gpus", json={**CLUSTER, "gpu": 1}).json()["error"]["code"] == "too-few-devices"


def test_a_guarantee_is_a_part_of_the_quota(service: Any) -> None:
    client = service.client(service.account("root", administrator=True))
    client.post("/groups", json={"name": "vision", "quota": {"cpu": 4}})
    refused = client.put("/groups/vision/guarantee", json={"cpu": 5}).json()["error"]
    assert (refused["code"], "5 were to be guaranteed" in refused["message"]) == ("more-than-the-quota", True)
    assert client.put("/groups/vision/guarantee", json={"cpu": 4}).json()["guaranteed"]["cpu"] == 4


def test_a_cluster_in_use_is_not_deleted(service: Any) -> None:
    vision = service.group("vision")
    client, anna = service.client(service.account("root", administrator=True)), service.account("anna", vision)
    client.put("/clusters/lab", json=CLUSTER)
    _queued(service, anna.id, vision.id, cluster="lab")
    assert client.delete("/clusters/lab").json()["error"]["code"] == "cluster-in-use"


def test_why_it_waits_is_told_with_numbers_holders_and_what_would_start(service: Any) -> None:
    vision, speech = service.group("vision"), service.group("speech")
    anna, ben = service.account("anna", vision), service.account("ben", speech)
    root = service.client(service.account("root", administrator=True))
    root.put("/packages/most", json={"cpu": 7, "memory": 12 * GIB})
    with service.context.database.write() as session:
        session.add(AllocationRow(key="held", owner_id=ben.id, group_id=speech.id, cpu=2, memory=4 * GIB, gpu=0, jobs=1))
    job, client = _queued(service, anna.id, vision.id, package="most"), service.client(anna)
    while not (told := client.get(f"/jobs/{job}/waiting").json()):
        time.sleep(0.05)
    assert (told["place"], told["of"], told["subject"], told["resource"]) == (1, 1, "machine", "cpu")
    assert (told["used"], told["limit"], told["asked"], told["free"]) == (2, 8, 7, 6)
    assert told["holders"] == [{"group": "speech", "used": 2.0}]
    assert (told["startable_now"], told["at_latest"]) == ("2Core12G", None)
