"""What becomes a model: bounded by what was announced and by the disk quota, copied once, and told when it is not kept."""

from __future__ import annotations

import hashlib
import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select
from trainyard.errors import Conflict, Invalid
from trainyard.jobs.states import JobState
from trainyard.records.accounts import Quota
from trainyard.records.trainings import NewSnapshot
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.models import keep

JOB, INSTANCE = "a" * 16, "b" * 24
DATA = b"weights" * 1000


@pytest.fixture
def service(start_service: Any) -> Any:
    return start_service(parts=())


def _training(service: Any, disk: int | None = None) -> Any:
    """A running training of anna's in vision with one instance; a snapshot lies in its output folder."""
    vision = service.group("vision", Quota(disk=disk))
    anna = service.account("anna", vision)
    with service.context.database.write() as session:
        row = JobRow(id=JOB, kind="train", name="net", owner_id=anna.id, group_id=vision.id, state=JobState.RUNNING)
        row.image, row.package = "workspace:1", "1Core2G"
        session.add(row)
        session.flush()
        session.add(TrainingRow(id=JOB, name="net", owner_id=anna.id, group_id=vision.id, job_id=JOB, entry="x", hours=1))
        session.flush()
        session.add(InstanceRow(id=INSTANCE, training_id=JOB, attempt=1))
    output = service.context.home.run(JOB) / INSTANCE / "output"
    output.mkdir(parents=True)
    (output / "s.tar.gz").write_bytes(DATA)
    return anna


def _snapshot(size: int = len(DATA)) -> NewSnapshot:
    return NewSnapshot(epoch=1, step=1, file="s.tar.gz", size=size, sha256=hashlib.sha256(DATA).hexdigest())


def test_a_snapshot_without_room_is_not_kept_its_file_stays_and_the_owner_is_told_once(service):
    anna = _training(service, disk=1000)
    for _ in range(2):
        with pytest.raises(Conflict, match=r"allows 1000 B on disk; 0 B in use, 6\.84 KiB asked for"):
            keep.snapshot(service.context, INSTANCE, _snapshot(), {})
    texts = [notice["text"] for notice in service.client(anna).get("/notices").json()["items"]]
    assert len(texts) == 1
    assert texts[0].startswith("The snapshot net:epoch_1 was not kept as a model")
    assert (service.context.home.run(JOB) / INSTANCE / "output" / "s.tar.gz").read_bytes() == DATA
    assert not (service.context.home.volume / "models").exists()


def test_a_snapshot_in_the_middle_of_an_epoch_is_told_from_that_of_the_epochs_end(service):
    anna = service.client(_training(service))
    output = service.context.home.run(JOB) / INSTANCE / "output"
    for name, step in (("snapshot-model-1.tar.gz", 8), ("snapshot-model-1-batch-9.tar.gz", 9)):
        (output / name).write_bytes(DATA)
        keep.snapshot(service.context, INSTANCE, _snapshot().model_copy(update={"file": name, "step": step}), {})
    assert {one["name"] for one in anna.get("/models").json()["items"]} == {"net:epoch_1", "net:epoch_1_step_9"}
    marks = anna.get(f"/instances/{INSTANCE}/curves").json()["snapshots"]
    assert [(one["epoch"], one["step"], one["whole"]) for one in marks] == [(1, 8, True), (1, 9, False)]


def test_a_snapshot_told_twice_at_once_is_kept_once(service):
    _training(service)
    with ThreadPoolExecutor(4) as pool:
        kept = set(pool.map(lambda _: keep.snapshot(service.context, INSTANCE, _snapshot(), {}), range(4)))
    assert len(kept) == 1
    assert len(list((service.context.home.volume / "models").iterdir())) == 1


def test_a_file_larger_than_announced_is_not_copied_whole(service):
    _training(service)
    with (service.context.home.run(JOB) / INSTANCE / "output" / "s.tar.gz").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(Invalid, match="is not the one that was announced"):
        keep.snapshot(service.context, INSTANCE, _snapshot(), {})
    assert list((service.context.home.volume / "models").iterdir()) == []


def test_metrics_that_are_no_finite_numbers_are_left_out(service):
    _training(service)
    told = {"metrics": {"loss": 0.5, "lost": math.nan, "big": 10**400, "word": "x", "list": [1], "\0": 1}}
    (service.context.home.run(JOB) / INSTANCE / "output" / "s.json").write_text(json.dumps(told))
    assert keep.announced_metrics(service.context, JOB, INSTANCE, "s.tar.gz") == {"loss": 0.5}


def test_an_upload_becomes_one_model_however_often_the_button_is_pressed(service):
    anna = service.account("anna", service.group("vision"))
    client = service.client(anna)
    upload = client.post("/uploads", json={"name": "net.tar.gz", "size": len(DATA), "purpose": "model"}).json()["id"]
    client.patch(f"/uploads/{upload}", content=DATA, headers={"Upload-Offset": "0"}).raise_for_status()
    assert client.get("/groups/vision").json()["use"]["disk"] == len(DATA)
    with ThreadPoolExecutor(3) as pool:
        made = list(
            pool.map(lambda n: service.client(anna).post("/models", json={"name": f"m{n}", "upload": upload}), range(3))
        )
    assert sorted(answer.status_code for answer in made) == [201, 404, 404]
    with service.context.database.read() as session:
        rows = list(session.scalars(select(ModelRow)))
    assert [path.name for path in (service.context.home.volume / "models").iterdir()] == [rows[0].id]
    assert client.get("/groups/vision").json()["use"]["disk"] == len(DATA)
    client.delete(f"/models/{rows[0].id}").raise_for_status()
    assert client.get("/groups/vision").json()["use"]["disk"] == 0
