"""Workspaces ask the same ledger: granted, counted, refused with numbers, one a person, given back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from trainyard.records.accounts import Quota
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import NoticeRow
from trainyard_service.database.tables.disk import FolderUseRow
from trainyard_service.database.tables.jobs import AllocationRow, WorkspaceRow

from .conftest import until
from .test_chain import make_dataset, make_sets

pytestmark = pytest.mark.slow


def test_a_grant_is_written_in_the_ledger_before_it_is_told(chain: Any, person: Any) -> None:
    group = chain.group("vision", Quota(memory=3 * 2**30))
    alice, bob = person("alice", group), person("bob", group)
    sets = make_sets(alice, make_dataset(alice, group))
    hub = chain.internal()
    options = {"group": "vision", "image": "workspace:1", "package": "1Core2G", "datasets": [sets["lmdb-val"]["id"]]}
    grant = hub.post(f"/internal/workspaces/{alice.who.hub_name}/launch", json={"options": options}).json()
    targets = {mount["target"]: mount["read_only"] for mount in grant["mounts"]}
    batch = sets["batch"]["id"]
    assert targets == {
        "/workspace/home": False,
        "/workspace/mnt/group/vision": False,
        f"/workspace/mnt/datasets/shades/{batch}/lmdb-val": True,
    }
    assert grant["identity"]["uid"] == 20_000 + alice.who.id
    assert grant["working_directory"] == "/workspace/mnt/group/vision/alice"
    assert (chain.context.home.group_share(group.id) / "alice").stat().st_mode & 0o7777 == 0o2770
    assert alice.ok("GET", "/workspace")["state"] == "starting"
    assert alice.ok("GET", "/usage")["rows"][0]["kind"] == "workspace"
    again = hub.post(f"/internal/workspaces/{alice.who.hub_name}/launch", json={"options": options})
    assert again.json()["error"]["code"] == "workspace-exists"
    short = hub.post(
        f"/internal/workspaces/{bob.who.hub_name}/launch", json={"options": {"group": "vision", "package": "1Core2G"}}
    )
    assert short.json()["error"]["message"] == (
        "The quota of group vision allows 3 GiB of memory; 2 in use, 2 asked for."
    )  # fmt: skip
    assert alice.refused("DELETE", f"/batches/{batch}")[1] == "set-in-use"
    hub.post(f"/internal/workspaces/{alice.who.hub_name}/ended", json={"key": grant["key"]}).raise_for_status()
    assert alice.ok("GET", "/workspace")["state"] == "stopped"
    chosen = hub.get(f"/internal/workspaces/{alice.who.hub_name}/options").json()["chosen"]
    assert chosen == options
    hub.post(f"/internal/workspaces/{bob.who.hub_name}/launch", json={"options": {"group": "vision"}}).raise_for_status()


@pytest.mark.one_database
def test_a_workspace_is_warned_renewed_and_ended_by_its_time(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    hub = chain.internal()
    hub.post(f"/internal/workspaces/{alice.who.hub_name}/launch", json={"options": {"group": "vision"}}).raise_for_status()

    def change(**values: Any) -> None:
        with chain.context.database.write() as session:
            row = session.scalars(select(WorkspaceRow)).one()
            for name, value in values.items():
                setattr(row, name, value)

    def notices() -> list[Any]:
        with chain.context.database.read() as session:
            return list(session.scalars(select(NoticeRow).where(NoticeRow.account_id == alice.who.id)))

    change(ends_at=now() + timedelta(minutes=10))
    until(notices)
    assert alice.ok("POST", "/workspace/renew")["ends"] > (now() + timedelta(hours=23)).isoformat()
    assert len(notices()) == 1

    def ending() -> Any:
        with chain.context.database.read() as session:
            return session.scalars(select(WorkspaceRow)).one().ending

    change(ends_at=now())
    until(ending)
    # nothing was ever launched for this grant: the ledger takes it back
    change(started=now() - timedelta(hours=1))

    def free() -> bool:
        with chain.context.database.read() as session:
            return session.scalar(select(AllocationRow.id)) is None

    until(free)
    told = alice.ok("GET", "/workspace")
    assert (told["state"], told["ending"]["text"]) == (
        "stopped",
        "The time limit of 24 h was reached; the platform stopped the program.",
    )


@pytest.mark.one_database
def test_without_a_group_there_is_no_workspace(chain: Any, person: Any) -> None:
    carol = person("carol")
    answer = chain.internal().post(f"/internal/workspaces/{carol.who.hub_name}/launch", json={"options": {}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "no-group")
    assert chain.client(carol.who).post(f"/internal/workspaces/{carol.who.hub_name}/launch", json={}).status_code == 401


@pytest.mark.one_database
def test_with_the_disk_quota_used_up_a_workspace_starts_small_and_short_for_tidying_up(chain: Any, person: Any) -> None:
    group = chain.group("vision", Quota(disk=10))
    alice = person("alice", group)
    with chain.context.database.write() as session:
        session.add(FolderUseRow(place=f"groups/{group.id}/0", group_id=group.id, bytes=20))
    hub, path = chain.internal(), f"/internal/workspaces/{alice.who.hub_name}"
    offered = {one["name"]: one for one in hub.get(f"{path}/options").json()["packages"]}
    assert offered["1Core2G"]["available"]
    assert offered["2Core4G"]["why_not"] == "The disk quota of group vision is used up: 20 B of 10 B."
    refused = hub.post(f"{path}/launch", json={"options": {"group": "vision", "package": "2Core4G"}}).json()["error"]
    assert refused["code"] == "disk-quota"
    assert "smallest package" in refused["hint"]
    hub.post(f"{path}/launch", json={"options": {"group": "vision", "package": "1Core2G"}}).raise_for_status()
    assert alice.ok("GET", "/workspace")["ends"] < (now() + timedelta(minutes=61)).isoformat()
    assert "runs for one hour" in alice.ok("GET", "/notices")["items"][0]["text"]
    assert alice.refused("POST", "/workspace/renew")[1] == "disk-quota"
    body = {"name": "t", "group": "vision", "image": "workspace", "package": "1Core2G", "entry": "sleep 1"}
    assert alice.refused("POST", "/trainings", json=body)[1] == "disk-quota"


@pytest.mark.one_database
def test_after_an_older_database_is_put_back_no_launchs_key_is_given_again(chain: Any, person: Any) -> None:
    alice = person("alice", chain.group("vision"))
    for number in (1, 2):
        folder = chain.context.home.launches / f"workspace-{alice.who.id}-{number}"
        folder.mkdir()
        (folder / "status.json").write_text('{"phase": "ended", "cause": "exited", "exit_code": 0}')
    hub, path = chain.internal(), f"/internal/workspaces/{alice.who.hub_name}/launch"
    assert hub.post(path, json={"options": {"group": "vision"}}).json()["key"] == f"workspace-{alice.who.id}-3"


def test_two_who_ask_at_once_are_granted_one(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    address = f"/internal/workspaces/{alice.who.hub_name}/launch"
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: chain.internal().post(address, json={"options": {"group": "vision"}}), range(8)))
    assert sorted(answer.status_code for answer in told) == [200, *[409] * 7]
    assert {answer.json()["error"]["code"] for answer in told if answer.status_code == 409} == {"workspace-exists"}
