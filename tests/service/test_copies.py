"""Copies of lists, sets and models in their owner's bucket on a real SeaweedFS: complete, resumed, deleted, or said why not."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from trainyard.outward.hosts import AllowedHosts
from trainyard.records.datasets import DatasetState
from trainyard_service.database.base import now
from trainyard_service.database.tables.copies import CopyRow
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.storage import copies, copying, identities
from trainyard_service.storage.bucket import Bucket
from trainyard_service.storage.place import embedded_place, place_of

from tests.object_store import ObjectStore, running_store

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


class Killed(BaseException):
    """Stands for kill -9: nobody catches it."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with running_store(tmp_path_factory.mktemp("store")) as running:
        yield running


class World:
    """One person with a bucket, and things that can be copied; nothing runs in the background."""

    def __init__(self, service: Any, store: ObjectStore) -> None:
        self.context, self.store = service.context, store
        self.owner = service.account("安娜")
        self.http = service.client(self.owner)
        self.bucket = f"u{self.owner.id}-{secrets.token_hex(6)}"

    def bind(self) -> None:
        assert self.http.post("/storage", json={"bucket": self.bucket}).status_code == 201

    def add(self, row: Any) -> str:
        with self.context.database.write() as session:
            session.add(row)
        return str(row.id)

    def dataset(self, files: dict[str, bytes] | None = None) -> str:
        made = self.add(
            DatasetRow(id=secrets.token_hex(8), name="猫 & dogs", owner_id=self.owner.id, state=DatasetState.READY, lines=1)
        )
        self.write(self.context.home.dataset(made), files or {"index.jsonl": b"{}\n", "statistics.json": b"{}"})
        return made

    def batch(self, dataset: str) -> str:
        plan = {"formats": ["lmdb"], "label_set": "classification.x", "shuffle": True, "seed": 0, "resize": "", "quality": 95}
        made = secrets.token_hex(8)
        row = BatchRow(id=made, dataset_id=dataset, creator_id=self.owner.id, plan=plan, completed=now())
        row.sets = [
            FormattedSetRow(id=secrets.token_hex(8), format="lmdb", split=one, ratio=0.5, ready=True)
            for one in ("train", "val")
        ]
        self.add(row)
        folder = self.context.home.batch(made)
        self.write(folder, {"labels.csv": b"0,a", "lmdb-train/cache/data.mdb": b"t", "lmdb-val/cache/data.mdb": b"v"})
        return made

    def model(self, data: bytes) -> str:
        made = self.add(
            ModelRow(
                id=secrets.token_hex(8), name="net:epoch_3", kind="custom", owner_id=self.owner.id, file="权重.tar.gz",
                size=len(data), sha256="0" * 64, metrics={},
            )
        )  # fmt: skip
        self.write(self.context.home.model(made), {"model": data})
        return made

    def write(self, folder: Path, files: dict[str, bytes]) -> None:
        for name, data in {**files, "manifest.json": json.dumps({"version": 1}).encode()}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)

    def keys(self) -> set[str]:
        pages = self.store.client().list_objects_v2(Bucket=self.bucket, Prefix="trainyard/")
        return {one["Key"] for one in pages.get("Contents", ())}

    def state(self, path: str) -> Any:
        return self.http.get(path).json()["in_bucket"]

    def hurry(self) -> None:
        """As if the time of the next try had come, or the claim of a killed service had ended."""
        with self.context.database.write() as session:
            session.execute(update(CopyRow).values(due=now() - timedelta(seconds=1)))


@pytest.fixture
def world(start_service: Any, store: ObjectStore) -> World:
    return World(start_service(parts=(), store_url=store.url, store_keys_file=store.keys), store)


def test_a_list_a_batch_and_a_model_are_copied(world: World) -> None:
    dataset = world.dataset()
    batch, model = world.batch(dataset), world.model(b"weights")
    assert copying.work(world.context) == 0 and world.state(f"/datasets/{dataset}") is None
    world.bind()
    assert copying.work(world.context) == 3
    lists, sets, kept = (
        f"trainyard/datasets/猫 & dogs-{dataset}",
        f"trainyard/formatted/猫 & dogs-{batch}",
        f"trainyard/models/net:epoch_3-{model}",
    )
    assert world.keys() == {
        *(f"{lists}/{name}" for name in ("index.jsonl", "manifest.json")),
        *(f"{sets}/{name}" for name in ("labels.csv", "lmdb-train/cache/data.mdb", "lmdb-val/cache/data.mdb", "manifest.json")),
        *(f"{kept}/{name}" for name in ("权重.tar.gz", "manifest.json")),
    }
    for path, folder in ((f"/datasets/{dataset}", lists), (f"/batches/{batch}", sets), (f"/models/{model}", kept)):
        told = world.state(path)
        assert (told["state"], told["place"]) == ("copied", f"s3://{world.bucket}/{folder}/") and told["done"] == told[
            "bytes"
        ] > 0
    assert copying.work(world.context) == 0


def test_after_a_kill_it_goes_on_with_the_parts_that_are_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    data = secrets.token_bytes(40 << 20)
    model = world.model(data)
    world.bind()
    sent = []
    place = place_of(world.context.settings, _storage(world), AllowedHosts())
    client, upload_part = Bucket(place)._s3, Bucket(place)._s3.upload_part

    def counted(**asked: Any) -> Any:
        if len(sent) == 1:
            sent.append("killed")
            raise Killed
        sent.append(asked["PartNumber"])
        return upload_part(**asked)

    monkeypatch.setattr(client, "upload_part", counted)
    monkeypatch.setattr(copying, "_TOLD_SECONDS", 0)
    with pytest.raises(Killed):
        copying.work(world.context)
    told = world.state(f"/models/{model}")
    assert told["state"] == "copying" and 0 < told["done"] < told["bytes"] and world.keys() == set()
    world.hurry()
    copying.work(world.context)
    assert sent == [1, "killed", 2, 3]
    key = f"trainyard/models/net:epoch_3-{model}/权重.tar.gz"
    assert world.store.client().get_object(Bucket=world.bucket, Key=key)["Body"].read() == data
    assert world.state(f"/models/{model}")["state"] == "copied"


def test_a_deleted_set_or_dataset_is_deleted_from_the_bucket_too(world: World) -> None:
    dataset = world.dataset()
    other = world.dataset()
    batch = world.batch(other)
    world.bind()
    copying.work(world.context)
    one = next(one["id"] for one in world.http.get(f"/batches/{batch}").json()["sets"] if one["split"] == "val")
    assert world.http.delete(f"/formatted/{one}").status_code == 204
    assert world.http.delete(f"/datasets/{dataset}").status_code == 204
    copying.work(world.context)
    keys = world.keys()
    assert not any(dataset in key or "lmdb-val" in key for key in keys)
    assert {key.rpartition("/")[2] for key in keys if batch in key} == {"labels.csv", "data.mdb", "manifest.json"}


def test_a_copy_that_fails_says_why_and_is_tried_again(world: World) -> None:
    dataset = world.dataset()
    world.bind()
    row = _storage(world)
    administrator = embedded_place(world.context.settings, world.bucket)
    fresh = identities.make_keys(administrator)  # the keys of the row are dead now
    copying.work(world.context)
    told = world.state(f"/datasets/{dataset}")
    assert told["state"] == "failed" and "refuses these keys" in told["error"] and told["again"] > now().isoformat()
    assert copying.work(world.context) == 0
    identities._keep(world.context, row.account_id, fresh)
    world.hurry()
    copying.work(world.context)
    assert world.state(f"/datasets/{dataset}")["state"] == "copied"


def test_copies_go_with_the_binding_of_a_deleted_account(world: World) -> None:
    world.dataset()
    world.bind()
    with world.context.database.write() as session:
        copies.look(session)
        session.delete(session.get_one(StorageRow, world.owner.id))
    assert copying.work(world.context) == 1
    with world.context.database.read() as session:
        assert session.scalars(select(CopyRow)).all() == []


def test_two_services_do_not_copy_the_same_thing(world: World) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for _ in range(6):
        world.dataset()
    world.bind()
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(copying.work, [world.context, world.context])) == 6


def _storage(world: World) -> StorageRow:
    with world.context.database.read() as session:
        return session.get_one(StorageRow, world.owner.id)
