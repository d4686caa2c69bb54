"""Workspaces ask the same ledger: granted, counted, refused with numbers, one a person, given back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from trainyard.records.accounts import Quota
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import NoticeRow
from trainyard_service.database.tables.jobs import AllocationRow, WorkspaceRow

from .conftest import until
from .test_chain import make_dataset, make_sets

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


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
        "The quota of group vision allows 3 GB of memory; 2 in use, 2 asked for."
    )  # fmt: skip
    assert alice.refused("DELETE", f"/batches/{batch}")[1] == "set-in-use"
    hub.post(f"/internal/workspaces/{alice.who.hub_name}/ended", json={"key": grant["key"]}).raise_for_status()
    assert alice.ok("GET", "/workspace")["state"] == "stopped"
    chosen = hub.get(f"/internal/workspaces/{alice.who.hub_name}/options").json()["chosen"]
    assert chosen == options
    hub.post(f"/internal/workspaces/{bob.who.hub_name}/launch", json={"options": {"group": "vision"}}).raise_for_status()


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
    # nothing was ever launched for this grant: the ledger takes it back
    change(started=now() - timedelta(hours=1))

    def free() -> bool:
        with chain.context.database.read() as session:
            return session.scalar(select(AllocationRow.id)) is None

    until(free)


def test_without_a_group_there_is_no_workspace(chain: Any, person: Any) -> None:
    carol = person("carol")
    answer = chain.internal().post(f"/internal/workspaces/{carol.who.hub_name}/launch", json={"options": {}})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "no-group")
    assert chain.client(carol.who).post(f"/internal/workspaces/{carol.who.hub_name}/launch", json={}).status_code == 401
