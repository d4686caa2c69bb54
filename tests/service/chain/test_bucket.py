"""A bound bucket along the chain: a list and pictures in it, copies into it, its files inside of a training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trainyard.home import Home
from trainyard_service.storage.mounts import mounts_of

from tests.object_store import ObjectStore, running_store

from .conftest import Person, write_pictures
from .test_chain import make_sets, train, why

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with running_store(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def chain(start_service: Callable[..., Any], chain_home: Home, store: ObjectStore) -> Iterator[Any]:
    """The chain's service with a store of its own; mounts go with the test."""
    service = start_service(home=chain_home.root, store_url=store.url, store_keys_file=store.keys, copy_seconds=0.3)
    chain_home.address.write_text(service.address)
    yield service
    mounter = mounts_of(service.context).mounter
    assert mounter is not None
    for owner in range(1, 4):
        mounter.unmount(owner)


def fill(alice: Person, store: ObjectStore, folder: Path) -> str:
    """Bind a bucket with 40 pictures and a list that names them by ``s3://`` urls; the bucket's name."""
    bucket = str(alice.ok("POST", "/storage", json={"bucket": f"u{alice.who.id}-alice"})["bucket"])
    client = store.client()
    lines = []
    for line in write_pictures(folder).read_text().splitlines()[:-1]:
        sample = json.loads(line)
        key = f"图片 一/{Path(sample['url']).name}"
        client.put_object(Bucket=bucket, Key=key, Body=(folder / sample["url"]).read_bytes())
        lines.append(json.dumps({**sample, "url": f"s3://{bucket}/{key}"}, ensure_ascii=False))
    client.put_object(Bucket=bucket, Key="清单/列表.jsonl", Body="\n".join(lines).encode())
    return bucket


def test_a_bucket_feeds_keeps_and_is_seen_by_a_training(chain: Any, person: Any, store: ObjectStore, tmp_path: Path) -> None:
    group = chain.group("vision")
    alice, bob = person("alice", group), person("bob", group)
    bucket = fill(alice, store, tmp_path / "made")

    missing = {"kind": "bucket", "key": "清单/none.jsonl"}
    made = alice.ok("POST", "/datasets", json={"name": "none", "source": missing})
    failed = alice.until(f"/datasets/{made['id']}", lambda one: one["state"] != "creating")
    assert failed["state"] == "failed" and failed["error"]

    source = {"kind": "bucket", "key": "清单/列表.jsonl"}
    assert bob.refused("POST", "/datasets", json={"name": "shades", "source": source})[:2] == (409, "no-storage")
    made = alice.ok("POST", "/datasets", json={"name": "shades", "source": source})
    dataset = alice.until(f"/datasets/{made['id']}", lambda one: one["state"] != "creating")
    assert (dataset["state"], dataset["images"], dataset["source"]) == ("ready", 40, f"s3://{bucket}/清单/列表.jsonl"), why(
        alice
    )
    sample = alice.ok("GET", f"/datasets/{dataset['id']}/samples")["items"][0]
    picture = alice.http.get(sample["picture"].removeprefix("/services/trainyard/api/v1"))
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")

    sets = make_sets(alice, dataset)
    assert (sets["batch"]["skipped"], sets["recordio-train"]["samples"]) == (0, 30)
    for path in (f"/datasets/{dataset['id']}", f"/batches/{sets['batch']['id']}"):
        copied = alice.until(path, lambda one: one["in_bucket"] and one["in_bucket"]["state"] != "copying")["in_bucket"]
        assert copied["state"] == "copied", copied
    objects = {one["Key"] for one in store.client().list_objects_v2(Bucket=bucket, Prefix="trainyard/formatted/")["Contents"]}
    assert f"trainyard/formatted/shades-{sets['batch']['id']}/manifest.json" in objects

    storage = alice.ok("GET", "/storage")
    if storage["mount_problem"]:
        pytest.skip(storage["mount_problem"])
    script = alice.put_on_share(group, "look.sh")
    script.write_text(
        "#!/bin/sh\ncd /workspace/mnt/bucket\n"
        f"for i in 1 2 3 4 5 6 7 8 9 10; do [ -e {bucket}/清单 ] && break; sleep 1; done\n"
        f"wc -l < '{bucket}/清单/列表.jsonl' > '{bucket}/结果.txt' && ls . >> '{bucket}/结果.txt'\n"
    )
    script.chmod(0o755)
    entry = "/workspace/mnt/group/vision/alice/look.sh"
    training = train(alice, group, sets, "looks", entry=entry)
    ended = alice.until(f"/trainings/{training['id']}", lambda one: one["job"]["state"] in ("finished", "failed"))
    assert ended["job"]["state"] == "finished", why(alice)
    assert alice.http.get("/bucket/object", params={"key": "结果.txt"}).text == f"39\n{bucket}\n"
    assert alice.ok("GET", "/storage")["mounted"] and alice.ok("GET", "/storage")["path"] == f"/workspace/mnt/bucket/{bucket}"

    hub = chain.internal()
    mounts = {}
    for someone in (alice, bob):
        granted = hub.post(f"/internal/workspaces/{someone.who.hub_name}/launch", json={"options": {"group": "vision"}}).json()
        mounts[someone] = [one["target"] for one in granted["mounts"]]
    assert "/workspace/mnt/bucket" in mounts[alice] and "/workspace/mnt/bucket" not in mounts[bob]
