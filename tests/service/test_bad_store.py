"""A bucket that refuses, breaks off, stalls or is silent: a clear sentence in bounded time, and nothing half-made."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image
from trainyard.datasets.folder import DatasetFolder
from trainyard.jobs.states import JobState
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.jobs import AttemptRow, JobRow
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.jobs.part import install
from trainyard_service.jobs.tokens import PREFIX
from trainyard_service.storage.keyring import Keyring
from trainyard_service.token_directory import token_hash

from tests.bad_store import BadStore, bad_store
from tests.web_servers import web_server

pytestmark = pytest.mark.one_database
KEYS = ("good", "forbidden", "gone", "busy", "broken", "stalls", "breaks", "silent", "flaky")
REFUSED: dict[str, int | str] = {"forbidden": 403, "gone": 404, "busy": 503, "broken": 500, "flaky": 503}
TROUBLE = {**REFUSED, "stalls": "stalls", "breaks": "breaks", "silent": "silent"}
SAID = {
    "good": (200, ""),
    "forbidden": (403, "picture-forbidden"),
    "gone": (404, "picture-missing"),
    "busy": (503, "store-unavailable"),
    "broken": (503, "store-unavailable"),
    "stalls": (503, "store-unavailable"),
    "breaks": (503, "store-unavailable"),
    "silent": (503, "store-unavailable"),
    "flaky": (200, ""),
}


def png() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((96, 96), 60).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def store() -> Iterator[BadStore]:
    with bad_store() as running:
        running.objects = {key: png() for key in KEYS if key != "gone"}
        running.trouble = dict(TROUBLE)
        running.left = {"flaky": 1}
        yield running


class World:
    def __init__(self, service: Any, store: BadStore) -> None:
        self.service, self.context, self.store = service, service.context, store
        install(self.context)
        self.alice = service.account("alice")
        seal = Keyring(self.context.settings.storage_key).seal
        folder = DatasetFolder(self.context.home.dataset("d" * 16))
        folder.path.mkdir(parents=True)
        folder.list_path.write_text("".join(json.dumps({"url": f"s3://pictures/{key}"}) + "\n" for key in KEYS))
        folder.prepare()
        with self.context.database.write() as session:
            keys = {"access_key": seal("a"), "secret_key": seal("b")}
            session.add(StorageRow(account_id=self.alice.id, endpoint=store.url, bucket="pictures", embedded=False, **keys))
            session.add(DatasetRow(id="d" * 16, name="d", owner_id=self.alice.id, state="ready"))

    def job(self, kind: str, **spec: Any) -> Any:
        token = PREFIX + kind
        with self.context.database.write() as session:
            row = JobRow(id="a" * 16, kind=kind, name="j", owner_id=self.alice.id, state=JobState.RUNNING, attempt=1)
            row.image, row.package, row.spec = "workspace:1", "1Core2G", {"dataset": "d" * 16, **spec}
            row.attempts = [AttemptRow(number=1, token_hash=token_hash(token))]
            session.add(row)
        return self.service.client(token)


@pytest.fixture
def world(start_service: Any, store: BadStore, no_engine: None) -> World:
    return World(start_service(private_storage=True, store_seconds=0.3, copy_seconds=3600), store)


def said(answer: Any) -> tuple[int, str]:
    told = answer.json()["error"] if answer.status_code >= 400 else {"code": "", "message": "-"}
    assert told["message"]
    return answer.status_code, told["code"]


@pytest.mark.parametrize("key", KEYS)
def test_the_grid_says_what_the_store_does_and_does_not_wait_for_ever(world, key):
    client, began = world.service.client(world.alice), time.monotonic()
    answer = client.get(f"/datasets/{'d' * 16}/picture", params={"line": KEYS.index(key) + 1})
    assert said(answer) == SAID[key]
    assert time.monotonic() - began < 60  # far below the minutes that retries of retries would take
    cached = world.context.home.root / "cache" / "pictures"
    assert sum(1 for path in cached.rglob("*") if path.is_file()) == (SAID[key][0] == 200)


@pytest.mark.parametrize("key", KEYS)
def test_a_job_is_told_the_same_and_never_half_a_picture(world, key):
    job = world.job("format")
    try:
        answer = job.get(f"/jobs/{'a' * 16}/object", params={"key": f"s3://pictures/{key}"})
    except httpx.RemoteProtocolError as error:  # the answer had begun: it breaks off, which the job sees by its length
        assert key in ("stalls", "breaks") and "peer closed" in str(error)
        return
    assert said(answer) == SAID[key]


def test_a_fetch_into_a_store_that_refuses_is_told_apart_from_the_picture(world):
    with web_server() as web:
        url = web.url("/slowly")
        folder = DatasetFolder(world.context.home.dataset("d" * 16))
        folder.list_path.write_text(json.dumps({"url": url}) + "\n")
        admin = world.service.client(world.service.account("admin", administrator=True))
        assert admin.put("/allowed-hosts", json={"hosts": ["127.0.0.1"]}).status_code == 200
        job = world.job("fetch", reads="d" * 16, prefix="p/", bucket="pictures", max_bytes=10_000)
        from trainyard.datasets.fetching.journal import key_of

        key = key_of("p/", url, ".png")
        world.store.trouble[key] = 503
        answer = job.post(f"/jobs/{'a' * 16}/fetch", json={"url": url}).json()
        assert answer["state"] == "later", answer
        assert key not in world.store.objects
        world.store.trouble[key] = 403
        refused = job.post(f"/jobs/{'a' * 16}/fetch", json={"url": url})
        assert refused.status_code == 403, refused.text
        del world.store.trouble[key]
        assert job.post(f"/jobs/{'a' * 16}/fetch", json={"url": url}).json()["state"] == "stored"
        assert key in world.store.objects
