"""Downloading a model: its name, its bytes, its digest."""

from __future__ import annotations

import base64
import hashlib

from trainyard_service.database.tables.models import ModelRow
from trainyard_service.models.keep import MANIFEST


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
