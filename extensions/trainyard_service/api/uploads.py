"""Uploads in chunks of at most 16 MB, resumable after anything."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Request
from starlette.concurrency import run_in_threadpool
from trainyard.errors import TooLarge
from trainyard.records.storage import NewUpload, Upload
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import Context, ContextDep
from trainyard_service.identity import Caller, CallerDep
from trainyard_service.permissions import must_not_be_job
from trainyard_service.storage import uploads
from trainyard_service.storage.lane import lane

router = APIRouter(prefix="/uploads", tags=["uploads"], route_class=AuditedRoute)


@router.post("", status_code=201)
async def begin(body: NewUpload, context: ContextDep, caller: CallerDep) -> Upload:
    """Begin an upload."""
    must_not_be_job(caller)
    audit.note(body.name, size=body.size, purpose=body.purpose)
    begun = await run_in_threadpool(uploads.begin, context, caller, body)
    return await _finished(context, caller, begun)


@router.get("/{upload_id}")
def upload(upload_id: str, context: ContextDep, caller: CallerDep) -> Upload:
    """How far an upload is; go on from its ``offset``."""
    with context.database.read() as session:
        return uploads.view(uploads.find(session, caller, upload_id))


@router.patch("/{upload_id}", max_body_size=2 * uploads.LARGEST_CHUNK)
@audit.unaudited
async def append(
    upload_id: str,
    request: Request,
    context: ContextDep,
    caller: CallerDep,
    upload_offset: Annotated[int, Header(ge=0)],
    upload_checksum: Annotated[str | None, Header(max_length=100)] = None,
) -> Upload:
    """Send the raw bytes at ``Upload-Offset``."""
    must_not_be_job(caller)
    chunk = await _body(request)
    told = await run_in_threadpool(uploads.append, context, caller, upload_id, upload_offset, chunk, upload_checksum)
    return await _finished(context, caller, told)


async def _finished(context: Context, caller: Caller, upload: Upload) -> Upload:
    """The last bytes complete an upload; what goes to a store goes in its lane."""
    if upload.complete or upload.offset < upload.size:
        return upload
    return await to_thread.run_sync(uploads.finish, context, caller, upload.id, limiter=lane(context))


async def _body(request: Request) -> bytes:
    """The body, refused as soon as it is longer than a chunk may be."""
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > uploads.LARGEST_CHUNK:
            sentence = N_("A chunk has at most {limit} bytes.")
            raise TooLarge("chunk-too-large", sentence, limit=uploads.LARGEST_CHUNK)
    return bytes(received)


@router.delete("/{upload_id}", status_code=204)
def remove(upload_id: str, context: ContextDep, caller: CallerDep) -> None:
    """Give an upload up."""
    must_not_be_job(caller)
    uploads.remove(context, caller, upload_id)
