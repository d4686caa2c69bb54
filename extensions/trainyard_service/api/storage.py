"""The bound storage space and the browser of its bucket."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import Field
from trainyard.errors import Conflict, Invalid
from trainyard.records.base import Record
from trainyard.records.storage import BucketListing, NewStorage, Storage, StorageOffer
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import ContextDep
from trainyard_service.identity import CallerDep
from trainyard_service.language import LanguageDep
from trainyard_service.permissions import must_be_unrestricted, must_not_be_job
from trainyard_service.storage import binding
from trainyard_service.storage.bucket import Bucket, must_be_key
from trainyard_service.storage.lane import in_lane, streamed
from trainyard_service.storage.mounts import mounts_of

router = APIRouter(tags=["storage"], route_class=AuditedRoute)
Key = Annotated[str, Query(max_length=1024)]


class Rename(Record):
    """From one key to another; both end in a slash for a folder."""

    key: str = Field(min_length=1, max_length=1024)
    to: str = Field(min_length=1, max_length=1024)


@router.get("/storage")
def storage(context: ContextDep, caller: CallerDep, language: LanguageDep) -> Storage:
    """What the caller bound; 404 ``no-storage`` when nothing is."""
    with context.database.read() as session:
        bound = binding.view(binding.find(session, caller.id))
    return mounts_of(context).tell(bound, caller.id, language)


@router.get("/storage/offer")
def offer(context: ContextDep, caller: CallerDep) -> StorageOffer:
    """The platform's own store and a name for a bucket in it."""
    return binding.offer(context, caller)


@router.post("/storage", status_code=201)
@in_lane
def bind(body: NewStorage, context: ContextDep, caller: CallerDep, language: LanguageDep) -> Storage:
    """Bind a storage space for good, after a write, a read and a deletion in it."""
    must_be_unrestricted(caller)
    audit.note(body.bucket, endpoint=body.endpoint)
    return mounts_of(context).tell(binding.bind(context, caller, body), caller.id, language)


@router.get("/bucket")
@in_lane
def listing(context: ContextDep, caller: CallerDep, prefix: Key = "", after: str | None = None) -> BucketListing:
    """One page of a folder of the bucket."""
    folder = must_be_key(prefix, field="prefix", empty=True)
    return binding.bucket_of(context, caller.id).listing(folder, after)


@router.get("/bucket/object", response_class=StreamingResponse)
@in_lane
def download(
    context: ContextDep, caller: CallerDep, key: Key, byte_range: Annotated[str | None, Header(alias="Range")] = None
) -> StreamingResponse:
    """The bytes of an object, or a range of them; always as a download, never shown as a page of ours."""
    answer, chunks = binding.bucket_of(context, caller.id).get(must_be_key(key), byte_range)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(PurePosixPath(key).name, safe='')}",
        "Content-Length": str(answer["ContentLength"]),
        "Content-Security-Policy": "sandbox",
        "Accept-Ranges": "bytes",
        "ETag": answer.get("ETag", '""'),
    }
    if "ContentRange" in answer:
        headers["Content-Range"] = answer["ContentRange"]
    status = 206 if "ContentRange" in answer else 200
    return StreamingResponse(streamed(context, chunks), status, headers, media_type="application/octet-stream")


@router.delete("/bucket/object", status_code=204)
@in_lane
def delete(context: ContextDep, caller: CallerDep, key: Key) -> None:
    """Delete an object, or with a slash at the end a folder and all that is in it."""
    must_not_be_job(caller)
    audit.note(key)
    bucket = binding.bucket_of(context, caller.id)
    if not must_be_key(key).endswith("/"):
        bucket.size(key)
        bucket.delete(key)
        return
    bucket.delete_folder(key)


@router.post("/bucket/rename", status_code=204)
@in_lane
def rename(body: Rename, context: ContextDep, caller: CallerDep) -> None:
    """Give an object, or a folder with all that is in it, another key: copied first, deleted when every copy is there."""
    must_not_be_job(caller)
    audit.note(body.key, to=body.to)
    key, to = must_be_key(body.key), must_be_key(body.to, field="to")
    if key.endswith("/") != to.endswith("/"):
        raise Invalid("folder-key", N_("A folder's key ends in a slash, an object's does not."), field="to")
    if to == key or (key.endswith("/") and to.startswith(key)):
        raise Invalid("rename-inside", N_("{key} cannot be moved into itself."), field="to", key=key)
    bucket = binding.bucket_of(context, caller.id)
    _must_be_free(bucket, to)
    pairs = [(key, to)] if not key.endswith("/") else _pairs(bucket, key, to)
    for old, new in pairs:
        # an empty folder is an object only in stores that have no folders
        bucket.put(new, b"") if old.endswith("/") else bucket.copy(old, new)
    # not the folder: something may have been added to it meanwhile
    bucket.delete_all(key, [old for old, _ in pairs])


def _pairs(bucket: Bucket, key: str, to: str) -> list[tuple[str, str]]:
    return [(old, to + old[len(key) :]) for page in bucket.keys(key) for old in page]


def _must_be_free(bucket: Bucket, key: str) -> None:
    taken = any(key in page or (key.endswith("/") and page) for page in bucket.keys(key))
    if taken:
        raise Conflict("object-exists", N_("{key} exists already."), hint=N_("Choose another name."), field="to", key=key)
