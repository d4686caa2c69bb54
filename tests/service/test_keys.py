"""Whose keys open what: a shared or copied list is read with the keys of whoever brought it, for the urls that it names."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image
from trainyard.datasets.folder import DatasetFolder
from trainyard.jobs.states import JobState
from trainyard_service.database.tables.datasets import DatasetRow, DatasetShareRow
from trainyard_service.database.tables.jobs import AttemptRow, JobRow
from trainyard_service.datasets.lineage import derived
from trainyard_service.jobs.part import install
from trainyard_service.jobs.tokens import PREFIX
from trainyard_service.token_directory import token_hash

from tests.object_store import ObjectStore, running_store
from tests.web_servers import WebServer, web_server

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with running_store(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture(scope="module")
def web() -> Iterator[WebServer]:
    with web_server() as running:
        yield running


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    return buffer.getvalue()


class World:
    """Alice and Bob of one group, each with a bucket that holds ``named.png`` and ``private.png``; Carl of none, without."""

    def __init__(self, service: Any, store: ObjectStore) -> None:
        self.service, self.context = service, service.context
        install(service.context)
        self.group = service.group("vision")
        self.alice, self.bob = service.account("alice", self.group), service.account("bob", self.group)
        self.carl = service.account("carl")
        self.bucket = {}
        for one in (self.alice, self.bob):
            name = f"u{one.id}-{one.name}"
            assert service.client(one).post("/storage", json={"bucket": name}).status_code == 201
            for key in ("named.png", "private.png", "fetched/1.png"):
                store.client().put_object(Bucket=name, Key=key, Body=png())
            self.bucket[one.name] = name
        self._made = 0

    def url(self, person: Any, key: str = "named.png") -> str:
        return f"s3://{self.bucket[person.name]}/{key}"

    def dataset(self, owner: Any, *urls: str, shared: bool = False, **source: Any) -> str:
        """A ready dataset of ``owner`` with these urls, as if its preparation had ended."""
        self._made += 1
        dataset_id = f"{self._made:016x}"
        folder = DatasetFolder(self.context.home.dataset(dataset_id))
        folder.path.mkdir(parents=True)
        folder.list_path.write_text("".join(json.dumps({"url": url}) + "\n" for url in urls))
        folder.prepare()
        with self.context.database.write() as session:
            row = DatasetRow(id=dataset_id, name=f"d{self._made}", owner_id=owner.id, state="ready", source=source)
            row.shares = [DatasetShareRow(group_id=self.group.id, by_id=owner.id)] if shared else []
            session.add(row)
        return dataset_id

    def derived(self, owner: Any, parent: str, *urls: str, **source: Any) -> str:
        with self.context.database.read() as session:
            found = derived(session.get_one(DatasetRow, parent))
        return self.dataset(owner, *urls, **{"kind": "graph", **found, **source})

    def copy(self, person: Any, dataset: str) -> str:
        answer = self.service.client(person).post(f"/datasets/{dataset}/copy", json={"name": "copy"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def sees(self, person: Any, dataset: str, line: int = 1) -> str:
        """``picture``, or the code of the refusal."""
        answer = self.service.client(person).get(f"/datasets/{dataset}/picture", params={"line": line, "size": 16 + line})
        return "picture" if answer.status_code == 200 else str(answer.json()["error"]["code"])

    def job(self, owner: Any, dataset: str, kind: str = "format", **spec: Any) -> Any:
        """A running job's own client: ``job(url)`` is the code of the answer."""
        job_id = f"{len(kind) + len(dataset) + self._made:08x}{owner.id:08x}"
        self._made += 1
        token = PREFIX + job_id
        with self.context.database.write() as session:
            row = JobRow(id=job_id, kind=kind, name="j", owner_id=owner.id, state=JobState.RUNNING, attempt=1)
            row.image, row.package, row.spec = "workspace:1", "1Core2G", {"dataset": dataset, **spec}
            row.attempts = [AttemptRow(number=1, token_hash=token_hash(token))]
            session.add(row)
        client = self.service.client(token)

        def ask(key: str) -> str:
            answer = client.get(f"/jobs/{job_id}/object", params={"key": key})
            return "picture" if answer.status_code == 200 else str(answer.json()["error"]["code"])

        ask.client, ask.id = client, job_id  # type: ignore[attr-defined]
        return ask


@pytest.fixture
def world(start_service: Any, store: ObjectStore, no_engine: None) -> World:
    return World(start_service(store_url=store.url, store_keys_file=store.keys, copy_seconds=3600), store)


def test_a_shared_list_is_read_with_its_owners_keys(world):
    shared = world.dataset(world.alice, world.url(world.alice), shared=True)
    assert world.sees(world.bob, shared) == "picture"
    assert world.sees(world.carl, shared) == "no-such-dataset"


def test_a_copy_is_read_with_the_keys_of_whoever_brought_the_list_as_long_as_they_share_it(world):
    shared = world.dataset(world.alice, world.url(world.alice), shared=True)
    copied = world.copy(world.bob, world.copy(world.bob, shared))
    assert world.sees(world.bob, copied) == "picture"
    refused = world.service.client(world.alice).delete(f"/datasets/{shared}")
    assert refused.status_code == 409 and "copy of bob" in refused.json()["error"]["message"]
    assert world.service.client(world.alice).delete(f"/datasets/{shared}/shares/vision").status_code == 200
    world.service.context.home.root.joinpath("cache", "pictures").rename(world.service.context.home.root / "gone")
    assert world.sees(world.bob, copied) == "not-shared"
    assert world.service.client(world.alice).delete(f"/datasets/{shared}").status_code == 204


def test_a_list_that_names_somebody_elses_private_objects_opens_none(world):
    """Bob copies what he sees of a shared list, adds a private object of Alice's, and makes a dataset of it."""
    world.dataset(world.alice, world.url(world.alice), shared=True)
    edited = world.dataset(world.bob, world.url(world.alice), world.url(world.alice, "private.png"), shared=True)
    assert [world.sees(world.bob, edited, line) for line in (1, 2)] == ["another-bucket"] * 2
    assert world.sees(world.alice, edited, 2) == "another-bucket"


def test_a_list_laid_in_somebodys_way_opens_nothing_of_theirs(world):
    """Bob shares a list that names Alice's private object; Alice copies it and shares her copy."""
    trap = world.dataset(world.bob, world.url(world.alice, "private.png"), world.url(world.bob), shared=True)
    copied = world.copy(world.alice, trap)
    assert world.service.client(world.alice).put(f"/datasets/{copied}/shares/vision").status_code == 200
    assert world.sees(world.bob, copied, 1) == "another-bucket"
    assert world.sees(world.alice, copied, 1) == "another-bucket"
    assert world.sees(world.alice, copied, 2) == "picture"


def test_what_is_made_of_a_shared_list_reads_what_that_list_names_and_no_more(world):
    shared = world.dataset(world.alice, world.url(world.alice), shared=True)
    mine, private, own = world.url(world.alice), world.url(world.alice, "private.png"), world.url(world.bob, "private.png")
    same = mine.replace("s3://", "qiniu:///")
    made = world.derived(world.bob, shared, mine, private, own, same)
    assert [world.sees(world.bob, made, line) for line in (1, 2, 3, 4)] == [
        "picture",
        "another-bucket",
        "another-bucket",
        "picture",
    ]


def test_what_was_fetched_is_read_with_ones_own_keys_below_its_folder_only(world):
    shared = world.dataset(world.alice, world.url(world.alice), shared=True)
    urls = (
        world.url(world.bob, "fetched/1.png"),
        world.url(world.bob, "private.png"),
        world.url(world.bob, "fetched/../private.png"),
    )
    made = world.derived(world.bob, shared, *urls, kind="fetch", own_prefix="fetched/")
    assert world.sees(world.bob, made, 1) == "picture"
    assert world.sees(world.bob, made, 2) == "another-bucket"
    assert world.sees(world.bob, made, 3) != "picture"


@pytest.mark.parametrize("written", ["s3://{}/named.png", "qiniu:///{}/named.png", "qiniu://z0/{}/named.png"])
def test_every_way_of_writing_an_object_is_read(world, written):
    url = written.format(world.bucket["alice"])
    shared = world.dataset(world.alice, url, shared=True)
    assert world.sees(world.bob, shared) == "picture"
    assert world.job(world.bob, shared)(url) == "picture"


def test_the_token_of_a_members_job_opens_what_the_list_names_and_nothing_else(world, web):
    named = world.url(world.alice), web.url("/pictures/1")
    shared = world.dataset(world.alice, *named, shared=True)
    job = world.job(world.bob, shared)
    assert job(named[0]) == "picture"
    assert job(named[1]) == "web-private"
    elsewhere = [
        world.url(world.alice, "private.png"),
        world.url(world.bob),
        web.url("/pictures/2"),
        "named.png",
        "private.png",
    ]
    assert {job(url) for url in elsewhere} == {"not-named"}
    assert job(named[0] + "?") == "not-named" and job(named[0].replace("named", "./named")) == "not-named"


def test_a_preparation_reads_its_owners_bucket_and_no_other(world):
    dataset = world.dataset(world.bob, "own.png")
    job = world.job(world.bob, dataset, "prepare")
    assert (job("private.png"), job(world.url(world.bob))) == ("picture", "picture")
    assert job(world.url(world.alice)) == "another-bucket"
    assert job(f"../{world.bucket['alice']}/private.png") != "picture"


def test_a_job_reads_the_rest_of_an_object_as_long_as_it_is_the_same_and_anothers_token_opens_nothing(world):
    shared = world.dataset(world.alice, world.url(world.alice), shared=True)
    one, other = world.job(world.bob, shared), world.job(world.alice, shared, "prepare")
    place = {"url": f"/jobs/{one.id}/object", "params": {"key": world.url(world.alice)}}
    answer = other.client.get(**place)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "another-job")
    whole = one.client.get(**place)
    asked = {"Range": "bytes=7-", "If-Range": whole.headers["ETag"]}
    rest = one.client.get(**place, headers=asked)
    size = len(whole.content)
    assert (rest.status_code, rest.headers["Content-Range"]) == (206, f"bytes 7-{size - 1}/{size}")
    assert rest.content == whole.content[7:]
    for changed in ({"If-Range": '"another"'}, {"Range": f"bytes={size}-"}, {"Range": "bytes=-3"}):
        answer = one.client.get(**place, headers=asked | changed)
        assert (answer.status_code, answer.content) == (200, whole.content)


def test_a_fetch_brings_only_what_the_list_names_and_only_a_fetch_does(world, web):
    named = web.url("/pictures/1")
    shared = world.dataset(world.alice, named, shared=True)
    spec = {"reads": shared, "prefix": "fetched/", "bucket": world.bucket["bob"], "max_bytes": 1000}
    job = world.job(world.bob, world.dataset(world.bob, "own.png"), "fetch", **spec)

    def ask(url: str, of: Any = job) -> Any:
        return of.client.post(f"/jobs/{of.id}/fetch", json={"url": url}).json()

    assert ask(named)["code"] == "web-private"
    admin = world.service.account("admin", administrator=True)
    assert world.service.client(admin).put("/allowed-hosts", json={"hosts": ["127.0.0.1"]}).status_code == 200
    assert (ask(named)["state"], ask(named)["suffix"]) == ("stored", ".png")
    assert web.asked.count("/pictures/1") == 1
    assert ask(web.url("/pictures/2"))["error"]["code"] == "not-named"
    assert ask("file:///etc/passwd")["error"]["code"] == "not-a-fetch"
    assert ask(named, world.job(world.bob, shared))["error"]["code"] == "not-a-fetch"


def test_hosts_are_allowed_by_administrators_checked_and_audited(world, web):
    shared = world.dataset(world.alice, web.url("/pictures/1"))
    assert world.sees(world.alice, shared) == "web-private"
    admin = world.service.client(world.service.account("admin", administrator=True))
    assert admin.put("/allowed-hosts", json={"hosts": ["http://x"]}).json()["error"]["code"] == "host-unknown"
    told = admin.put("/allowed-hosts", json={"hosts": ["127.0.0.1 ", "Pictures.LAN", "127.0.0.1"]}).json()
    assert told == {"hosts": ["127.0.0.1", "pictures.lan"]} == admin.get("/allowed-hosts").json()
    assert world.sees(world.alice, shared) == "picture"
    entry = next(one for one in admin.get("/audit").json()["items"] if "hosts" in one["action"])
    assert "pictures.lan" in json.dumps(entry)
    assert admin.put("/allowed-hosts", json={"hosts": []}).status_code == 200
    assert world.sees(world.alice, shared) == "picture", "from the cache"


def test_two_administrators_who_allow_hosts_at_once_lose_none(service):
    one, other = (service.client(service.account(name, administrator=True)) for name in ("ada", "bea"))
    assert one.put("/allowed-hosts", json={"hosts": ["old.lan"]}).status_code == 200
    seen = other.get("/allowed-hosts").json()["hosts"]
    one.put("/allowed-hosts", json={"hosts": [*seen, "one.lan"], "seen": seen})
    told = other.put("/allowed-hosts", json={"hosts": ["other.lan"], "seen": seen}).json()
    assert told["hosts"] == ["one.lan", "other.lan"]


def test_a_store_in_the_private_network_may_be_bound_when_its_host_is_allowed(world, store):
    body = {"endpoint": store.url, "bucket": "team", "access_key": "ADMIN", "secret_key": "admin-secret", "create": True}
    carl = world.service.client(world.carl)
    world.service.context.settings.model_config["frozen"] = False
    object.__setattr__(world.service.context.settings, "store_url", "http://127.0.0.1:1")
    assert carl.post("/storage", json=body).json()["error"]["code"] == "endpoint-private"
    admin = world.service.client(world.service.account("admin", administrator=True))
    port = store.url.rpartition(":")[2]
    assert admin.put("/allowed-hosts", json={"hosts": ["127.0.0.1:1"]}).status_code == 200
    assert carl.post("/storage", json=body).json()["error"]["code"] == "endpoint-private"
    assert admin.put("/allowed-hosts", json={"hosts": [f"127.0.0.1:{port}"]}).status_code == 200
    assert carl.post("/storage", json=body).status_code == 201
    listing = carl.get("/bucket")
    assert listing.status_code == 200, listing.text
