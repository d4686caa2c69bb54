"""Storage against a real SeaweedFS: binding, the bucket browser, uploads, keys, and everything that must be refused."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import update
from trainyard.errors import Unavailable
from trainyard.outward.hosts import AllowedHosts
from trainyard.outward.resolver import OutwardResolver
from trainyard.records.accounts import AccountState
from trainyard_service.database.base import now
from trainyard_service.database.tables.accounts import AccountRow
from trainyard_service.database.tables.storage import StorageRow, UploadRow
from trainyard_service.storage import binding, identities, lane, uploads
from trainyard_service.storage.bucket import Bucket
from trainyard_service.storage.filesystem import FileSystems
from trainyard_service.storage.keyring import Keyring, rotate
from trainyard_service.storage.one_bucket import OneBucket
from trainyard_service.storage.place import Place, place_of

from tests.object_store import ObjectStore, running_store

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with running_store(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def service(start_service, store):
    return start_service(store_url=store.url, store_keys_file=store.keys)


@pytest.fixture
def anna(service):
    return service.account("anna")


def _bind(service, person, **changes):
    body = {"bucket": f"u{person.id}-{secrets.token_hex(6)}", **changes}
    return service.client(person).post("/storage", json=body)


@pytest.fixture
def bucket(service, anna):
    assert _bind(service, anna).status_code == 201
    return service.client(anna)


def _put(client, key: str, data: bytes) -> None:
    upload = client.post("/uploads", json={"name": key, "size": len(data), "purpose": "object"}).json()
    while not upload["complete"]:
        chunk = data[upload["offset"] : upload["offset"] + 8_000_000]
        answer = client.patch(f"/uploads/{upload['id']}", content=chunk, headers={"Upload-Offset": str(upload["offset"])})
        assert answer.status_code == 200, answer.text
        upload = answer.json()


def _code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_the_own_store_is_offered_and_bound_once(service, anna):
    client = service.client(anna)
    assert _code(client.get("/storage")) == (404, "no-storage")
    assert client.get("/storage/offer").json()["bucket"] == f"u{anna.id}-anna"
    bound = _bind(service, anna).json()
    assert bound["embedded"] and client.get("/storage").json() == bound
    assert _code(_bind(service, anna)) == (409, "storage-bound")


def test_answers_never_hold_a_key(service, anna, store):
    assert "admin-secret" not in _bind(service, anna).text + service.client(anna).get("/storage").text


def test_somebody_elses_bucket_of_the_own_store_is_refused(service, anna):
    assert _code(_bind(service, anna, bucket=f"u{anna.id + 1}-ben")) == (422, "bucket-name")


def test_an_own_place_is_verified_with_its_own_keys(start_service, store):
    service = start_service(store_url="http://127.0.0.1:1", store_keys_file=store.keys, private_storage=True)
    anna = service.account("anna")
    team = {"endpoint": store.url, "bucket": "team", "access_key": "TEAM", "secret_key": "team-secret"}
    wrong = {**team, "secret_key": "wrong"}
    assert _code(service.client(anna).post("/storage", json=wrong)) == (403, "store-refused")
    admins = {**team, "access_key": "ADMIN", "secret_key": "admin-secret", "bucket": "not-there"}
    assert _code(service.client(anna).post("/storage", json=admins)) == (404, "no-such-bucket")
    assert service.client(anna).post("/storage", json={**admins, "bucket": "team", "create": True}).status_code == 201
    ben = service.account("ben")
    assert service.client(ben).post("/storage", json=team).status_code == 201
    with service.context.database.read() as session:
        row = session.get(StorageRow, ben.id)
    assert (
        "team-secret" not in row.secret_key
        and Keyring(service.context.settings.storage_key).open(row.secret_key) == "team-secret"
    )
    assert service.context.settings.storage_key.stat().st_mode & 0o777 == 0o600


def test_keys_are_encrypted_anew_by_a_rotation(start_service, store):
    service = start_service(store_keys_file=store.keys, private_storage=True)
    keyring = Keyring(service.context.settings.storage_key)
    anna = service.account("anna")
    with service.context.database.write() as session:
        session.add(
            StorageRow(
                account_id=anna.id,
                endpoint=store.url,
                bucket="team",
                embedded=False,
                access_key=keyring.seal("TEAM"),
                secret_key=keyring.seal("team-secret"),
            )
        )
    before = keyring.keys()
    assert rotate(service.context.database, keyring) == 1
    assert len(keyring.keys()) == 1 and keyring.keys() != before
    with service.context.database.read() as session:
        assert keyring.open(session.get(StorageRow, anna.id).secret_key) == "team-secret"


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ("http://127.0.0.1:8001", "endpoint-private"),
        ("http://localhost:22", "endpoint-private"),
        ("http://169.254.169.254/latest", "endpoint-private"),
        ("http://10.0.0.1", "endpoint-private"),
        ("http://[::1]:80", "endpoint-private"),
        ("http://0.0.0.0:80", "endpoint-private"),
        ("http://[::ffff:127.0.0.1]:80", "endpoint-private"),
        ("ftp://example.org", "endpoint"),
        ("https://user:pass@example.org", "endpoint"),
        ("nonsense", "endpoint"),
    ],
)
def test_addresses_inside_this_network_are_refused(service, anna, endpoint, code):
    assert _code(_bind(service, anna, endpoint=endpoint, access_key="a", secret_key="b")) == (422, code)


def test_a_name_that_leads_inward_later_is_not_followed(store):
    place = Place(store.url.replace("127.0.0.1", "localhost"), "team", "", "TEAM", "team-secret", embedded=False)
    with pytest.raises(Unavailable) as refused:
        Bucket(place).put("x", b"1")
    assert refused.value.code == "store-silent"
    files = OneBucket(
        only_bucket="team", key="TEAM", secret="team-secret", endpoint_url=place.endpoint,
        config_kwargs={"connector_args": {"resolver": OutwardResolver()}, "retries": {"max_attempts": 1}},
    )  # fmt: skip
    with pytest.raises(ConnectionError):
        files.cat_file("team/x")


@pytest.mark.parametrize("name", ["A", "x", "../up", "UPPER", "a_b", "x" * 64])
def test_names_that_no_bucket_has_are_refused(service, anna, name):
    assert _code(_bind(service, anna, bucket=name))[0] == 422


def test_a_store_that_is_away_is_said_in_a_sentence(start_service, store):
    service = start_service(store_url="http://127.0.0.1:9", store_keys_file=store.keys)
    assert _code(_bind(service, service.account("anna"))) == (503, "store-silent")


def test_binding_is_closed_to_workspaces(service, anna):
    client = service.client(service.workspace_token(anna))
    assert _code(client.post("/storage", json={"bucket": f"u{anna.id}-x1"})) == (403, "restricted-token")


def test_the_browser_lists_folders_and_objects(bucket):
    _put(bucket, "图片/一 二.jpg", b"x" * 10)
    _put(bucket, "list.json", b"{}")
    names = [(entry["name"], entry["size"]) for entry in bucket.get("/bucket").json()["entries"]]
    assert names == [("图片", None), ("list.json", 2)]
    inside = bucket.get("/bucket", params={"prefix": "图片/"}).json()["entries"]
    assert [(entry["key"], entry["size"]) for entry in inside] == [("图片/一 二.jpg", 10)]


def test_a_long_folder_comes_in_pages(service, anna, bucket):
    from trainyard_service.storage.binding import bucket_of

    inner = bucket_of(service.context, anna.id)
    for number in range(205):
        inner.put(f"many/{number:04}", b"")
    first = bucket.get("/bucket", params={"prefix": "many/"}).json()
    second = bucket.get("/bucket", params={"prefix": "many/", "after": first["after"]}).json()
    assert (len(first["entries"]), len(second["entries"]), second["after"]) == (200, 5, None)


def test_a_download_is_whole_a_range_or_missing(bucket):
    _put(bucket, "a b.bin", b"0123456789")
    whole = bucket.get("/bucket/object", params={"key": "a b.bin"})
    assert whole.content == b"0123456789" and whole.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b.bin"
    assert whole.headers["content-security-policy"] == "sandbox"
    part = bucket.get("/bucket/object", params={"key": "a b.bin"}, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert _code(bucket.get("/bucket/object", params={"key": "none"})) == (404, "no-such-object")


def test_an_object_is_renamed_and_does_not_cover_another(bucket):
    _put(bucket, "old", b"1")
    _put(bucket, "other", b"2")
    assert _code(bucket.post("/bucket/rename", json={"key": "old", "to": "other"})) == (409, "object-exists")
    assert bucket.post("/bucket/rename", json={"key": "old", "to": "deep/new"}).status_code == 204
    assert bucket.get("/bucket/object", params={"key": "deep/new"}).content == b"1"
    assert bucket.get("/bucket/object", params={"key": "old"}).status_code == 404


def test_a_folder_is_renamed_and_deleted_with_all_in_it(bucket):
    for key in ("f/a", "f/g/b", "fa"):
        _put(bucket, key, b"1")
    assert bucket.post("/bucket/rename", json={"key": "f/", "to": "h/"}).status_code == 204
    assert {entry["key"] for entry in bucket.get("/bucket", params={"prefix": "h/"}).json()["entries"]} == {"h/a", "h/g/"}
    assert bucket.delete("/bucket/object", params={"key": "h/"}).status_code == 204
    assert bucket.get("/bucket", params={"prefix": "h/"}).json()["entries"] == []
    assert bucket.get("/bucket/object", params={"key": "fa"}).content == b"1"


def test_chinese_names_are_uploaded_renamed_and_deleted(bucket):
    for key in ("数据 集/图片/一.jpg", "数据 集/图片/二 (副本).jpg", "数据 集/说明.txt"):
        _put(bucket, key, key.encode())
    assert bucket.post("/bucket/rename", json={"key": "数据 集/说明.txt", "to": "数据 集/读我 😀.txt"}).status_code == 204
    assert bucket.post("/bucket/rename", json={"key": "数据 集/图片/", "to": "归档/图片 2026/"}).status_code == 204
    listed = bucket.get("/bucket", params={"prefix": "归档/图片 2026/"}).json()["entries"]
    assert [entry["name"] for entry in listed] == ["一.jpg", "二 (副本).jpg"]
    moved = bucket.get("/bucket/object", params={"key": "归档/图片 2026/一.jpg"})
    assert moved.content == "数据 集/图片/一.jpg".encode() and "%E4%B8%80.jpg" in moved.headers["content-disposition"]
    assert [entry["name"] for entry in bucket.get("/bucket", params={"prefix": "数据 集/"}).json()["entries"]] == [
        "读我 😀.txt"
    ]
    assert bucket.delete("/bucket/object", params={"key": "数据 集/读我 😀.txt"}).status_code == 204
    assert bucket.delete("/bucket/object", params={"key": "归档/"}).status_code == 204
    assert [entry["name"] for entry in bucket.get("/bucket").json()["entries"] if entry["name"] == "归档"] == []


def test_what_is_added_while_a_folder_is_renamed_stays(service, anna, bucket):
    inner = binding.bucket_of(service.context, anna.id)
    inner.put("f/g/copied", b"1")
    inner.put("f/g/added", b"2")
    inner.delete_all("f/", ["f/g/copied"])
    assert [key for page in inner.keys("f/") for key in page] == ["f/g/added"]


def test_the_keys_of_one_bucket_open_no_other(service, anna, bucket, store):
    ben = service.account("ben")
    other = _bind(service, ben).json()["bucket"]
    _put(service.client(ben), "secret", b"1")
    with service.context.database.read() as session:
        place = place_of(service.context.settings, session.get(StorageRow, anna.id), AllowedHosts())
    client = store.client(place.access_key, place.secret_key)
    client.put_object(Bucket=place.bucket, Key="mine", Body=b"1")
    assert client.get_object(Bucket=place.bucket, Key="mine")["Body"].read() == b"1"
    refused = {
        "read": lambda: client.get_object(Bucket=other, Key="secret"),
        "write": lambda: client.put_object(Bucket=other, Key="x", Body=b""),
        "delete": lambda: client.delete_object(Bucket=other, Key="secret"),
        "list": lambda: client.list_objects_v2(Bucket=other),
        "copy": lambda: client.copy_object(Bucket=place.bucket, Key="x", CopySource={"Bucket": other, "Key": "secret"}),
        "make": lambda: client.create_bucket(Bucket=f"u{anna.id}-second"),
        "open to all": lambda: client.put_bucket_acl(Bucket=place.bucket, ACL="public-read"),
        "remove": lambda: client.delete_bucket(Bucket=place.bucket),
    }
    for action in refused.values():
        with pytest.raises(ClientError, match=r"Access ?Denied"):
            action()


def test_a_bucket_bound_before_it_had_keys_is_given_some(service, anna, bucket):
    with service.context.database.write() as session:
        session.execute(update(StorageRow).values(access_key="", secret_key=""))
    _put(bucket, "still", b"works")
    assert identities.give_own_keys(service.context) == 1
    with service.context.database.read() as session:
        assert place_of(service.context.settings, session.get(StorageRow, anna.id), AllowedHosts()).access_key != "ADMIN"
    assert bucket.get("/bucket/object", params={"key": "still"}).content == b"works"


def _keys(service, someone) -> Place:
    with service.context.database.read() as session:
        return place_of(service.context.settings, session.get(StorageRow, someone.id), AllowedHosts())


def _is_refused(store, place: Place) -> bool:
    try:
        store.client(place.access_key, place.secret_key).list_objects_v2(Bucket=place.bucket)
    except ClientError:
        return True
    return False


def test_with_an_account_the_keys_of_its_bucket_end(service, anna, bucket, store):
    place, admin = _keys(service, anna), service.account("admin", administrator=True)
    assert not _is_refused(store, place)
    service.client(admin).delete(f"/accounts/{anna.id}").raise_for_status()
    while not _is_refused(store, place):
        time.sleep(0.05)


def test_keys_of_an_account_deleted_while_the_store_was_away_end_later(service, anna, bucket, store):
    ben = service.account("ben")
    _bind(service, ben)
    place, other = _keys(service, anna), _keys(service, ben)
    with service.context.database.write() as session:
        session.execute(update(AccountRow).where(AccountRow.id == anna.id).values(state=AccountState.DELETED))
    assert place.bucket in identities.remove_leftovers(service.context)
    assert _is_refused(store, place) and not _is_refused(store, other)
    assert identities.remove_leftovers(service.context) == []


def test_the_page_is_told_where_the_files_are_seen(bucket):
    told = bucket.get("/storage").json()
    assert bool(told["mount_problem"]) != (told["path"] == f"/workspace/mnt/bucket/{told['bucket']}")


@pytest.mark.parametrize("key", ["../u2-ben/secret", "a/../../x", "/a", "a//b", "./a", "a\nb", "..", "a\\..\\b"])
def test_keys_that_lead_elsewhere_are_refused(bucket, key):
    assert _code(bucket.get("/bucket/object", params={"key": key})) == (422, "object-key")
    assert _code(bucket.post("/bucket/rename", json={"key": "a", "to": key})) == (422, "object-key")
    assert _code(bucket.get("/bucket", params={"prefix": key})) == (422, "object-key")
    assert _code(bucket.post("/uploads", json={"name": key, "size": 1, "purpose": "object"})) == (422, "object-key")


@pytest.mark.parametrize("path", ["/storage", "/storage/offer", "/bucket", "/bucket/object?key=a", "/uploads/0123456789abcdef"])
def test_nobody_sees_storage(service, path):
    assert service.client().get(path).status_code == 401


def test_readers_of_lists_reach_no_other_bucket(service, anna, bucket):
    _put(bucket, "mine", b"1")
    with service.context.database.read() as session:
        row = session.get(StorageRow, anna.id)
        files = FileSystems(service.context)(session, row)
    assert files.cat_file(f"{row.bucket}/mine") == b"1"
    for path in ("u999-ben/secret", f"{row.bucket}/../u999-ben/secret"):
        with pytest.raises(PermissionError):
            files.cat_file(path)


def test_an_upload_goes_on_after_a_break_and_keeps_every_byte(service, anna):
    client = service.client(anna)
    data = secrets.token_bytes(300_000)
    upload = client.post("/uploads", json={"name": "list.jsonl", "size": len(data), "purpose": "list"}).json()
    path = f"/uploads/{upload['id']}"
    client.patch(path, content=data[:100_000], headers={"Upload-Offset": "0"})
    again = client.patch(path, content=data[:100_000], headers={"Upload-Offset": "0"})
    assert _code(again) == (409, "upload-offset") and client.get(path).json()["offset"] == 100_000
    done = client.patch(path, content=data[100_000:], headers={"Upload-Offset": "100000"}).json()
    assert done["complete"] and (service.context.home.upload(upload["id"]) / "data").read_bytes() == data


def test_a_damaged_chunk_is_not_counted(service, anna):
    client = service.client(anna)
    upload = client.post("/uploads", json={"name": "x", "size": 4, "purpose": "list"}).json()
    path, right = f"/uploads/{upload['id']}", hashlib.sha256(b"data").hexdigest()
    headers = {"Upload-Offset": "0", "Upload-Checksum": f"sha256 {right}"}
    assert _code(client.patch(path, content=b"dat?", headers=headers)) == (409, "checksum-wrong")
    assert client.patch(path, content=b"data", headers=headers).json()["complete"]


def test_uploads_have_limits(start_service, store):
    service = start_service(largest_upload=20_000_000, store_keys_file=store.keys)
    client = service.client(service.account("anna"))
    assert _code(client.post("/uploads", json={"name": "x", "size": 20_000_001, "purpose": "list"})) == (
        413,
        "upload-too-large",
    )
    upload = client.post("/uploads", json={"name": "x", "size": 20_000_000, "purpose": "list"}).json()
    path = f"/uploads/{upload['id']}"
    assert _code(client.patch(path, content=b"x" * 16_000_001, headers={"Upload-Offset": "0"})) == (413, "chunk-too-large")
    small = client.post("/uploads", json={"name": "x", "size": 2, "purpose": "list"}).json()
    answer = client.patch(f"/uploads/{small['id']}", content=b"xxx", headers={"Upload-Offset": "0"})
    assert _code(answer) == (422, "upload-size")


def test_a_full_volume_is_said_before_a_byte_is_sent(start_service, store):
    service = start_service(disk_reserve=2**62, store_keys_file=store.keys)
    client = service.client(service.account("anna"))
    assert _code(client.post("/uploads", json={"name": "x", "size": 1, "purpose": "list"})) == (413, "volume-full")


def test_an_upload_is_its_owners_alone(service, anna):
    upload = service.client(anna).post("/uploads", json={"name": "x", "size": 4, "purpose": "list"}).json()
    ben = service.client(service.account("ben", administrator=True))
    path = f"/uploads/{upload['id']}"
    assert _code(ben.get(path)) == (404, "no-such-upload")
    assert ben.patch(path, content=b"data", headers={"Upload-Offset": "0"}).status_code == 404
    assert ben.delete(path).status_code == 404


def test_an_object_without_a_bucket_is_refused_at_once(service, anna):
    answer = service.client(anna).post("/uploads", json={"name": "x", "size": 4, "purpose": "object"})
    assert _code(answer) == (404, "no-storage")


def test_a_large_object_travels_in_parts(bucket):
    data = secrets.token_bytes(17 * 2**20)
    _put(bucket, "large.bin", data)
    read = bucket.get("/bucket/object", params={"key": "large.bin"}).content
    assert hashlib.sha256(read).digest() == hashlib.sha256(data).digest()


def test_uploads_nobody_goes_on_with_expire(service, anna):
    upload = service.client(anna).post("/uploads", json={"name": "x", "size": 4, "purpose": "list"}).json()
    with service.context.database.write() as session:
        session.execute(update(UploadRow).values(expires=now() - timedelta(seconds=1)))
    assert uploads.expire(service.context) == [upload["id"]]
    assert not service.context.home.upload(upload["id"]).exists()
    assert service.client(anna).get(f"/uploads/{upload['id']}").status_code == 404


def test_the_folder_of_an_upload_just_begun_stays(service):
    folders = {name: service.context.home.upload(name) for name in ("0" * 16, "1" * 16)}
    for folder in folders.values():
        folder.mkdir(parents=True)
    os.utime(folders["0" * 16], (0, 0))
    uploads.expire(service.context)
    assert [folder.exists() for folder in folders.values()] == [False, True]


def test_of_a_chunk_that_is_sent_several_times_at_once_one_counts(service, anna):
    data = secrets.token_bytes(1_000_000)
    upload = service.client(anna).post("/uploads", json={"name": "x", "size": 2 * len(data), "purpose": "list"}).json()
    path = f"/uploads/{upload['id']}"

    def send(_number):
        return service.client(anna).patch(path, content=data, headers={"Upload-Offset": "0"}).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(send, range(6))) == [200, *[409] * 5]
    assert (service.context.home.upload(upload["id"]) / "data").read_bytes() == data
    assert service.client(anna).get(path).json()["offset"] == len(data)


def test_nobody_waits_for_the_disk_of_somebody_elses_chunk(service, anna):
    client = service.client(anna)
    upload = client.post("/uploads", json={"name": "x", "size": 4, "purpose": "list"}).json()
    with (service.context.home.upload(upload["id"]) / "data").open() as file, ThreadPoolExecutor(1) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        sent = pool.submit(client.patch, f"/uploads/{upload['id']}", content=b"data", headers={"Upload-Offset": "0"})
        assert service.client(anna).post("/uploads", json={"name": "y", "size": 4, "purpose": "list"}).status_code == 201
        fcntl.flock(file, fcntl.LOCK_UN)
        assert sent.result().json()["complete"]


def test_an_empty_upload_is_complete_at_once(bucket):
    assert bucket.post("/uploads", json={"name": "empty", "size": 0, "purpose": "object"}).json()["complete"]
    assert bucket.get("/bucket/object", params={"key": "empty"}).content == b""


def test_a_store_that_is_silent_keeps_nobody_else_waiting(start_service, store):
    service = start_service(store_keys_file=store.keys, private_storage=True)
    anna, keyring = service.account("anna"), Keyring(service.context.settings.storage_key)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent, ThreadPoolExecutor(50) as pool:
        place = {"endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}", "bucket": "team", "embedded": False}
        with service.context.database.write() as session:
            sealed = keyring.seal("TEAM")
            session.add(StorageRow(account_id=anna.id, access_key=sealed, secret_key=sealed, **place))
        asked = [pool.submit(service.client(anna).get, "/bucket") for _ in range(50)]
        connections = [silent.accept()[0] for _ in range(lane.AT_ONCE)]
        assert service.client(anna).get("/me").status_code == 200
        silent.close()
        for connection in connections:
            connection.close()
        assert {answer.result().status_code for answer in asked} == {503}


def test_a_blocked_or_removed_storage_leaves_no_key_in_the_log(bucket, caplog):
    with caplog.at_level("DEBUG"):
        _put(bucket, "logged", b"1")
    assert "admin-secret" not in caplog.text
