"""Fetching pictures on the web into a bucket: begin one, what it left out, and what its job asks for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import msgspec
from anyio import to_thread
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from trainyard.records.base import Record
from trainyard.records.datasets import Dataset, FetchFailure, NewFetch

from trainyard_service import audit
from trainyard_service.api.datasets import ReadingDep
from trainyard_service.api.job_objects import job_of, web_lane
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import Context, ContextDep
from trainyard_service.datasets import access, fetching
from trainyard_service.datasets.failures import failures
from trainyard_service.datasets.views import dataset_view
from trainyard_service.identity import Caller, CallerDep
from trainyard_service.permissions import must_not_be_job

router = APIRouter(tags=["datasets"], route_class=AuditedRoute)


class Url(Record):
    """A picture that a fetch asks for."""

    url: Annotated[str, Field(min_length=1, max_length=4096)]


@router.post("/datasets/{dataset_id}/fetch", status_code=201)
def fetch(dataset_id: str, new: NewFetch, reading: ReadingDep) -> Dataset:
    """Fetch what the list names on the web into the caller's bucket; the answer is the dataset that will name it there."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = access.find(session, reading.caller, dataset_id)
        audit.note(row.name, fetch=new.name)
        wish = fetching.Wish(reading.caller, row)
        made = fetching.create(session, reading.context, reading.engine.settings, wish, new)
        return dataset_view(reading(session), made)


@router.get("/datasets/{dataset_id}/failures", response_class=StreamingResponse)
def get_failures(dataset_id: str, reading: ReadingDep) -> StreamingResponse:
    """The lines that a fetch left out, one JSON object a line: ``line``, ``url``, ``code``, ``reason``."""
    with reading.context.database.read() as session:
        row = access.find(session, reading.caller, dataset_id)
    found = failures(reading.context.home, row.id, reading.language)
    headers = {"Content-Disposition": f'attachment; filename="{row.id}-failures.jsonl"'}
    return StreamingResponse(_lines(found), media_type="application/x-ndjson", headers=headers)


def _lines(found: Iterator[FetchFailure]) -> Iterator[str]:
    return (one.model_dump_json() + "\n" for one in found)


@router.post("/jobs/{job_id}/fetch", response_class=Response)
@audit.unaudited
async def fetch_one(job_id: str, body: Url, caller: CallerDep, context: ContextDep) -> Response:
    """Bring one picture into the bucket, for the fetch with its own token; the answer is a ``fetching.remote.Answer``."""
    one = await run_in_threadpool(_transfer, context, caller, job_id, body.url)
    answer: Any = await to_thread.run_sync(partial(fetching.transfer, context, one), limiter=web_lane(context))
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _transfer(context: Context, caller: Caller, job_id: str, url: str) -> fetching.Transfer:
    with context.database.read() as session:
        return fetching.transfer_of(job_of(session, caller, job_id), url)
