"""Two people format, preprocess, rename, cancel and delete one set at once: all is done or refused; nothing is left over."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .conftest import Person, until
from .test_chain import make_dataset
from .test_graph import DOUBLE

pytestmark = pytest.mark.slow
ENDED = ("finished", "failed", "stopped")
ROUNDS = 5


def test_two_people_at_one_set(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice, bob = person("alice", group), person("bob", group)
    dataset = make_dataset(alice, group)["id"]
    alice.ok("PUT", f"/datasets/{dataset}/shares/{group.name}")
    answers: Counter[int] = Counter()

    def work(who: Person, seed: int) -> None:
        rng = random.Random(seed)
        for turn in range(ROUNDS):
            answer = rng.choice(steps)(who, f"{seed}-{turn}")
            answers[answer.status_code] += 1
            assert answer.status_code < 500, answer.text

    def format_it(who: Person, _name: str) -> Any:
        plan = {"formats": ["recordio", "pictures"], "shards": 2, "resize": "24"}
        return who.http.post(f"/datasets/{dataset}/batches", json=plan)

    def rename(who: Person, name: str) -> Any:
        return who.http.patch(f"/datasets/{dataset}", json={"name": name})

    def of_a_batch(method: str, action: str) -> Callable[[Person, str], Any]:
        def call(who: Person, name: str) -> Any:
            batches = who.http.get(f"/datasets/{dataset}").json()["batches"]
            if not batches:
                return format_it(who, name)
            return who.http.request(method, f"/batches/{random.Random(name).choice(batches)['id']}{action}")

        return call

    def preprocess(who: Person, name: str) -> Any:
        return who.http.post(f"/datasets/{dataset}/graph/run", json={"graph": DOUBLE, "name": name, "seed": 3})

    def remove(who: Person, _name: str) -> Any:
        return who.http.delete(f"/datasets/{dataset}") if any_batch(who) else format_it(who, "")

    def any_batch(who: Person) -> bool:
        return bool(who.http.get(f"/datasets/{dataset}").json()["batches"])

    of_batches = [of_a_batch("POST", "/cancel"), of_a_batch("POST", "/resume"), of_a_batch("DELETE", "")]
    steps = [format_it, rename, preprocess, *of_batches, remove]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, (alice, bob, alice, bob), range(4)))
    assert answers[201] and sum(answers.values()) == 4 * ROUNDS

    def left() -> list[Any]:
        batches: list[Any] = alice.ok("GET", f"/datasets/{dataset}")["batches"]
        return batches if all(one["state"] in ENDED for one in batches) else None  # type: ignore[return-value]

    for one in until(lambda: (found := left()) is not None and (found, True))[0]:
        folder = chain.context.home.batch(one["id"])
        assert (folder / "manifest.json").exists() is (one["state"] == "finished") is all(each["ready"] for each in one["sets"])
        assert one["state"] != "failed", one["error"]
        (alice if one["creator"]["name"] == "alice" else bob).ok("DELETE", f"/batches/{one['id']}")
    for who in (alice, bob):
        for made in who.ok("GET", "/datasets", params={"visibility": "mine", "limit": 200})["items"]:
            if made["id"] != dataset:
                assert who.until(f"/datasets/{made['id']}", lambda one: one["state"] != "creating")["state"] == "ready"
                who.ok("DELETE", f"/datasets/{made['id']}")
    alice.ok("DELETE", f"/datasets/{dataset}")
    assert not list((chain.context.home.volume / "datasets").iterdir())
    formatted = chain.context.home.volume / "formatted"
    assert not formatted.exists() or not list(formatted.iterdir())
