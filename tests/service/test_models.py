"""Downloading a model: its name, its bytes, its digest."""

from __future__ import annotations

import base64
import hashlib

from trainyard.records.trainings import NewSnapshot
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.database.tables.trainings import InstanceRow, TrainingRow
from trainyard_service.models.keep import MANIFEST, snapshot


def test_a_model_comes_with_its_name_and_its_digest_as_rfc_9530_writes_it(service):
    anna = service.account("anna")
    data, digest = b"weights", hashlib.sha256(b"weights")
    row = ModelRow(id="0123456789abcdef", kind="custom", name="模型", owner_id=anna.id, file='a "b"\r\n模型.params')
    row.description, row.metrics, row.size, row.sha256 = "", {}, len(data), digest.hexdigest()
    with service.context.database.write() as session:
        session.add(row)
    folder = service.context.home.model(row.id)
    folder.mkdir(parents=True)
    (folder / "model").write_bytes(data)
    (folder / MANIFEST).write_text("{}")
    answer = service.client(anna).get(f"/models/{row.id}/file")
    assert (answer.status_code, answer.content) == (200, data)
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''a%20%22b%22%0D%0A%E6%A8%A1")


def test_a_snapshot_taken_again_at_the_same_step_replaces_the_older_one(service):
    vision = service.group("vision")
    anna, context = service.account("anna", vision), service.context
    with context.database.write() as session:
        job = JobRow(id="1" * 16, kind="train", name="run", owner_id=anna.id, group_id=vision.id, image="i:1", package="p")
        session.add(job)
        session.flush()
        session.add(
            TrainingRow(id="2" * 16, name="run", owner_id=anna.id, group_id=vision.id, job_id=job.id, entry="e", hours=1)
        )
        session.flush()
        session.add(InstanceRow(id="3" * 24, training_id="2" * 16, attempt=1))
    output = context.home.run("2" * 16) / ("3" * 24) / "output"
    output.mkdir(parents=True)
    kept = []
    for data in (b"first", b"second"):
        (output / "snapshot-model-1.tar.gz").write_bytes(data)
        new = NewSnapshot(
            epoch=1, step=10, file="snapshot-model-1.tar.gz", size=len(data), sha256=hashlib.sha256(data).hexdigest()
        )
        kept.append(snapshot(context, "3" * 24, new, {}))
    assert [model["id"] for model in service.client(anna).get("/models").json()["items"]] == kept[1:]
    assert [path.name for path in context.home.model(kept[1]).parent.iterdir()] == kept[1:]
