"""Whoever may read a dataset may have its pictures examined; what is found is seen by all its readers."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from trainyard_service.database.tables.jobs import JobRow

from .test_chain import make_dataset, why

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


def test_a_look_at_the_pictures_finds_the_missing_and_the_same(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice, bob = person("alice", group), person("bob", group)
    dataset = make_dataset(alice, group)
    path = f"/datasets/{dataset['id']}"
    assert alice.ok("GET", f"{path}/examination")["state"] == "none"
    (alice.put_on_share(group, "shades") / "pictures/3.png").unlink()

    first = alice.ok("POST", f"{path}/examine")
    assert alice.ok("POST", f"{path}/examine")["id"] == first["id"] or first["state"] == "finished"
    found = alice.until(f"{path}/examination", lambda one: one["state"] in ("done", "failed"))
    assert found["state"] == "done", why(alice)
    assert (found["pictures"], found["missing"], found["broken"], found["duplicates"]) == (40, 1, 0, 37)
    assert found["problems"][0]["line"] == 4
    assert (found["smallest"], found["kinds"]) == ([16, 12], {"png": 39})
    assert [lines[:2] for lines in found["duplicate_groups"]] == [[1, 3], [2, 6]]

    alice.ok("PUT", f"{path}/shares/vision")
    assert bob.ok("GET", f"{path}/examination")["missing"] == 1
    bob.ok("POST", f"{path}/examine")
    again = bob.until(f"{path}/examination", lambda one: one["state"] in ("done", "failed"))
    assert again["state"] == "done", why(bob)
    with chain.context.database.read() as session:
        assert len(session.scalars(select(JobRow).where(JobRow.kind == "examine")).all()) == 2


def test_a_line_is_shown_as_it_was_written_even_a_broken_one(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    path = f"/datasets/{make_dataset(alice, group)['id']}"
    assert alice.ok("GET", f"{path}/source", params={"line": 41}) == {"line": 41, "text": '{"url": '}
    assert alice.ok("GET", f"{path}/source", params={"line": 2})["text"].startswith('{"url": "pictures/1.png"')
    assert alice.refused("GET", f"{path}/source", params={"line": 42})[:2] == (404, "no-such-line")
