"""Deleting an account: what was private is gone, what groups use stays, a new person of the old name inherits nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from trainyard.records.accounts import AccountState
from trainyard.records.datasets import DatasetState
from trainyard_service import volume
from trainyard_service.accounts import passwords
from trainyard_service.database.tables.accounts import AccountRow, GroupRow
from trainyard_service.database.tables.copies import CopyRow
from trainyard_service.database.tables.datasets import DatasetRow, DatasetShareRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.disk import removed

GOOD = "seven quiet tractors"


@pytest.fixture
def service(start_service: Any) -> Any:
    """A service without background work: nothing here runs."""
    return start_service(parts=())


@pytest.fixture
def admin(service):
    return service.account("admin", administrator=True)


def _member(service: Any, name: str, *groups: Any) -> Any:
    """A person with home and folders in the shares, as approval makes them."""
    someone = service.account(name, *groups, password_hash=passwords.hash_password(GOOD))
    with service.context.database.read() as session:
        row = session.get_one(AccountRow, someone.id)
        volume.make_home(service.context.home, row)
        for group in groups:
            volume.make_member_folder(service.context.home, session.get_one(GroupRow, group.id), row)
    return someone


def _rows(service: Any, owner: Any, group: Any) -> None:
    """Two datasets, one of them shared, and two models, one of them the group's; a bound bucket."""
    home = service.context.home
    with service.context.database.write() as session:
        for number, name in enumerate(("private", "shared")):
            session.add(DatasetRow(id=f"{number:016x}", name=name, owner_id=owner.id, state=DatasetState.READY))
            home.dataset(f"{number:016x}").mkdir(parents=True)
            row = ModelRow(id=f"{number:016x}", name=name, kind="custom", owner_id=owner.id, file="m", size=1)
            row.sha256, row.metrics, row.group_id = "", {}, group.id if number else None
            session.add(row)
            home.model(row.id).mkdir(parents=True)
        session.flush()
        session.add(DatasetShareRow(dataset_id=f"{1:016x}", group_id=group.id, by_id=owner.id))
        session.add(CopyRow(kind="dataset", subject_id=f"{1:016x}", owner_id=owner.id, prefix="datasets/shared/"))
        session.add(StorageRow(account_id=owner.id, endpoint="http://s3", bucket=f"u{owner.id}-anna", embedded=True))


def test_the_preview_says_what_goes_and_what_stays_and_changes_nothing(service, admin):
    vision = service.group("vision")
    anna = _member(service, "anna", vision)
    _rows(service, anna, vision)
    client = service.client(admin)
    told = client.get(f"/accounts/{anna.id}/deletion").json()
    assert (told["name"], told["becomes"], told["groups"]) == ("anna", f"anna~{anna.id}", ["vision"])
    assert (told["datasets_removed"], told["datasets_kept"]) == (["private"], ["shared"])
    assert (told["models_removed"], told["models_kept"], told["bucket"]) == (["private"], 1, f"u{anna.id}-anna")
    assert told["kept_days"] == 30
    assert service.client(anna).get("/me").status_code == 200


def test_deleting_takes_what_is_private_and_keeps_what_the_group_uses(service, admin):
    vision = service.group("vision")
    anna, ben = _member(service, "anna", vision), _member(service, "ben", vision)
    _rows(service, anna, vision)
    home, client = service.context.home, service.client(admin)
    (home.group_share(vision.id) / "anna" / "notes").write_text("ours")
    (home.user_home(anna.id) / "secret").write_text("mine")
    made = service.client(anna).post("/tokens", json={"name": "laptop"}).json()["secret"]
    assert client.delete(f"/accounts/{anna.id}").status_code == 200
    for token in (anna.token, made):
        assert service.client(token).get("/me").status_code == 401
    assert service.hub.stopped == [anna.hub_name]
    with service.context.database.read() as session:
        assert session.scalar(select(CopyRow.kind)) is None
    assert [one["name"] for one in service.client(ben).get("/datasets").json()["items"]] == ["shared"]
    assert service.client(ben).get("/models").json()["items"][0]["owner"]["name"] == f"anna~{anna.id}"
    assert not home.dataset(f"{0:016x}").exists()
    assert home.dataset(f"{1:016x}").is_dir()
    assert not home.user_home(anna.id).exists()
    assert {path.name.split("-", 1)[1].split("-")[0] for path in removed.waiting_room(home).iterdir()} >= {"home", "dataset"}
    assert (home.group_share(vision.id) / f"anna~{anna.id}" / "notes").read_text() == "ours"
    assert "anna" not in [one["name"] for one in client.get("/accounts").json()["items"]]
    assert [one["name"] for one in client.get("/accounts?state=deleted").json()["items"]] == [f"anna~{anna.id}"]
    sign_in = {"name": "anna", "password": GOOD, "address": "10.0.0.1"}
    assert service.internal().post("/internal/login", json=sign_in).status_code == 401
    last = client.get("/audit", params={"action": "deletion"}).json()["items"][0]
    assert (last["target"], last["result"], last["detail"]["datasets_removed"]) == ("anna", "ok", ["private"])


def test_a_new_person_of_an_old_name_inherits_nothing(service, admin):
    vision = service.group("vision")
    old = _member(service, "anna", vision)
    share = service.context.home.group_share(vision.id)
    (share / "anna" / "notes").write_text("of the first anna")
    client = service.client(admin)
    client.delete(f"/accounts/{old.id}").raise_for_status()
    number = service.internal().post("/internal/applications", json={"name": "anna", "password": GOOD}).json()["id"]
    assert number > old.id
    client.post(f"/accounts/{number}/approve", json={"group": "vision"}).raise_for_status()
    assert list((share / "anna").iterdir()) == []
    assert (share / f"anna~{old.id}" / "notes").read_text() == "of the first anna"
    new = service.client(service.hub.sign_in(f"u{number}"))
    assert new.get("/datasets").json()["total"] == 0
    assert new.get("/storage").status_code == 404


@pytest.mark.one_database
@pytest.mark.root
def test_a_folder_of_another_under_ones_name_is_moved_aside_and_not_handed_over(service, admin):
    vision = service.group("vision")
    ben, anna = _member(service, "ben", vision), service.account("anna")
    share = service.context.home.group_share(vision.id)
    (share / "anna").mkdir()
    (share / "anna" / "start.sh").write_text("planted")
    os.chown(share / "anna", 20_000 + ben.id, 30_000 + vision.id)
    service.client(admin).put(f"/groups/vision/members/{anna.id}", json={}).raise_for_status()
    assert list((share / "anna").iterdir()) == []
    assert (share / "anna").stat().st_uid == 20_000 + anna.id
    assert (share / f"anna~{ben.id}" / "start.sh").read_text() == "planted"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "plant", [Path.touch, os.mkfifo, lambda path: path.symlink_to("/etc"), lambda path: path.symlink_to(path)]
)
def test_what_is_no_folder_in_a_members_place_is_moved_aside(service, admin, plant):
    vision, anna = service.group("vision"), service.account("anna")
    _member(service, "ben", vision)
    share = service.context.home.group_share(vision.id)
    plant(share / "anna")
    service.client(admin).put(f"/groups/vision/members/{anna.id}", json={}).raise_for_status()
    assert (share / "anna").is_dir() and not (share / "anna").is_symlink()
    assert len(list(share.glob("anna~*"))) == 1


@pytest.mark.one_database
def test_a_member_whose_folder_cannot_be_made_is_told_why(service, admin):
    service.group("vision")
    anna = service.account("anna")
    name = "ü" * 200  # longer than file systems take
    with service.context.database.write() as session:
        session.get_one(AccountRow, anna.id).name = name
    answer = service.client(admin).put(f"/groups/vision/members/{anna.id}", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "member-folder")
    assert "File name too long" in answer.json()["error"]["message"]


@pytest.mark.one_database
def test_who_comes_back_finds_their_own_folder(service, admin):
    vision = service.group("vision")
    anna = _member(service, "anna", vision)
    notes: Path = service.context.home.group_share(vision.id) / "anna" / "notes"
    notes.write_text("mine")
    client = service.client(admin)
    client.delete(f"/groups/vision/members/{anna.id}").raise_for_status()
    client.put(f"/groups/vision/members/{anna.id}", json={}).raise_for_status()
    assert notes.read_text() == "mine"


@pytest.mark.one_database
def test_a_deletion_killed_before_its_commit_loses_no_folder(service):
    vision = service.group("vision")
    anna = _member(service, "anna", vision)
    home = service.context.home
    (home.group_share(vision.id) / "anna" / "notes").write_text("mine")
    assert volume.rename_member_folder(home, vision.id, "anna", f"anna~{anna.id}", 20_000 + anna.id)
    with service.context.database.read() as session:
        folder = volume.make_member_folder(home, session.get_one(GroupRow, vision.id), session.get_one(AccountRow, anna.id))
    assert (folder / "notes").read_text() == "mine"


def test_who_may_not_delete_and_whom_not(service, admin):
    anna = service.account("anna")
    other = service.account("boss", administrator=True)
    assert service.client(anna).delete(f"/accounts/{anna.id}").json()["error"]["code"] == "administrators-only"
    assert service.client(service.workspace_token(other)).delete(f"/accounts/{anna.id}").status_code == 403
    client = service.client(admin)
    assert client.delete(f"/accounts/{admin.id}").json()["error"]["code"] == "own-account"
    assert client.delete("/accounts/4711").json()["error"]["code"] == "no-such-account"
    waiting = service.account("carol", state=AccountState.APPLIED)
    assert client.delete(f"/accounts/{waiting.id}").json()["error"]["code"] == "account-state"
    client.delete(f"/accounts/{anna.id}").raise_for_status()
    assert client.delete(f"/accounts/{anna.id}").json()["error"]["code"] == "account-state"
    service.client(other).delete(f"/accounts/{admin.id}").raise_for_status()
    assert service.client(other).post(f"/accounts/{anna.id}/unblock").json()["error"]["code"] == "account-state"


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["anna~7", "anna～７７"])
def test_nobody_can_apply_as_somebody_deleted(service, name):
    answer = service.internal().post("/internal/applications", json={"name": name, "password": GOOD})
    assert answer.json()["error"]["code"] == "name-of-deleted"
