"""What a job may read that lies elsewhere: objects of buckets and pictures on the web, through the service.

No key of a bucket enters a sandbox, and no sandbox of ours has a network. A job reads what the list it works on names, with the
keys of whoever brought that list; a preparation, which has no list yet, reads its owner's own bucket.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Header
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from trainyard.datasets.sources import PictureProblem
from trainyard.errors import Conflict, NotAllowed, NotFound
from trainyard.records.base import Record
from trainyard.records.jobs import JobKind
from trainyard.words import N_

from trainyard_service.audit import AuditedRoute
from trainyard_service.context import Context, ContextDep
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.datasets.named import is_named
from trainyard_service.datasets.problems import refusal_of
from trainyard_service.datasets.stores import KeyedObjects, Object, keyed_objects, object_of, objects_of
from trainyard_service.datasets.web import web_of
from trainyard_service.identity import Caller, CallerDep
from trainyard_service.storage import binding
from trainyard_service.storage.bucket import must_be_key
from trainyard_service.storage.lane import lane, streamed

router = APIRouter(tags=["jobs"], route_class=AuditedRoute)
T = TypeVar("T")
WEB_AT_ONCE = 64
_IN_MEMORY = 1 << 20
_BLOCK = 1 << 18


class ObjectKeys(Record):
    """Keys of a bucket; ``after`` asks for the next page, None at the end."""

    bucket: str
    keys: list[str]
    after: str | None


@dataclass(frozen=True)
class Asked:
    """What a job asks for. ``objects`` are the buckets it may read; ``must_be_in`` the list that has to name the url."""

    url: str
    account_id: int | None
    objects: KeyedObjects
    must_be_in: str = ""


@dataclass(frozen=True)
class Part:
    """From where on an object is asked for, if it is still the one that the job knows (RFC 9110, sections 13.1.5 and 14)."""

    range: Annotated[str, Header()] = ""
    if_range: Annotated[str, Header()] = ""

    def start_of(self, found: Object) -> int:
        """The first byte to send; 0, the whole object, where nothing, or nothing that can be had, is asked for."""
        asked = re.fullmatch(r"bytes=(\d{1,15})-", self.range)
        start = int(asked[1]) if asked and found.mark and self.if_range == found.mark else 0
        return start if start < found.size else 0


@router.get("/jobs/{job_id}/object", response_class=StreamingResponse)
async def get_object(
    job_id: str, key: str, caller: CallerDep, context: ContextDep, asked_for: Annotated[Part, Depends()]
) -> StreamingResponse:
    """A list or picture for a job with its own token: a key in its owner's bucket (a preparation), or a url its list names.

    With ``Range: bytes=N-`` and ``If-Range``, the rest of an object of a bucket, as long as it is the same one.
    """
    asked = await run_in_threadpool(_asked, context, caller, job_id, key)
    if asked.must_be_in and not await run_in_threadpool(is_named, context.home, asked.must_be_in, asked.url):
        raise NotAllowed("not-named", N_("The list this job works on does not name {url}."), url=asked.url[:200])
    if asked.url.startswith(("http://", "https://")):
        size, blocks = await in_words(partial(_from_the_web, context, asked), web_lane(context))
        return _streamed(context, blocks, 200, {"Content-Length": str(size)})
    found = await in_words(partial(_from_a_bucket, asked), lane(context))
    start = asked_for.start_of(found)
    headers = {"Content-Length": str(found.size - start), "Accept-Ranges": "bytes", "ETag": found.mark or '""'}
    if start:
        headers["Content-Range"] = f"bytes {start}-{found.size - 1}/{found.size}"
    return _streamed(context, found.blocks(start), 206 if start else 200, headers)


def _streamed(context: Context, blocks: Iterator[bytes], status: int, headers: dict[str, str]) -> StreamingResponse:
    return StreamingResponse(streamed(context, blocks), status, headers, media_type="application/octet-stream")


@router.get("/jobs/{job_id}/objects")
async def list_objects(job_id: str, caller: CallerDep, context: ContextDep, prefix: str = "", after: str = "") -> ObjectKeys:
    """A page of the keys below a prefix of its owner's bucket, for a preparation with its own token."""
    asked = partial(_keys, context, caller, job_id, (must_be_key(prefix, field="prefix", empty=True), after))
    return await to_thread.run_sync(asked, limiter=lane(context))


def _keys(context: Context, caller: Caller, job_id: str, page: tuple[str, str]) -> ObjectKeys:
    with context.database.read() as session:
        job = job_of(session, caller, job_id)
        if job.kind != JobKind.PREPARE:
            raise NotAllowed("another-job", N_("Only the job itself reads from its bucket."))
        name, owner = binding.find(session, job.owner_id).bucket, job.owner_id
    keys, after = binding.bucket_of(context, owner).keys_after(*page)
    return ObjectKeys(bucket=name, keys=keys, after=after)


def job_of(session: Session, caller: Caller, job_id: str) -> JobRow:
    """The job whose token this is.

    Raises:
        NotAllowed: it is another's.
    """
    if caller.job != job_id:
        raise NotAllowed("another-job", N_("Only the job itself reads from its bucket."))
    return session.get_one(JobRow, job_id)


def _asked(context: Context, caller: Caller, job_id: str, key: str) -> Asked:
    with context.database.read() as session:
        job = job_of(session, caller, job_id)
        dataset = session.get(DatasetRow, job.spec.get("reads") or job.spec.get("dataset") or "")
        if dataset is None:
            raise NotFound("no-such-dataset", N_("This job works on no dataset."))
        if job.kind == JobKind.PREPARE:
            own = objects_of(session, context, job.owner_id)
            if own is None:
                raise Conflict("no-storage", N_("No storage space is bound that could hand out this object."))
            url = key if "://" in key else f"s3://{own.name}/{key}"
            return Asked(url, job.owner_id, KeyedObjects.all_of(context, own))
        by = dataset.source.get("list_by", dataset.owner_id)
        return Asked(key, dataset.owner_id, keyed_objects(session, context, dataset), "" if by == job.owner_id else dataset.id)


async def in_words(question: Callable[[], T], limiter: CapacityLimiter) -> T:
    """What is answered in a thread of ``limiter``; why there is no picture becomes a refusal."""
    try:
        return await to_thread.run_sync(question, limiter=limiter)
    except PictureProblem as problem:
        raise refusal_of(problem) from None


def web_lane(context: Context) -> CapacityLimiter:
    """The threads that wait for the web; they take none from those that wait for stores."""
    made: CapacityLimiter = context.parts.setdefault("web lane", CapacityLimiter(WEB_AT_ONCE))
    return made


def _from_a_bucket(asked: Asked) -> Object:
    return object_of(asked.objects.bucket_of(asked.url), asked.url)


def _from_the_web(context: Context, asked: Asked) -> tuple[int, Iterator[bytes]]:
    """The whole file first: what is no picture, or stops midway, is a refusal and not half an answer."""
    file: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed when it is sent
    try:
        size = web_of(context).fetch(asked.url, file, who=asked.account_id).size
    except BaseException:
        file.close()
        raise
    return size, _blocks(file)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while block := file.read(_BLOCK):
            yield block
