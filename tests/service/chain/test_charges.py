"""Who pays for real jobs and their bytes: the group that was chosen, with what it really took."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from trainyard.records.accounts import Quota
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.disk.walk import count

from .conftest import Person, until, write_pictures
from .test_chain import make_dataset, why

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


def _batch(alice: Person, dataset: Any, **more: Any) -> Any:
    plan = {"formats": ["recordio", "lmdb"], "train": 0.75, "val": 0.25, **more}
    made = alice.ok("POST", f"/datasets/{dataset['id']}/batches", json=plan)
    done = alice.until(f"/batches/{made['id']}", lambda one: one["state"] in ("finished", "failed", "stopped"))
    assert done["state"] == "finished", why(alice)
    return done


def test_the_chosen_group_pays_for_the_job_and_for_what_it_really_took(chain: Any, person: Any) -> None:
    first, second = chain.group("first"), chain.group("second", Quota(disk=2**30))
    alice = person("alice", first, second)
    dataset = make_dataset(alice, second)
    assert dataset["group"] == "second"
    by_default = _batch(alice, dataset)
    chosen = _batch(alice, dataset, group="second")
    assert (by_default["group"], chosen["group"]) == ("first", "second")
    with chain.context.database.read() as session:
        charged = list(session.execute(select(JobRow.kind, JobRow.group_id).order_by(JobRow.created)))
    assert [tuple(row) for row in charged] == [("prepare", second.id), ("format", first.id), ("format", second.id)]
    home = chain.context.home
    sizes = {one["id"]: count(str(home.batch(one["id"]))).bytes for one in (by_default, chosen)}
    dataset_bytes = count(str(home.dataset(dataset["id"]))).bytes

    def settled() -> bool:
        """The measurement that every end of a job asks for has come."""
        with chain.context.database.read() as session:
            kept = {row.id: row.disk for row in session.scalars(select(BatchRow))}
            return kept == sizes and session.get_one(DatasetRow, dataset["id"]).disk == dataset_bytes

    until(settled)
    people = {row["group"]: row for row in alice.ok("GET", "/usage/disk")["people"]}
    assert people["first"]["parts"]["formatted"] == sizes[by_default["id"]]
    assert people["second"]["parts"]["formatted"] == sizes[chosen["id"]]
    assert people["second"]["parts"]["datasets"] == dataset_bytes
    alice.ok("DELETE", f"/batches/{chosen['id']}")
    people = {row["group"]: row for row in alice.ok("GET", "/usage/disk")["people"]}
    assert people["second"]["parts"]["formatted"] == 0


def test_people_without_a_group_use_their_common_share_and_nobody_elses(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    carol, alice = person("carol"), person("alice", group)
    write_pictures(chain.context.home.volume / "x")
    data = (chain.context.home.volume / "x" / "list.jsonl").read_bytes()
    upload = carol.ok("POST", "/uploads", json={"name": "list.jsonl", "size": len(data), "purpose": "list"})["id"]
    carol.http.patch(f"/uploads/{upload}", content=data, headers={"Upload-Offset": "0"}).raise_for_status()
    made = carol.ok("POST", "/datasets", json={"name": "list", "source": {"kind": "upload", "upload": upload}})
    assert made["group"] is None
    used = carol.ok("GET", "/usage/disk")
    assert [(row["group"], row["used"]) for row in used["groups"]] == [(None, len(data))]
    assert used["groups"][0]["limit"] == 20 * 2**30
    refused = carol.refused("POST", f"/datasets/{made['id']}/batches", json={"formats": ["lmdb"], "group": "vision"})
    assert refused[1] in ("no-such-group", "dataset-not-ready")
    assert [row["group"] for row in alice.ok("GET", "/usage/disk")["groups"]] == ["vision"]
    carol.until(f"/datasets/{made['id']}", lambda one: one["state"] != "creating")
