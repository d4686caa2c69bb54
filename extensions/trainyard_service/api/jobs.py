"""Any job: list, look, stop; its log (read and followed) and its console."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Annotated

from fastapi import APIRouter, Query, WebSocket
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect
from trainyard.errors import Conflict, NotAllowed, NotFound, UserError
from trainyard.jobs.launch import Console
from trainyard.jobs.replicas import key_of
from trainyard.jobs.states import JobState
from trainyard.records.base import Page
from trainyard.records.distributed import Replica
from trainyard.records.jobs import Job, JobKind
from trainyard.words import N_

from trainyard_service import audit
from trainyard_service.api.datasets import Limit, Offset, ReadingDep
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import Context, context_of
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.database.tables.trainings import TrainingRow
from trainyard_service.datasets.access import must_change
from trainyard_service.identity import Caller, signed_in_websocket
from trainyard_service.jobs import gang, leftovers, life
from trainyard_service.jobs.replica_views import replica_views
from trainyard_service.jobs.views import job_view
from trainyard_service.language import language_of
from trainyard_service.permissions import can_read, must_not_be_job
from trainyard_service.trainings import places

router = APIRouter(tags=["jobs"], route_class=AuditedRoute)
_ASK_AGAIN_SECONDS = 10.0
REFUSED, ENDED = 4403, 1000
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


@router.get("/jobs/{job_id}/replicas")
def list_replicas(job_id: str, reading: ReadingDep) -> list[Replica]:
    """The processes of a distributed job in its present attempt, and how each of them stands; none where it is one."""
    with reading.context.database.read() as session:
        row = find(session, reading.caller, job_id)
        training = session.scalar(select(TrainingRow).where(TrainingRow.job_id == row.id))
        log = places.log_inside(training) if training else ""
        return replica_views(row, leftovers.ends_of(session, row), reading.context.launcher.state, log)


async def admitted(socket: WebSocket, job_id: str, *, change: bool = False) -> tuple[JobRow | None, Caller | None]:
    """Accept the socket of somebody who may; tell everybody else why not, in a text frame."""
    context = context_of(socket)

    def check() -> tuple[JobRow, Caller]:
        caller = signed_in_websocket(socket)
        with context.database.read() as session:
            return find(session, caller, job_id, change=change), caller

    try:
        job, caller = await run_in_threadpool(check)
    except UserError as error:
        await refuse(socket, error)
        return None, None
    await socket.accept()
    return job, caller


async def refuse(socket: WebSocket, error: UserError) -> None:
    await socket.accept()
    await socket.send_text(json.dumps(error.to_json(language_of(socket)), ensure_ascii=False))
    await socket.close(REFUSED)


@router.websocket("/jobs/{job_id}/console")
async def open_console(
    socket: WebSocket,
    job_id: str,
    columns: int = 80,
    rows: int = 24,
    argv: Annotated[list[str] | None, Query()] = None,
    replica: str = "",
) -> None:
    """A terminal inside the running job (or ``replica`` of it), for its owner only. Binary frames are the terminal's bytes."""
    context = context_of(socket)
    job, caller = await admitted(socket, job_id, change=True)
    if job is None or caller is None:
        return
    try:
        _must_be_owner(job, caller)
        key = key_of(job.key, gang.must_be_one(job, replica)) if replica else gang.lead_key(job)
        console = await _open(context, job, key, (columns, rows), tuple(argv or ())[:_MOST_ARGUMENTS])
    except UserError as error:
        await socket.send_text(json.dumps(error.to_json(language_of(socket)), ensure_ascii=False))
        await socket.close(REFUSED)
        return
    tasks: list[asyncio.Task[None]] = []
    try:
        await run_in_threadpool(_note_console, context, caller, job)
        work = (_to_browser(socket, console), _to_console(socket, console), _whileadmitted(context, socket, job_id))
        tasks = [asyncio.create_task(one) for one in work]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await console.close()
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(ENDED)


def _note_console(context: Context, caller: Caller, job: JobRow) -> None:
    with context.database.write() as session:
        audit.record(session, caller.name, "jobs.console", f"{job.name} ({job.id})")


def _must_be_owner(job: JobRow, caller: Caller) -> None:
    if job.owner_id != caller.id or caller.job is not None:
        raise NotAllowed("not-owner", N_("Only the owner may open a terminal in {name}."), name=job.name)


async def _open(context: Context, job: JobRow, key: str, size: tuple[int, int], argv: tuple[str, ...]) -> Console:
    if job.kind != JobKind.TRAIN or job.state != JobState.RUNNING:
        raise _not_running(job)
    columns, rows = (max(1, min(number, 1000)) for number in size)
    try:
        return await context.launcher.console(key, argv or ("/bin/bash", "-l"), columns, rows)
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


async def _whileadmitted(context: Context, socket: WebSocket, job_id: str) -> None:
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
