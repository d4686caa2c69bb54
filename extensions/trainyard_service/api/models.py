"""Models: list, upload, download, delete."""

from __future__ import annotations

import base64
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse
from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session
from trainyard.errors import NotFound
from trainyard.records.base import Page
from trainyard.records.trainings import Model, ModelKind, NewModel
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.api.datasets import Limit, Offset, ReadingDep
from trainyard_service.audit import AuditedRoute
from trainyard_service.database.tables.models import ModelRow
from trainyard_service.datasets.access import must_change
from trainyard_service.identity import Caller
from trainyard_service.models import keep
from trainyard_service.models.views import model_view
from trainyard_service.permissions import can_read, must_not_be_job

router = APIRouter(tags=["models"], route_class=AuditedRoute)


def readable(caller: Caller) -> ColumnElement[bool]:
    """Own models and those of one's groups."""
    if caller.administrator:
        return true()
    return or_(ModelRow.owner_id == caller.id, ModelRow.group_id.in_(list(caller.groups)))


def find(session: Session, caller: Caller, model_id: str, *, change: bool = False) -> ModelRow:
    """The model, if the caller may read (or change) it.

    Raises:
        NotFound: none, or not for this caller. NotAllowed: to be read only.
    """
    row = session.get(ModelRow, model_id)
    if row is None or not can_read(caller, row.owner_id, () if row.group_id is None else (row.group_id,)):
        raise NotFound("no-such-model", N_("There is no model {id} that you may read."), id=model_id)
    if change:
        must_change(caller, row.owner_id, row.name)
    return row


@router.get("/models")
def list_models(
    reading: ReadingDep,
    kind: ModelKind | None = None,
    search: str = "",
    training: str | None = None,
    offset: Offset = 0,
    limit: Limit = 50,
) -> Page[Model]:
    """Models, the newest first."""
    query = select(ModelRow).where(readable(reading.caller))
    query = query if kind is None else query.where(ModelRow.kind == kind)
    query = query if training is None else query.where(ModelRow.training == training)
    for word in search.split():
        query = query.where(or_(*(c.icontains(word, autoescape=True) for c in (ModelRow.name, ModelRow.description))))
    with reading.context.database.read() as session:
        total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        rows = session.scalars(query.order_by(ModelRow.created.desc(), ModelRow.id).offset(offset).limit(limit))
        reader = reading(session)
        return Page(items=[model_view(reader, row) for row in rows], total=total, offset=offset)


@router.post("/models", status_code=201)
def make_model(new: NewModel, reading: ReadingDep) -> Model:
    """A model of one's own, from a complete upload."""
    must_not_be_job(reading.caller)
    audit.note(new.name)
    model_id = keep.custom(reading.context, reading.caller, new)
    with reading.context.database.read() as session:
        return model_view(reading(session), session.get_one(ModelRow, model_id))


@router.get("/models/{model_id}")
def get_model(model_id: str, reading: ReadingDep) -> Model:
    """One model."""
    with reading.context.database.read() as session:
        return model_view(reading(session), find(session, reading.caller, model_id))


@router.get("/models/{model_id}/file", response_class=FileResponse)
def get_file(model_id: str, reading: ReadingDep) -> FileResponse:
    """Download; ranges are understood, so that a broken download goes on."""
    with reading.context.database.read() as session:
        row = find(session, reading.caller, model_id)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.file, safe='')}",
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(row.sha256)).decode()}:",  # RFC 9530, section 3
        "X-Content-Type-Options": "nosniff",
    }
    return FileResponse(keep.model_path(reading.context, row), media_type="application/octet-stream", headers=headers)


@router.delete("/models/{model_id}", status_code=204)
def delete_model(model_id: str, reading: ReadingDep) -> None:
    """Delete a model; irreversible."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = find(session, reading.caller, model_id, change=True)
        audit.note(row.name)
        keep.tell_model(session, row)
        session.delete(row)
    keep.remove_files(reading.context, model_id)
