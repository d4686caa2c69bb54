"""Pictures on the web, fetched into a bucket by a job without a network; killed, it goes on and repeats nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trainyard.home import Home

from tests.object_store import ObjectStore, running_store
from tests.web_servers import WebServer, picture, web_server

from .conftest import Person, supervisor_of
from .test_chain import make_sets, why
from .test_graph import DOUBLE
from .test_graph import run as run_graph

pytestmark = [pytest.mark.one_database, pytest.mark.slow]
FLOPPED = DOUBLE | {
    "nodes": [
        node | ({"label_set": "classification.pulp", "multiples": {"normal": 2}} if node["id"] == "more" else {})
        for node in DOUBLE["nodes"]
    ]
}
LABEL = [{"name": "pulp", "type": "classification", "version": "1", "data": [{"class": "normal"}]}]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with running_store(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def chain(start_service: Callable[..., Any], chain_home: Home, store: ObjectStore) -> Any:
    shutil.rmtree(chain_home.volume / "groups", ignore_errors=True)
    service = start_service(home=chain_home.root, store_url=store.url, store_keys_file=store.keys, copy_seconds=3600)
    chain_home.address.write_text(service.address)
    return service


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


@pytest.fixture
def alice(chain: Any, person: Callable[..., Person], web: WebServer, store: ObjectStore) -> Person:
    someone = person("alice", chain.group("vision"))
    bucket = someone.ok("POST", "/storage", json={"bucket": f"u{someone.who.id}-alice"})["bucket"]
    for old in store.client().list_objects_v2(Bucket=bucket).get("Contents", []):  # of another test, or of a first try
        store.client().delete_object(Bucket=bucket, Key=old["Key"])
    admin = person("admin", administrator=True)
    admin.ok("PUT", "/allowed-hosts", json={"hosts": [f"127.0.0.1:{web.port}"]})
    return someone


def line(url: str, **more: Any) -> str:
    return json.dumps({"url": url, "type": "image", "label": LABEL, **more})


def dataset_of(alice: Person, lines: list[str], name: str = "remote") -> Any:
    path = alice.put_on_share(alice.group, f"{name}.jsonl")
    path.write_text("\n".join(lines))
    source = {"kind": "share", "group": "vision", "path": f"alice/{name}.jsonl"}
    made = alice.ok("POST", "/datasets", json={"name": name, "source": source})
    ready = alice.until(f"/datasets/{made['id']}", lambda one: one["state"] != "creating")
    assert ready["state"] == "ready", why(alice)
    return ready


def listed(alice: Person, dataset: Any) -> list[Any]:
    return [json.loads(one) for one in alice.http.get(f"/datasets/{dataset['id']}/list").text.splitlines()]


def failures(alice: Person, dataset: Any) -> list[Any]:
    return [json.loads(one) for one in alice.http.get(f"/datasets/{dataset['id']}/failures").text.splitlines()]


def ended(alice: Person, made: Any) -> Any:
    return alice.until(f"/datasets/{made['id']}", lambda one: one["state"] != "creating")


def test_pictures_are_fetched_and_failures_listed_with_line_and_cause(
    chain: Any, alice: Person, web: WebServer, store: ObjectStore
) -> None:
    good = [web.url(f"/pictures/{n}") for n in range(12)]
    bad = {
        web.url("/none"): "picture-missing",
        web.url("/status?is=403"): "picture-forbidden",
        web.url("/lying"): "picture-type",
        web.url("/to?url=http://127.0.0.1:1/"): "web-private",
        "http://10.0.0.1/1.jpg": "web-private",
        web.url("/announced?bytes=99999999999"): "picture-bytes",
    }
    beside = alice.put_on_share(alice.group, "own.png")
    beside.write_bytes(b"x")
    lines = [line(one) for one in good[:6]] + [line(one) for one in bad]
    lines += [line("own.png"), '{"url": ', line(web.url("/flaky?times=2")), line(good[0], uid=7), *map(line, good[6:])]
    source = dataset_of(alice, lines)
    made = alice.ok("POST", f"/datasets/{source['id']}/fetch", json={"name": "near", "prefix": "网/", "per_host": 2})
    assert alice.refused("DELETE", f"/datasets/{source['id']}")[1] == "dataset-in-use"
    done = ended(alice, made)
    assert done["state"] == "ready", (done["error"], why(alice))
    assert done["fetched"] == {"fetched": 14, "failed": 7, "kept": 1, "bytes": done["fetched"]["bytes"]}

    assert {(one["url"], one["code"]) for one in failures(alice, made) if one["url"]} == set(bad.items())
    assert [one["line"] for one in failures(alice, made)] == [7, 8, 9, 10, 11, 12, 14]
    assert all(one["reason"] for one in failures(alice, made))
    new = listed(alice, made)
    assert [one.get("source_url") for one in new if "source_url" in one] == [
        *good[:6],
        web.url("/flaky?times=2"),
        good[0],
        *good[6:],
    ]
    assert {one["ops"] for one in new if "ops" in one} == {"download()"}
    assert (new[0]["url"], new[8]["uid"]) == (new[8]["url"], 7)
    assert new[0]["url"].startswith(f"s3://u{alice.who.id}-alice/网/") and new[0]["url"].endswith(".png")
    assert new[6]["url"] == "/workspace/mnt/group/vision/alice/own.png"

    asked = Counter(web.asked)
    assert all(asked[f"/pictures/{n}"] == 1 for n in range(12)) and asked["/flaky?times=2"] == 3
    assert web.most_at_once <= 2
    picture = alice.http.get(f"/datasets/{made['id']}/picture", params={"line": 1})
    assert picture.headers["content-type"] == "image/png"
    keys = {one["Key"] for one in store.client().list_objects_v2(Bucket=f"u{alice.who.id}-alice", Prefix="网/")["Contents"]}
    assert len(keys) == 13
    assert [(one["how"], one["name"]) for one in alice.ok("GET", f"/datasets/{made['id']}")["made_from"]] == [
        ("fetch", "remote")
    ]
    assert [one["id"] for one in alice.ok("GET", f"/datasets/{source['id']}")["made_into"]] == [made["id"]]
    # the original is not needed any more
    alice.ok("DELETE", f"/datasets/{source['id']}")
    assert alice.http.get(f"/datasets/{made['id']}/picture", params={"line": 1, "size": 32}).status_code == 200


@pytest.mark.survival
def test_a_fetch_that_is_killed_goes_on_and_repeats_nothing(chain: Any, alice: Person, web: WebServer) -> None:
    source = dataset_of(alice, [line(web.url(f"/slowly/{n}")) for n in range(60)])
    made = alice.ok("POST", f"/datasets/{source['id']}/fetch", json={"name": "near", "at_once": 4, "per_host": 4})
    journal = chain.context.home.dataset(made["id"]) / "fetched.jsonl"
    alice.until(f"/datasets/{made['id']}", lambda _: journal.exists() and journal.read_bytes().count(b"\n") > 10)
    with chain.context.database.read() as session:
        from trainyard_service.database.tables.datasets import DatasetRow

        job = session.get_one(DatasetRow, made["id"]).job_id
    os.kill(supervisor_of(chain, str(job)), signal.SIGKILL)
    whole, _, _ = journal.read_bytes().rpartition(b"\n")  # of the last line a part may be there
    before = whole + b"\n"
    done = ended(alice, made)
    assert (done["state"], done["images"]) == ("ready", 60), (done["error"], why(alice))
    assert journal.read_bytes().startswith(before)
    asked = Counter(web.asked)
    assert len(asked) == 60 and sum(asked.values()) <= 60 + 4
    known = {json.loads(one)["url"].removeprefix(web.url("")) for one in before.splitlines()}
    assert all(asked[path] == 1 for path in known)


def test_a_fetch_of_nothing_and_one_that_gets_nothing_say_so(alice: Person, web: WebServer) -> None:
    source = dataset_of(alice, [line("a.png")], "files")
    done = ended(alice, alice.ok("POST", f"/datasets/{source['id']}/fetch", json={"name": "none"}))
    assert done["state"] == "failed" and "http" in done["error"]
    source = dataset_of(alice, [line("http://127.0.0.1:9/1.png"), line("http://10.9.8.7/1.png")], "inward")
    for again in (False, True):
        path = f"/datasets/{done['id']}/resume" if again else f"/datasets/{source['id']}/fetch"
        done = ended(alice, alice.ok("POST", path, json={"name": "nothing"}))
        assert done["state"] == "failed" and "None of the 2 pictures" in done["error"], done
    refused = alice.refused("POST", f"/datasets/{source['id']}/fetch", json={"name": "x", "prefix": "../other"})
    assert refused[:2] == (422, "object-key")


def test_a_second_fetch_takes_what_is_in_the_bucket(alice: Person, web: WebServer) -> None:
    source = dataset_of(alice, [line(web.url(f"/pictures/again/{n}")) for n in range(5)])
    first, second = (
        ended(alice, alice.ok("POST", f"/datasets/{source['id']}/fetch", json={"name": name})) for name in ("one", "two")
    )
    assert (first["state"], second["state"]) == ("ready", "ready"), (first["error"], second["error"], why(alice))
    assert listed(alice, first) == listed(alice, second)
    assert set(Counter(web.asked).values()) == {1}


def test_formatting_reads_the_web_through_the_service(alice: Person, web: WebServer, tmp_path: Path) -> None:
    """A sandbox without a network, and the platform's checks before every picture."""
    inward = "http://127.0.0.1:9/1.png"
    source = dataset_of(alice, [*(line(web.url(f"/pictures/{n}")) for n in range(9)), line(inward)])
    plan = {"formats": ["lmdb"], "bad_limit": 0.5, "train": 1.0, "val": 0.0}
    batch = alice.ok("POST", f"/datasets/{source['id']}/batches", json=plan)
    done = alice.until(f"/batches/{batch['id']}", lambda one: one["state"] in ("finished", "failed", "stopped"))
    assert (done["state"], done["skipped"], done["sets"][0]["samples"]) == ("finished", 1, 9), (done["error"], why(alice))


def test_a_graph_reads_buckets_and_the_web_through_the_service(
    chain: Any, alice: Person, web: WebServer, store: ObjectStore
) -> None:
    """Its sandbox has neither a network nor keys; what is made names the same places, and its own pictures."""
    bucket = f"u{alice.who.id}-alice"
    for number in range(4):
        store.client().put_object(Bucket=bucket, Key=f"own/{number}.png", Body=picture("blue"))
    urls = [*(f"s3://{bucket}/own/{n}.png" for n in range(4)), *(web.url(f"/pictures/{n}") for n in range(4))]
    source = dataset_of(alice, [line(one) for one in [*urls, web.url("/none")]])
    made = run_graph(alice, source, graph=FLOPPED, bad_limit=0.2)
    done = ended(alice, made)
    assert (done["state"], done["images"]) == ("ready", 17), (done["error"], why(alice))
    totals = alice.ok("GET", f"/datasets/{made['id']}/graph")["made"]
    assert (totals["new"], totals["bad"], totals["unmade"]) == (8, 1, 1)
    assert [one["url"] for one in listed(alice, made)][:16:2] == urls
    for number in (1, 2, 9, 10):
        shown = alice.http.get(f"/datasets/{made['id']}/picture", params={"line": number})
        assert shown.headers["content-type"] == "image/png", shown.text
    told = make_sets(alice, done, formats=["recordio"], bad_limit=0.2)
    assert told["batch"]["skipped"] == 1
