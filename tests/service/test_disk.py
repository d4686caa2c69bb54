"""Bytes on the volume: measured where people write, counted by group and person, refused before a byte is written."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from trainyard.records.accounts import Quota
from trainyard.records.datasets import DatasetState
from trainyard_service.database.tables.accounts import MembershipRow
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow
from trainyard_service.database.tables.disk import FolderUseRow
from trainyard_service.disk import measure
from trainyard_service.disk.plan import Task
from trainyard_service.disk.settings import DiskSettings
from trainyard_service.disk.walk import count

MIB = 2**20


@pytest.fixture
def admin(service):
    return service.account("admin", administrator=True)


def _share(service: Any, group: Any, *people: Any) -> Path:
    """The group's share with a folder for each person, as workspaces make them."""
    share: Path = service.context.home.group_share(group.id)
    for person in people:
        (share / person.name).mkdir(parents=True)
        if os.geteuid() == 0:
            os.chown(share / person.name, 20_000 + person.id, 30_000 + group.id)
    return share


def _measured(service: Any, admin: Any) -> Any:
    """What the overview says once everything was measured."""
    client = service.client(admin)
    assert client.post("/usage/disk/measure").status_code == 202
    while (found := client.get("/usage/disk").json())["measured"] is None:
        time.sleep(0.02)
    return found


def _uses(service: Any, group: Any, size: int, person: Any = None) -> None:
    """As if a measurement had found so much on the share."""
    with service.context.database.write() as session:
        number = person.id if person else None
        session.add(FolderUseRow(place=f"groups/{group.id}/{number or 0}", group_id=group.id, account_id=number, bytes=size))


def _dataset(service: Any, owner: Any, size: int, **more: Any) -> str:
    with service.context.database.write() as session:
        row = DatasetRow(id=f"{size:016x}", name="shades", owner_id=owner.id, disk=size, state=DatasetState.READY, **more)
        row.label_sets = [{"name": "shade", "type": "classification", "images": 1, "objects": 0, "classes": {"a": 1}}]
        session.add(row)
        return row.id


def test_a_share_is_measured_by_member_and_shown_with_its_time(service, admin):
    vision = service.group("vision", Quota(disk=10 * MIB))
    anna, ben = service.account("anna", vision), service.account("ben", vision)
    share = _share(service, vision, anna, ben)
    (share / "anna" / "deep" / "er").mkdir(parents=True)
    (share / "anna" / "deep" / "er" / "weights").write_bytes(b"x" * 3 * MIB)
    (share / "readme").write_bytes(b"x" * 1000)
    (share / "ben" / "link").symlink_to(share / "anna" / "deep" / "er" / "weights")
    found = _measured(service, admin)
    group = next(row for row in found["groups"] if row["group"] == "vision")
    assert (group["used"], group["limit"], group["parts"]["share"]) == (3 * MIB + 1000, 10 * MIB, 3 * MIB + 1000)
    assert [(row["person"]["name"], row["used"]) for row in found["people"] if row["group"] == "vision"] == [
        ("anna", 3 * MIB),
        ("ben", 0),
    ]
    seen = service.client(anna).get("/groups/vision").json()
    assert seen["use"]["disk"] == 3 * MIB + 1000
    assert seen["measured"] == found["measured"]


def test_others_see_the_sums_of_their_groups_and_their_own_part_only(service, admin):
    vision, speech = service.group("vision"), service.group("speech")
    anna, ben = service.account("anna", vision), service.account("ben", vision)
    _uses(service, vision, 5, anna)
    _uses(service, vision, 7, ben)
    _uses(service, speech, 9)
    seen = service.client(anna).get("/usage/disk").json()
    assert [(row["group"], row["used"]) for row in seen["groups"]] == [("vision", 12)]
    assert [(row["person"]["name"], row["used"]) for row in seen["people"]] == [("anna", 5)]
    assert seen["volume_free"] is None
    everything = service.client(admin).get("/usage/disk").json()
    assert {row["group"]: row["used"] for row in everything["groups"]} == {"speech": 9, "vision": 12, None: 0}
    assert service.client(anna).post("/usage/disk/measure").status_code == 403


def test_members_and_administrators_are_told_once_when_a_group_is_full(service, admin):
    vision = service.group("vision", Quota(disk=MIB))
    anna = service.account("anna", vision)
    (_share(service, vision, anna) / "anna" / "weights").write_bytes(b"x" * 2 * MIB)
    first = _measured(service, admin)["measured"]
    service.client(admin).post("/usage/disk/measure")
    while service.client(admin).get("/usage/disk").json()["measured"] == first:
        time.sleep(0.02)
    for someone in (anna, admin):
        texts = [notice["text"] for notice in service.client(someone).get("/notices").json()["items"]]
        assert texts == ["The disk quota of vision is used up: 2 MiB of 1 MiB. New jobs wait until something is deleted."]


@pytest.mark.one_database
def test_a_file_counts_once_whatever_its_names_and_holes(tmp_path):
    (tmp_path / "one").write_bytes(b"x" * 5000)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(10**9)
    (tmp_path / "elsewhere").symlink_to("/usr")
    found = count(str(tmp_path))
    assert (found.bytes, found.unread) == (5000, 0)
    assert count(str(tmp_path / "gone")).bytes == 0
    assert count(str(tmp_path), own=True).bytes == 0


@pytest.mark.parametrize("few", [200, 3])
async def test_small_folders_are_counted_at_once_and_large_ones_by_the_walker(service, monkeypatch, few):
    dataset, asked = _dataset(service, service.account("anna"), 7), list[Task]()
    folder = service.context.home.dataset(dataset)
    folder.mkdir(parents=True)
    for number in range(5):
        (folder / f"{number}.jpg").write_bytes(b"x" * 100)

    by_walker = measure.walked

    def walked(tasks: Any) -> Any:
        asked.extend(tasks)
        return by_walker(tasks)

    monkeypatch.setattr(measure, "_FEW", few)
    monkeypatch.setattr(measure, "walked", walked)
    await measure.Measurer(service.context, DiskSettings()).measure({f"datasets/{dataset}"})
    with service.context.database.read() as session:
        assert session.get_one(DatasetRow, dataset).disk == 500
    assert len(asked) == (few == 3)


def test_a_set_that_came_formatted_is_paid_for_once(tmp_path):
    """Its batch holds the very files of its dataset."""
    (dataset := tmp_path / "datasets/1").mkdir(parents=True)
    (batch := tmp_path / "formatted/1").mkdir(parents=True)
    (dataset / "data.rec").write_bytes(b"x" * 5000)
    (batch / "data.rec").hardlink_to(dataset / "data.rec")
    (batch / "set.json").write_bytes(b"{}")
    found = [count(str(path), own=Task(path, path.parent.name, "1").own).bytes for path in (dataset, batch)]
    assert found == [5000, 2]


def test_an_upload_above_the_quota_is_refused_with_numbers_and_nothing_is_made(service):
    vision = service.group("vision", Quota(disk=10 * MIB))
    anna = service.account("anna", vision)
    _uses(service, vision, 8 * MIB)
    new = {"name": "list.jsonl", "size": 3 * MIB, "purpose": "list"}
    answer = service.client(anna).post("/uploads", json=new)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "disk-quota")
    assert answer.json()["error"]["message"] == (
        "The quota of group vision allows 10 MiB on disk; 8 MiB in use, 3 MiB asked for."
    )  # fmt: skip
    chinese = service.client(anna, **{"Accept-Language": "zh"}).post("/uploads", json=new).json()["error"]
    assert "10 MiB" in chinese["message"]
    assert "群组 vision" in chinese["message"]
    assert not (service.context.home.volume / "uploads").exists()
    assert service.client(anna).post("/uploads", json={**new, "size": 2 * MIB}).status_code == 201
    # what was begun is set aside whole, before its bytes have come
    assert service.client(anna).post("/uploads", json={**new, "size": 1}).status_code == 409


def test_the_group_that_pays_for_an_upload_is_chosen(service):
    full, free = service.group("full", Quota(disk=0)), service.group("free", Quota(disk=MIB))
    anna = service.account("anna", full, free)
    new = {"name": "list.jsonl", "size": 10, "purpose": "list"}
    client = service.client(anna)
    assert client.post("/uploads", json=new).json()["error"]["message"].startswith("The quota of group full allows 0 B on disk")
    assert client.post("/uploads", json={**new, "group": "free"}).status_code == 201
    assert client.post("/uploads", json={**new, "group": "others"}).json()["error"]["code"] == "no-such-group"
    assert client.get("/groups/free").json()["use"]["disk"] == 10


def test_a_persons_own_share_is_held_too(service, admin):
    vision = service.group("vision", Quota(disk=10 * MIB))
    anna, ben = service.account("anna", vision), service.account("ben", vision)
    service.client(admin).put(f"/groups/vision/members/{anna.id}", json={"quota": {"disk": MIB}})
    new = {"name": "list.jsonl", "size": 2 * MIB, "purpose": "list"}
    refused = service.client(anna).post("/uploads", json=new).json()["error"]["message"]
    assert refused == "Your own share of vision allows 1 MiB on disk; 0 B in use, 2 MiB asked for."
    assert service.client(ben).post("/uploads", json=new).status_code == 201


def test_people_without_a_group_share_what_the_setting_says(service):
    anna = service.account("anna")
    answer = service.client(anna).post("/uploads", json={"name": "x", "size": 21 * 2**30, "purpose": "list"})
    assert answer.json()["error"]["message"] == (
        "The share for people without a group has 20 GiB on disk; 0 B in use, 21 GiB asked for."
    )  # fmt: skip


def test_formatting_that_cannot_fit_is_refused_before_a_job_stands(service):
    vision = service.group("vision", Quota(disk=10 * MIB))
    anna = service.account("anna", vision)
    dataset = _dataset(service, anna, 4 * MIB, group_id=vision.id)
    plan = {"formats": ["recordio", "lmdb"], "train": 1, "val": 0}
    answer = service.client(anna).post(f"/datasets/{dataset}/batches", json=plan).json()["error"]
    assert answer["code"] == "disk-quota"
    assert answer["message"] == "The quota of group vision allows 10 MiB on disk; 4 MiB in use, 8 MiB asked for."
    assert answer["field"] == "formats"
    with service.context.database.read() as session:
        assert session.scalar(select(BatchRow.id)) is None


def test_a_copy_counts_like_an_original(service):
    vision = service.group("vision", Quota(disk=10 * MIB))
    anna = service.account("anna", vision)
    dataset = _dataset(service, anna, 6 * MIB, group_id=vision.id)
    answer = service.client(anna).post(f"/datasets/{dataset}/copy", json={"name": "again"})
    assert answer.json()["error"]["code"] == "disk-quota"


def test_what_a_person_owns_follows_them_and_what_is_the_groups_stays(service):
    vision, speech = service.group("vision"), service.group("speech")
    anna, ben = service.account("anna", vision, speech), service.account("ben", vision)
    _dataset(service, anna, 5, group_id=vision.id)
    _uses(service, vision, 3, anna)

    def used(name: str) -> int:
        found: int = service.client(ben if name == "vision" else anna).get(f"/groups/{name}").json()["use"]["disk"]
        return found

    assert (used("vision"), used("speech")) == (8, 0)
    with service.context.database.write() as session:
        session.delete(session.get_one(MembershipRow, (vision.id, anna.id)))
    assert (used("vision"), used("speech")) == (3, 5)


def test_a_new_group_gets_the_default_quota_which_an_administrator_may_change(service, admin):
    client = service.client(admin)
    begin = client.get("/default-quota").json()
    assert (begin["cpu"], begin["jobs"], begin["disk"], begin["gpu"]) == (8, 4, 200 * 2**30, None)
    assert client.post("/groups", json={"name": "one"}).json()["quota"] == begin
    assert client.put("/default-quota", json={"cpu": 2, "disk": MIB}).status_code == 200
    assert client.post("/groups", json={"name": "two"}).json()["quota"]["disk"] == MIB
    assert client.post("/groups", json={"name": "three", "quota": {}}).json()["quota"]["disk"] is None
    assert client.get("/groups/one").json()["quota"] == begin
    nobody = service.client(service.account("anna"))
    assert nobody.get("/default-quota").status_code == 403
    assert nobody.put("/default-quota", json={}).status_code == 403
