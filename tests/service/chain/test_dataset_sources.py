"""Every source of a dataset along the chain: archives and prefixes from an upload, a bucket and a share, in real sandboxes."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from trainyard.formats.record import Record, SetOptions, one_class
from trainyard.formats.registry import FORMATS
from trainyard.home import Home
from trainyard_service.storage.mounts import mounts_of

from tests.core.datasets.archives import jpeg, voc_xml, zip_of
from tests.object_store import ObjectStore, running_store

from .conftest import Person

pytestmark = [pytest.mark.one_database, pytest.mark.slow]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with running_store(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture
def chain(start_service: Callable[..., Any], chain_home: Home, store: ObjectStore) -> Iterator[Any]:
    shutil.rmtree(chain_home.volume / "groups", ignore_errors=True)
    service = start_service(home=chain_home.root, store_url=store.url, store_keys_file=store.keys)
    chain_home.address.write_text(service.address)
    yield service
    mounter = mounts_of(service.context).mounter
    assert mounter is not None
    for owner in range(1, 4):
        mounter.unmount(owner)


def upload(person: Person, data: bytes, purpose: str = "pictures") -> str:
    begun = person.ok("POST", "/uploads", json={"name": f"{purpose}.bin", "size": len(data), "purpose": purpose})
    person.ok("PATCH", f"/uploads/{begun['id']}", content=data, headers={"Upload-Offset": "0"})
    return str(begun["id"])


def made(person: Person, name: str, source: dict[str, Any]) -> dict[str, Any]:
    dataset = person.ok("POST", "/datasets", json={"name": name, "source": source})
    found: dict[str, Any] = person.until(f"/datasets/{dataset['id']}", lambda one: one["state"] != "creating")
    assert found["state"] != "failed" or name == "broken", found["error"]
    return found


def first_picture(person: Person, dataset: dict[str, Any]) -> bytes:
    sample = person.ok("GET", f"/datasets/{dataset['id']}/samples")["items"][0]
    answer = person.http.get(sample["picture"].removeprefix("/services/trainyard/api/v1"))
    assert answer.status_code == 200, answer.text
    return answer.content


def test_archives_and_prefixes_become_datasets_wherever_they_lie(chain: Any, person: Any, store: ObjectStore) -> None:
    group = chain.group("vision")
    alice = person("alice", group)
    bucket = alice.ok("POST", "/storage", json={"bucket": f"u{alice.who.id}-alice"})["bucket"]
    client = store.client()

    voc = zip_of(
        {"VOC/JPEGImages/一.jpg": jpeg(), "VOC/Annotations/一.xml": voc_xml("猫"), "VOC/Annotations/2.xml": voc_xml("x")}
    )
    dataset = made(alice, "voc", {"kind": "archive", "file": {"kind": "upload", "upload": upload(alice, voc)}})
    assert (dataset["state"], dataset["images"], dataset["objects"]) == ("ready", 1, 1), dataset
    assert dataset["source"] == "pictures.bin (voc)"
    assert dataset["statistics"]["problems"][0]["field"] == "VOC/Annotations/2.xml"
    assert first_picture(alice, dataset)

    client.put_object(Bucket=bucket, Key="包/folders.zip", Body=zip_of({"cat/1.jpg": jpeg(), "dog/1.jpg": jpeg()}))
    place = {"kind": "bucket", "key": "包/folders.zip"}
    dataset = made(alice, "folders", {"kind": "archive", "file": place, "label_set": "animal"})
    assert dataset["label_sets"][0]["classes"] == {"cat": 1, "dog": 1}, dataset
    assert dataset["source"] == f"s3://{bucket}/包/folders.zip (class-folders)"

    shared = alice.put_on_share(group, "pictures")
    shared.mkdir()
    (shared / "1.jpg").write_bytes(jpeg())
    (shared / "clip.mp4").write_bytes(b"film")
    (shared / "away.jpg").symlink_to("/etc/passwd")
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode="w:gz") as archive:
        archive.add(shared / "1.jpg", "1.jpg")
    (shared / ".packed.tar.gz").write_bytes(tape.getvalue())
    for path in [shared, *shared.glob("*.*"), shared / ".packed.tar.gz"]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)

    place = {"kind": "share", "group": "vision", "path": "alice/pictures/.packed.tar.gz"}
    dataset = made(alice, "packed", {"kind": "archive", "file": place})
    assert (dataset["images"], dataset["statistics"]["unlabelled"]) == (1, 1), dataset

    dataset = made(alice, "below", {"kind": "prefix", "place": {"kind": "share", "group": "vision", "path": "alice/pictures"}})
    assert (dataset["images"], dataset["statistics"]["videos"]) == (1, 1), dataset
    assert dataset["statistics"]["remarks"][0]["code"] == "linked"
    assert dataset["source"] == "/workspace/mnt/group/vision/alice/pictures/"
    assert first_picture(alice, dataset)

    for number in range(1100):  # more than one page of keys
        client.put_object(Bucket=bucket, Key=f"many/{number:04d}.jpg", Body=b"" if number else jpeg())
    client.put_object(Bucket=bucket, Key="manyother/1.jpg", Body=b"")
    dataset = made(alice, "many", {"kind": "prefix", "place": {"kind": "bucket", "key": "many"}})
    assert (dataset["images"], dataset["source"]) == (1100, f"s3://{bucket}/many/"), dataset
    assert first_picture(alice, dataset)

    line = {"source": f"obs://{bucket}/many/0000.jpg", "annotation": [{"type": "modelarts/object_detection"}]}
    line["annotation"][0] |= {"annotation-loc": f"obs://{bucket}/a/1.xml", "annotation-format": "PASCAL VOC"}
    client.put_object(Bucket=bucket, Key="a/1.xml", Body=voc_xml("dog"))
    client.put_object(Bucket=bucket, Key="a/V001.manifest", Body=json.dumps(line).encode())
    dataset = made(alice, "manifest", {"kind": "bucket", "key": "a/V001.manifest"})
    assert dataset["label_sets"][0]["objects_by_class"] == {"dog": 1}, dataset
    assert first_picture(alice, dataset)


def test_what_is_not_there_or_leads_away_is_refused_before_a_job_is_made(chain: Any, person: Any) -> None:
    group = chain.group("vision")
    alice, bob = person("alice", group), person("bob")
    theirs = upload(bob, b"x")
    share = alice.put_on_share(group, "away")
    share.symlink_to("/etc")

    def refused(source: dict[str, Any]) -> tuple[int, str]:
        answer: tuple[int, str, str] = alice.refused("POST", "/datasets", json={"name": "d", "source": source})
        return answer[:2]

    assert refused({"kind": "archive", "file": {"kind": "upload", "upload": theirs}}) == (404, "no-such-upload")
    assert refused({"kind": "archive", "file": {"kind": "bucket", "key": "a.zip"}}) == (409, "no-storage")
    assert refused({"kind": "prefix", "place": {"kind": "share", "group": "vision", "path": "alice/away"}})[0] == 422
    assert refused({"kind": "prefix", "place": {"kind": "share", "group": "vision", "path": "../.."}})[0] == 422
    assert refused({"kind": "prefix", "place": {"kind": "share", "group": "other", "path": ""}}) == (404, "no-such-group")
    broken = made(alice, "broken", {"kind": "archive", "file": {"kind": "upload", "upload": upload(alice, b"no archive")}})
    assert broken["state"] == "failed"
    assert "archive" in broken["error"]


@pytest.mark.parametrize("name", ["recordio", "lmdb"])
def test_a_formatted_set_is_a_dataset_with_a_batch_that_is_ready(chain: Any, person: Any, tmp_path: Path, name: str) -> None:
    alice = person("alice", chain.group("vision"))
    writer = FORMATS[name].writer(tmp_path, None, SetOptions("class", ("猫", "dog")))
    for number in range(6):
        writer.add(Record(number, f"{number}.jpg", one_class(number % 2), jpeg(), 3, 30, 40))
    writer.finish()
    writer.close()
    data = (tmp_path / ("cache/data.rec" if name == "recordio" else "data.mdb")).read_bytes()
    source = {"kind": "formatted", "format": name, "split": "val", "data": {"kind": "upload", "upload": upload(alice, data)}}
    source["labels"] = {"kind": "upload", "upload": upload(alice, "0,猫\n1,dog\n".encode(), "list")}
    dataset = made(alice, "ready", source)
    assert dataset["label_sets"][0]["classes"] == {"dog": 3, "猫": 3}, dataset
    assert first_picture(alice, dataset)

    (batch,) = dataset["batches"]
    assert (batch["state"], batch["classes"], batch["label_set"]) == ("finished", ["猫", "dog"], "classification.general")
    (ready,) = batch["sets"]
    assert (ready["ready"], ready["split"], ready["samples"]) == (True, "val", 6)
    assert (chain.context.home.batch(batch["id"]) / f"{name}-val/labels.csv").read_text() == "0,猫\n1,dog\n"

    again = alice.ok("POST", f"/datasets/{dataset['id']}/batches", json={"formats": ["recordio"], "train": 1, "val": 0})
    done = alice.until(f"/batches/{again['id']}", lambda one: one["state"] in ("finished", "failed", "stopped"))
    assert (done["state"], done["skipped"]) == ("finished", 0), done
