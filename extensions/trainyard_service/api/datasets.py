"""Datasets: create, list, describe, share, publish, copy, delete; their samples, pictures and list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from trainyard.datasets.folder import DatasetFolder
from trainyard.errors import NotFound
from trainyard.records.base import Name, Page, Record
from trainyard.records.datasets import (
    Dataset,
    DatasetChange,
    DatasetDetail,
    DatasetState,
    NewDataset,
    SampleView,
    Visibility,
)
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.api.paging import LARGEST_OFFSET
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import ContextDep
from trainyard_service.database.tables.datasets import DatasetRow, DatasetShareRow
from trainyard_service.datasets import access, create, examining, pictures, resuming, usage
from trainyard_service.datasets.telling import tell_dataset
from trainyard_service.datasets.views import Reader, dataset_detail, dataset_view, sample_view
from trainyard_service.identity import Caller, CallerDep
from trainyard_service.jobs import life
from trainyard_service.jobs.part import EngineDep
from trainyard_service.language import LanguageDep
from trainyard_service.permissions import must_administrate, must_not_be_job

router = APIRouter(tags=["datasets"], route_class=AuditedRoute)
_BLOCK = 1 << 18
_DAY = 86_400
Offset = Annotated[int, Query(ge=0, le=LARGEST_OFFSET)]
Limit = Annotated[int, Query(ge=1, le=500)]


class CopyName(Record):
    """The name of a copy."""

    name: Name


class Reading:
    """Makes the reader of one request's session."""

    def __init__(self, context: ContextDep, caller: CallerDep, language: LanguageDep, engine: EngineDep) -> None:
        self.context, self.caller, self.language, self.engine = context, caller, language, engine

    def __call__(self, session: Session) -> Reader:
        """The reader on ``session``."""
        api = self.context.settings.api_path
        return Reader(session, self.caller, self.language, self.context.home, self.engine.kinds, api)


async def _reading(context: ContextDep, caller: CallerDep, language: LanguageDep, engine: EngineDep) -> Reading:
    return Reading(context, caller, language, engine)


ReadingDep = Annotated[Reading, Depends(_reading)]


@router.get("/datasets")
def list_datasets(
    reading: ReadingDep,
    visibility: Visibility | None = None,
    search: str = "",
    sort: str = "-created",
    offset: Offset = 0,
    limit: Limit = 50,
) -> Page[Dataset]:
    """The datasets of one tab (or all the caller may read)."""
    with reading.context.database.read() as session:
        query = access.search(select(DatasetRow).where(access.readable(reading.caller, visibility)), search)
        total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        rows = session.scalars(access.sort(query, sort).offset(offset).limit(limit))
        reader = reading(session)
        return Page(items=[dataset_view(reader, row) for row in rows], total=total, offset=offset)


@router.post("/datasets", status_code=201)
def make_dataset(new: NewDataset, reading: ReadingDep) -> Dataset:
    """Make a dataset of a list; a job validates and counts it."""
    must_not_be_job(reading.caller)
    audit.note(new.name)
    with reading.context.database.write() as session:
        row = create.create(session, reading.context, reading.engine.settings, reading.caller, new)
        return dataset_view(reading(session), row)


@router.get("/datasets/{dataset_id}")
def get_dataset(dataset_id: str, reading: ReadingDep) -> DatasetDetail:
    """One dataset with statistics and batches."""
    with reading.context.database.read() as session:
        return dataset_detail(reading(session), access.find(session, reading.caller, dataset_id))


@router.patch("/datasets/{dataset_id}")
def change_dataset(dataset_id: str, change: DatasetChange, reading: ReadingDep) -> Dataset:
    """Rename or describe."""
    with reading.context.database.write() as session:
        row = access.find_own(session, reading.caller, dataset_id)
        audit.note(row.name, **change.model_dump(exclude_none=True))
        row.name = row.name if change.name is None else change.name
        row.description = row.description if change.description is None else change.description
        tell_dataset(session, row)
        return dataset_view(reading(session), row)


@router.delete("/datasets/{dataset_id}", status_code=204)
def delete_dataset(dataset_id: str, reading: ReadingDep) -> None:
    """Delete a dataset nobody uses; its preparation and its examination are stopped."""
    with reading.context.database.write() as session:
        row = access.find_own(session, reading.caller, dataset_id)
        audit.note(row.name)
        usage.refuse_dataset_in_use(session, reading.context.home, row, reading.language)
        if row.state == DatasetState.CREATING and row.job is not None:
            life.want_stop(session, row.job, reading.caller.name)
        examining.stop(session, row, reading.caller.name)
        tell_dataset(session, row)
        session.delete(row)
    create.remove_files(reading.context, dataset_id)


@router.post("/datasets/{dataset_id}/resume")
def resume_dataset(dataset_id: str, reading: ReadingDep) -> Dataset:
    """Go on with a dataset whose making was stopped or failed; what its job has done is kept."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = access.find_own(session, reading.caller, dataset_id)
        audit.note(row.name)
        resuming.resume(session, reading.context.home, row)
        return dataset_view(reading(session), row)


@router.post("/datasets/{dataset_id}/copy", status_code=201)
def copy_dataset(dataset_id: str, new: CopyName, reading: ReadingDep) -> Dataset:
    """An independent dataset with the same content."""
    must_not_be_job(reading.caller)
    context = reading.context
    with context.database.read() as session:
        original = access.find(session, reading.caller, dataset_id)
        audit.note(original.name, copy=new.name)
        row = create.copy(session, context, reading.caller, original, new.name)
    create.copy_files(context, dataset_id, row.id)
    try:
        with context.database.write() as session:
            access.find(session, reading.caller, dataset_id)
            create.keep_copy(session, context, row)
            return dataset_view(reading(session), row)
    except BaseException:
        create.remove_files(context, row.id)
        raise


@router.put("/datasets/{dataset_id}/shares/{group}")
def share_dataset(dataset_id: str, group: str, reading: ReadingDep) -> Dataset:
    """Share with a group the caller is in; every member can use it directly."""
    with reading.context.database.write() as session:
        row = access.find_own(session, reading.caller, dataset_id)
        audit.note(row.name, group=group)
        _share(session, row, _group_id(reading.caller, group), reading.caller)
        return dataset_view(reading(session), row)


@router.delete("/datasets/{dataset_id}/shares/{group}")
def unshare_dataset(dataset_id: str, group: str, reading: ReadingDep) -> Dataset:
    """Take a share back; what was made of the dataset stays."""
    with reading.context.database.write() as session:
        row = access.find_own(session, reading.caller, dataset_id)
        audit.note(row.name, group=group)
        tell_dataset(session, row)
        row.shares = [share for share in row.shares if share.group is None or share.group.name != group]
        session.flush()
        return dataset_view(reading(session), row)


@router.put("/datasets/{dataset_id}/public")
def publish_dataset(dataset_id: str, reading: ReadingDep) -> Dataset:
    """Share with everybody; administrators only."""
    must_administrate(reading.caller)
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, dataset_id)
        audit.note(row.name)
        _share(session, row, None, reading.caller)
        return dataset_view(reading(session), row)


@router.delete("/datasets/{dataset_id}/public")
def unpublish_dataset(dataset_id: str, reading: ReadingDep) -> Dataset:
    """Take it back from everybody; shares with groups and what was made of it stay. Administrators only."""
    must_administrate(reading.caller)
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, dataset_id)
        audit.note(row.name)
        tell_dataset(session, row)
        row.shares = [share for share in row.shares if share.group_id is not None]
        session.flush()
        return dataset_view(reading(session), row)


def _share(session: Session, row: DatasetRow, group_id: int | None, caller: Caller) -> None:
    create.must_be_ready(row)
    if group_id not in {share.group_id for share in row.shares}:
        row.shares.append(DatasetShareRow(group_id=group_id, by_id=caller.id))
        session.flush()
        session.refresh(row, ["shares"])
    tell_dataset(session, row)


def _group_id(caller: Caller, name: str) -> int:
    for number, known in caller.groups.items():
        if known == name:
            return number
    raise NotFound("no-such-group", N_("There is no group {name} that you are a member of."), field="group", name=name)


@router.get("/datasets/{dataset_id}/samples")
def list_samples(
    dataset_id: str,
    reading: ReadingDep,
    offset: Offset = 0,
    limit: Limit = 50,
    label_set: str = "",
    class_name: Annotated[list[str] | None, Query(alias="class")] = None,
) -> Page[SampleView]:
    """A page of the grid; with ``label_set`` and ``class`` only pictures of these classes."""
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, dataset_id)
        create.must_be_ready(row)
        index = DatasetFolder(reading.context.home.dataset(row.id)).index()
        if class_name:
            total, found = index.class_page(label_set, tuple(class_name), offset, limit)
        else:
            total, found = len(index), index.page(offset, limit)
        reader = reading(session)
        return Page(items=[sample_view(reader, row.id, sample) for sample in found], total=total, offset=offset)


@router.get("/datasets/{dataset_id}/picture", response_class=Response)
async def get_picture(
    dataset_id: str,
    line: Annotated[int, Query(ge=1)],
    request: Request,
    reading: ReadingDep,
    size: Annotated[int, Query(ge=16, le=2048)] = 256,
) -> Response:
    """The picture on a line, at most ``size`` pixels wide and high; its own size and EXIF orientation are in the headers."""

    def asked() -> pictures.Asked:
        with reading.context.database.read() as session:
            row = access.find(session, reading.caller, dataset_id)
            create.must_be_ready(row)
            return pictures.ask(session, reading.context, row, line, size)

    lane: CapacityLimiter = reading.context.parts.setdefault("pictures", CapacityLimiter(pictures.AT_ONCE))
    made = await to_thread.run_sync(pictures.make, await run_in_threadpool(asked), limiter=lane)
    headers = {
        "Picture-Width": str(made.width),
        "Picture-Height": str(made.height),
        "Picture-Turned": str(made.turned),
        "ETag": f'"{made.tag}"',
        "Cache-Control": f"private, max-age={_DAY}",
        "X-Content-Type-Options": "nosniff",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(made.data, media_type=made.media_type, headers=headers)


@router.get("/datasets/{dataset_id}/list", response_class=StreamingResponse)
def get_list(dataset_id: str, reading: ReadingDep) -> StreamingResponse:
    """The list as it was given."""
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, dataset_id)
        create.must_be_ready(row)
    path = DatasetFolder(reading.context.home.dataset(row.id)).list_path
    headers = {
        "Content-Disposition": f'attachment; filename="{row.id}.jsonl"',
        "Content-Length": str(path.stat().st_size),
    }
    return StreamingResponse(_blocks(path), media_type="application/x-ndjson", headers=headers)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
