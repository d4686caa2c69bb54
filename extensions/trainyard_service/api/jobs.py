"""Any job: list, look, stop; its log (read and followed) and its console."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response, WebSocket
from fastapi.responses import StreamingResponse
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect
from trainyard.datasets.sources import PictureProblem, object_path
from trainyard.errors import Conflict, NotAllowed, NotFound, UserError
from trainyard.jobs.launch import Console
from trainyard.jobs.states import ACTIVE, JobState
from trainyard.records.base import Page
from trainyard.records.jobs import Job, JobKind
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.api.datasets import Limit, Offset, ReadingDep
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import Context, context_of
from trainyard_service.database.tables.datasets import DatasetRow
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.storage import StorageRow
from trainyard_service.datasets.access import must_change
from trainyard_service.datasets.stores import objects_blocks, objects_of
from trainyard_service.identity import Caller, CallerDep, signed_in_websocket
from trainyard_service.jobs import life
from trainyard_service.jobs.log import LogFile
from trainyard_service.jobs.part import EngineDep, install
from trainyard_service.jobs.views import job_view
from trainyard_service.language import language_of
from trainyard_service.permissions import can_read, must_not_be_job

router = APIRouter(tags=["jobs"], route_class=AuditedRoute)
_ASK_AGAIN_SECONDS = 10.0
_REFUSED, _ENDED = 4403, 1000
_MOST_ARGUMENTS = 64
_PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}


def find(session: Session, caller: Caller, job_id: str, *, change: bool = False) -> JobRow:
    """The job, if the caller may read (or change) it: its owner, the group it is charged to, administrators.

    Raises:
        NotFound: none, or not for this caller. NotAllowed: to be read only.
    """
    row = session.get(JobRow, job_id)
    if row is None or not can_read(caller, row.owner_id, () if row.group_id is None else (row.group_id,)):
        raise NotFound("no-such-job", N_("There is no job {id} that you may read."), id=job_id)
    if change:
        must_change(caller, row.owner_id, row.name)
    return row


@router.get("/jobs")
def list_jobs(
    reading: ReadingDep,
    kind: JobKind | None = None,
    state: Annotated[list[JobState] | None, Query()] = None,
    all: bool = False,
    offset: Offset = 0,
    limit: Limit = 50,
) -> Page[Job]:
    """The caller's jobs, the newest first; with ``all`` those of their groups too (administrators: everybody's)."""
    caller, query = reading.caller, select(JobRow)
    if not all:
        query = query.where(JobRow.owner_id == caller.id)
    elif not caller.administrator:
        query = query.where((JobRow.owner_id == caller.id) | JobRow.group_id.in_(list(caller.groups)))
    query = query if kind is None else query.where(JobRow.kind == kind)
    query = query if not state else query.where(JobRow.state.in_(state))
    with reading.context.database.read() as session:
        total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        rows = session.scalars(query.order_by(JobRow.created.desc(), JobRow.id).offset(offset).limit(limit))
        items = [job_view(row, reading.engine.kinds, reading.language) for row in rows]
    return Page(items=items, total=total, offset=offset)


@router.get("/jobs/{job_id}")
def get_job(job_id: str, reading: ReadingDep) -> Job:
    """One job."""
    with reading.context.database.read() as session:
        return job_view(find(session, reading.caller, job_id), reading.engine.kinds, reading.language)


@router.post("/jobs/{job_id}/stop")
def stop_job(job_id: str, reading: ReadingDep) -> Job:
    """Ask a job to end; pressing twice stops once."""
    must_not_be_job(reading.caller)
    with reading.context.database.write() as session:
        row = find(session, reading.caller, job_id, change=True)
        audit.note(row.name)
        life.want_stop(session, row, reading.caller.name)
        session.flush()
        return job_view(row, reading.engine.kinds, reading.language)


@router.get("/jobs/{job_id}/log", response_class=Response)
def get_log(
    job_id: str, reading: ReadingDep, offset: int = 0, limit: Annotated[int, Query(ge=1, le=8 * 2**20)] = 2**20
) -> Response:
    """Bytes of the log from ``offset`` (negative: from the end); the headers tell its size and where these bytes begin."""
    with reading.context.database.read() as session:
        log = LogFile(*reading.engine.output(session, find(session, reading.caller, job_id)))
    data, first, size = log.read(offset, limit)
    headers = {
        "Log-Size": str(size),
        "Log-Offset": str(first),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(data, media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/jobs/{job_id}/object", response_class=StreamingResponse)
def get_object(job_id: str, key: str, caller: CallerDep, engine: EngineDep) -> StreamingResponse:
    """A list or picture in the bucket, for a prepare or format job with its own token: no key of the bucket enters a sandbox.

    A preparation reads its owner's bucket; formatting reads the bucket of the dataset's owner.
    """
    context = engine.context
    if caller.job != job_id:
        raise NotAllowed("another-job", N_("Only the job itself reads from its bucket."))
    with context.database.read() as session:
        job = session.get_one(JobRow, job_id)
        if job.kind not in (JobKind.PREPARE, JobKind.FORMAT):
            raise NotAllowed("another-job", N_("Only the job itself reads from its bucket."))
        dataset = session.get(DatasetRow, job.spec["dataset"])
        objects = objects_of(session, context, dataset.owner_id if dataset else None)
        bucket = session.scalar(_bucket_of(dataset.owner_id)) if dataset else None
    if objects is None or bucket is None:
        raise Conflict("no-storage", N_("No storage space is bound that could hand out this object."))
    url = key if "://" in key else f"s3://{bucket}/{key}"
    if not object_path(url).startswith(f"{bucket}/"):
        raise NotAllowed("another-bucket", N_("The object {url} is not in the bound bucket {bucket}."), url=url, bucket=bucket)
    try:
        size, blocks = objects_blocks(objects, url)
    except PictureProblem as problem:
        raise NotFound(problem.code, problem.message, **problem.values) from None
    return StreamingResponse(blocks, media_type="application/octet-stream", headers={"Content-Length": str(size)})


def _bucket_of(account_id: int | None) -> Any:
    return select(StorageRow.bucket).where(StorageRow.account_id == account_id)


@router.websocket("/jobs/{job_id}/log/follow")
async def follow_log(socket: WebSocket, job_id: str, offset: int | None = None) -> None:
    """The log's bytes as they come, from ``offset`` or from the end on; closes when the job has ended and all is sent."""
    context = context_of(socket)
    job, caller = await _admitted(socket, job_id)
    if job is None or caller is None:
        return
    log = await run_in_threadpool(_log_of, context, job.id)
    position = offset if offset is not None else await run_in_threadpool(log.size)
    receiver = asyncio.create_task(_until_closed(socket))
    try:
        async for _ in log.changes(context.events, job.id, receiver):
            active = await run_in_threadpool(_is_active, context, job.id)
            position = await _send_news(socket, log, position)
            if not active:
                break
            if not await run_in_threadpool(_still_may, socket):
                await socket.close(_REFUSED)
                return
        if not receiver.done():
            await socket.close(_ENDED)
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        receiver.cancel()


async def _send_news(socket: WebSocket, log: LogFile, position: int) -> int:
    while True:
        data, first, size = await run_in_threadpool(log.read, position, 1 << 18)
        if size < position:
            position = 0
            continue
        if not data:
            return position
        await socket.send_bytes(data)
        position = first + len(data)


async def _until_closed(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_bytes()


def _log_of(context: Context, job_id: str) -> LogFile:
    with context.database.read() as session:
        return LogFile(*install(context).output(session, session.get_one(JobRow, job_id)))


def _is_active(context: Context, job_id: str) -> bool:
    with context.database.read() as session:
        job = session.get(JobRow, job_id)
        return job is not None and (JobState(job.state) in ACTIVE or job.state == JobState.QUEUED)


def _still_may(socket: WebSocket) -> bool:
    try:
        signed_in_websocket(socket)
    except UserError:
        return False
    return True


async def _admitted(socket: WebSocket, job_id: str, *, change: bool = False) -> tuple[JobRow | None, Caller | None]:
    """Accept the socket of somebody who may; tell everybody else why not, in a text frame."""
    context = context_of(socket)

    def check() -> tuple[JobRow, Caller]:
        caller = signed_in_websocket(socket)
        with context.database.read() as session:
            return find(session, caller, job_id, change=change), caller

    try:
        job, caller = await run_in_threadpool(check)
    except UserError as error:
        await _refuse(socket, error)
        return None, None
    await socket.accept()
    return job, caller


async def _refuse(socket: WebSocket, error: UserError) -> None:
    await socket.accept()
    await socket.send_text(json.dumps(error.to_json(language_of(socket)), ensure_ascii=False))
    await socket.close(_REFUSED)


@router.websocket("/jobs/{job_id}/console")
async def open_console(
    socket: WebSocket, job_id: str, columns: int = 80, rows: int = 24, argv: Annotated[list[str] | None, Query()] = None
) -> None:
    """A terminal inside the running job, for its owner only. Binary frames are the terminal's bytes."""
    context = context_of(socket)
    job, caller = await _admitted(socket, job_id, change=True)
    if job is None or caller is None:
        return
    try:
        console = await _open(context, job, caller, (columns, rows), tuple(argv or ())[:_MOST_ARGUMENTS])
    except UserError as error:
        await socket.send_text(json.dumps(error.to_json(language_of(socket)), ensure_ascii=False))
        await socket.close(_REFUSED)
        return
    tasks: list[asyncio.Task[None]] = []
    try:
        await run_in_threadpool(_note_console, context, caller, job)
        work = (_to_browser(socket, console), _to_console(socket, console), _while_admitted(context, socket, job_id))
        tasks = [asyncio.create_task(one) for one in work]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await console.close()
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(_ENDED)


def _note_console(context: Context, caller: Caller, job: JobRow) -> None:
    with context.database.write() as session:
        audit.record(session, caller.name, "jobs.console", f"{job.name} ({job.id})")


async def _open(context: Context, job: JobRow, caller: Caller, size: tuple[int, int], argv: tuple[str, ...]) -> Console:
    if job.owner_id != caller.id or caller.job is not None:
        raise NotAllowed("not-owner", N_("Only the owner may open a terminal in {name}."), name=job.name)
    if job.kind != JobKind.TRAIN or job.state != JobState.RUNNING:
        raise _not_running(job)
    columns, rows = (max(1, min(number, 1000)) for number in size)
    try:
        return await context.launcher.console(job.key, argv or ("/bin/bash", "-l"), columns, rows)
    except OSError:  # it ended a moment ago
        raise _not_running(job) from None


def _not_running(job: JobRow) -> Conflict:
    return Conflict(
        "not-running",
        N_("There is no terminal in {name}, because it is not running; its state is {state}."),
        hint=N_("Start it, then open the terminal."),
        name=job.name,
        state=job.state,
    )


async def _to_browser(socket: WebSocket, console: Console) -> None:
    # a job that speaks no frames, because its owner replaced what serves consoles, ends the console (ValueError)
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, ValueError):
        while data := await console.read():
            await socket.send_bytes(data)


async def _to_console(socket: WebSocket, console: Console) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if data := message.get("bytes"):
                await console.write(data)
            elif text := message.get("text"):
                await _resize(console, text)


async def _resize(console: Console, text: str) -> None:
    """``{"resize": [columns, rows]}``; anything else is passed over."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        columns, rows = json.loads(text)["resize"]
        await console.resize(max(1, min(int(columns), 1000)), max(1, min(int(rows), 1000)))


async def _while_admitted(context: Context, socket: WebSocket, job_id: str) -> None:
    """Ends when the caller may not be here any more: signed out, blocked, or removed from the group."""

    def check() -> None:
        caller = signed_in_websocket(socket)
        with context.database.read() as session:
            find(session, caller, job_id, change=True)

    while True:
        await asyncio.sleep(_ASK_AGAIN_SECONDS)
        try:
            await run_in_threadpool(check)
        except UserError:
            return
