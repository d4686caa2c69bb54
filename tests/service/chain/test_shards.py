"""A batch that several jobs share: the same sets as one job makes, shown when all is there, gone on with after every end."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from .test_chain import make_dataset, make_sets

pytestmark = pytest.mark.slow
ENDED = ("finished", "failed", "stopped")


def digests(chain: Any, batch: str) -> dict[str, str]:
    """SHA-256 of every file of the sets but what names the batch; LMDB's pages may differ where its content does not."""
    folder = chain.context.home.batch(batch)
    files = [path for path in sorted(folder.glob("*-*/**/*")) if path.is_file()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name not in {"set.json", "data.mdb"}
    }


def test_three_jobs_make_the_sets_that_one_makes(chain: Any, alice: Any) -> None:
    dataset = make_dataset(alice, alice.group)
    alone, shared = (make_sets(alice, dataset, shards=count, resize="24")["batch"] for count in (1, 3))
    assert digests(chain, shared["id"]) == digests(chain, alone["id"]) != {}
    assert [one["state"] for one in shared["shards"]] == ["finished"] * 3
    assert not (chain.context.home.batch(shared["id"]) / ".shards").exists()
    assert alice.ok("GET", f"/batches/{shared['id']}/manifest")["written"] == 40


def test_a_shared_batch_that_was_cancelled_goes_on(chain: Any, alice: Any) -> None:
    dataset = make_dataset(alice, alice.group, times=500)
    plan = {"formats": ["recordio"], "shards": 2, "resize": "64", "seed": 5}
    batch = alice.ok("POST", f"/datasets/{dataset['id']}/batches", json=plan)
    alice.until(f"/batches/{batch['id']}", lambda one: one["progress"] and one["progress"]["done"] > 0)
    assert alice.refused("DELETE", f"/batches/{batch['id']}")[1] == "batch-under-way"
    alice.ok("POST", f"/batches/{batch['id']}/cancel")
    stopped = alice.until(f"/batches/{batch['id']}", lambda one: one["state"] in ENDED)
    assert stopped["state"] == "stopped"
    assert not any(one["ready"] for one in stopped["sets"])
    alice.ok("POST", f"/batches/{batch['id']}/resume")
    done = alice.until(f"/batches/{batch['id']}", lambda one: one["state"] in ENDED)
    assert (done["state"], sum(one["samples"] for one in done["sets"])) == ("finished", 20_000)


@pytest.mark.one_database
def test_a_shard_that_fails_ends_the_batch_and_says_why(chain: Any, alice: Any) -> None:
    dataset = make_dataset(alice, alice.group)
    for path in Path(chain.context.home.group_share(alice.group.id)).glob("*/shades/pictures/*.png"):
        path.unlink()
    batch = alice.ok("POST", f"/datasets/{dataset['id']}/batches", json={"formats": ["lmdb"], "shards": 2})
    done = alice.until(f"/batches/{batch['id']}", lambda one: one["state"] in ENDED)
    assert done["state"] == "failed"
    assert "cannot be used" in done["error"]
    failed = next(one for one in alice.ok("GET", "/jobs", params={"kind": "format"})["items"] if one["state"] == "failed")
    assert (failed["ending"]["text"] in done["error"], failed["ending"]["exit_code"]) == (True, 2)
    alice.ok("DELETE", f"/batches/{batch['id']}")
    assert not chain.context.home.batch(batch["id"]).exists()


IMPOSSIBLE: list[tuple[dict[str, Any], str, str]] = [
    ({"formats": ["roidb"]}, "format-labels", "formats"),
    ({"min_per_class": 21}, "class-limits", "min_per_class"),
    ({"min_per_class": 3, "max_per_class": 2}, "class-limits", "max_per_class"),
    ({"label_set": "none", "stratified": True}, "classes-needed", "label_set"),
    ({"label_set": "classification.no"}, "label-set", "label_set"),
]


@pytest.mark.one_database
def test_what_cannot_be_had_is_refused_at_the_press(chain: Any, alice: Any) -> None:
    dataset = make_dataset(alice, alice.group)
    answers = [
        alice.http.post(f"/datasets/{dataset['id']}/batches", json={"formats": ["lmdb"], **asked}) for asked, _, _ in IMPOSSIBLE
    ]
    told = [(answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["field"]) for answer in answers]
    assert told == [(422, code, field) for _, code, field in IMPOSSIBLE]
    assert not alice.ok("GET", f"/datasets/{dataset['id']}")["batches"]
    assert alice.ok("GET", "/jobs", params={"kind": "format"})["total"] == 0


@pytest.mark.one_database
def test_what_was_left_out_is_listed_with_its_reason(chain: Any, alice: Any) -> None:
    dataset = make_dataset(alice, alice.group)
    gone = next(Path(chain.context.home.group_share(alice.group.id)).glob("*/shades/pictures/7.png"))
    gone.unlink()
    batch = make_sets(alice, dataset, formats=["pictures"], label_set="none", shards=2)["batch"]
    left_out = alice.ok("GET", f"/batches/{batch['id']}/skipped")
    assert (left_out["total"], left_out["items"][0]["line"], left_out["items"][0]["code"]) == (1, 8, "picture-missing")
    assert alice.ok("GET", f"/batches/{batch['id']}/manifest")["kind"] == "none"
