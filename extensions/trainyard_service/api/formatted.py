"""Batches and formatted sets: make, watch, cancel, resume, delete, and how to load them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from fastapi import APIRouter
from sqlalchemy import func, select
from trainyard.errors import Conflict
from trainyard.formats import snippets
from trainyard.formats.registry import FORMATS
from trainyard.records.base import Page
from trainyard.records.datasets import Batch, Format, FormattedSet, NewBatch, SkippedPicture, Visibility
from trainyard.words import N_, translate

from trainyard_service import audit
from trainyard_service.api.datasets import Limit, Offset, ReadingDep
from trainyard_service.audit import AuditedRoute
from trainyard_service.database.tables.datasets import BatchRow, DatasetRow, FormattedSetRow
from trainyard_service.datasets import access, formatting, shards, usage
from trainyard_service.datasets.telling import tell_batch
from trainyard_service.datasets.views import batch_view, set_view
from trainyard_service.permissions import must_not_be_job

router = APIRouter(tags=["formatted sets"], route_class=AuditedRoute)


@router.post("/datasets/{dataset_id}/batches", status_code=201)
def make_batch(dataset_id: str, new: NewBatch, reading: ReadingDep) -> Batch:
    """Format a dataset: one press, one batch."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        dataset = access.find(session, reading.caller, dataset_id)
        audit.note(dataset.name, **new.model_dump(mode="json"))
        press = formatting.Press(reading.caller, dataset)
        row = formatting.create(session, reading.context, reading.engine.settings, press, new)
        return batch_view(reading(session), row)


@router.get("/batches/{batch_id}")
def get_batch(batch_id: str, reading: ReadingDep) -> Batch:
    """One batch."""
    with reading.context.database.read() as session:
        return batch_view(reading(session), access.find_batch(session, reading.caller, batch_id))


@router.get("/batches/{batch_id}/manifest")
def get_manifest(batch_id: str, reading: ReadingDep) -> dict[str, Any]:
    """What a finished batch says of itself: ranges, classes, counts, checksums, lineage."""
    with reading.context.database.read() as session:
        row = access.find_batch(session, reading.caller, batch_id)
    manifest = formatting.read_manifest(reading.context.home.batch(row.id)) if row.completed else None
    if manifest is None:
        raise Conflict("batch-incomplete", N_("The batch is not complete yet."), hint=N_("Wait until its job ends."))
    told: dict[str, Any] = msgspec.to_builtins(manifest)
    return told


@router.get("/batches/{batch_id}/skipped")
def list_skipped(batch_id: str, reading: ReadingDep, offset: Offset = 0, limit: Limit = 50) -> Page[SkippedPicture]:
    """The pictures and videos that were left out of a finished batch, and why."""
    with reading.context.database.read() as session:
        row = access.find_batch(session, reading.caller, batch_id)
        total = row.skipped
    found = formatting.read_skipped(reading.context.home.batch(batch_id), offset, limit) if total else []
    pictures = [
        SkippedPicture(line=one.line, url=one.url, code=one.code, reason=translate(one.message, reading.language, **one.values))
        for one in found
    ]
    return Page(items=pictures, total=total, offset=offset)


@router.get("/formatted")
def list_formatted(
    reading: ReadingDep,
    format: Format | None = None,
    split: Literal["train", "val", "test"] | None = None,
    visibility: Visibility | None = None,
    dataset: str | None = None,
    ready: bool | None = None,
    offset: Offset = 0,
    limit: Limit = 50,
) -> Page[FormattedSet]:
    """Formatted sets, the newest batch first."""
    query = select(FormattedSetRow).join(BatchRow).join(DatasetRow).where(access.readable(reading.caller, visibility))
    for column, value in (
        (FormattedSetRow.format, format),
        (FormattedSetRow.split, split),
        (DatasetRow.id, dataset),
        (FormattedSetRow.ready, ready),
    ):
        query = query if value is None else query.where(column == value)
    with reading.context.database.read() as session:
        total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        ordered = query.order_by(BatchRow.created.desc(), FormattedSetRow.id).offset(offset).limit(limit)
        reader = reading(session)
        return Page(items=[set_view(reader, row) for row in session.scalars(ordered)], total=total, offset=offset)


@router.post("/batches/{batch_id}/cancel")
def cancel_batch(batch_id: str, reading: ReadingDep) -> Batch:
    """Stop formatting; nothing becomes visible, and it can be resumed."""
    with reading.context.database.write() as session:
        row = access.find_batch(session, reading.caller, batch_id, change=True)
        shards.cancel(session, row, reading.caller.name)
        tell_batch(session, row)
        return batch_view(reading(session), row)


@router.post("/batches/{batch_id}/resume")
def resume_batch(batch_id: str, reading: ReadingDep) -> Batch:
    """Go on with a cancelled or failed batch where it stopped."""
    with reading.context.database.write() as session:
        row = access.find_batch(session, reading.caller, batch_id, change=True)
        shards.resume(session, reading.context.home, row)
        tell_batch(session, row)
        return batch_view(reading(session), row)


@router.delete("/batches/{batch_id}", status_code=204)
def delete_batch(batch_id: str, reading: ReadingDep) -> None:
    """Delete a batch with all its sets; irreversible, refused while one is used."""
    with reading.context.database.write() as session:
        row = access.find_batch(session, reading.caller, batch_id, change=True)
        audit.note(f"{row.dataset.name}/{row.id}")
        formatting.must_have_ended(row)
        usage.refuse_sets_in_use(session, row.sets, row.id, reading.language)
        tell_batch(session, row)
        session.delete(row)
    formatting.remove_files(reading.context.home.batch(batch_id))


@router.delete("/formatted/{set_id}", status_code=204)
def delete_set(set_id: str, reading: ReadingDep) -> None:
    """Delete one formatted set; irreversible, refused while it is used."""
    with reading.context.database.write() as session:
        row = access.find_set(session, reading.caller, set_id)
        access.find_batch(session, reading.caller, row.batch_id, change=True)
        audit.note(f"{row.batch.dataset.name}/{row.id}")
        formatting.must_have_ended(row.batch)
        usage.refuse_sets_in_use(session, [row], row.id, reading.language)
        folder, batch = formatting.set_folder(reading.context, row), reading.context.home.batch(row.batch_id)
        last = formatting.remove_set(session, row)
    formatting.remove_files(batch if last else folder)


@router.get("/formatted/{set_id}/loader")
def get_loader(set_id: str, reading: ReadingDep) -> dict[str, str]:
    """A few lines by framework that read the set where a training sees it."""
    with reading.context.database.read() as session:
        row = access.find_set(session, reading.caller, set_id)
        folder = f"/workspace/mnt/data/{row.split}"
        manifest = formatting.read_manifest(reading.context.home.batch(row.batch_id))
        kind = manifest.kind if manifest else "class"
        return {name: snippets.loader(text, folder) for name, text in FORMATS[row.format].loaders(kind).items()}
