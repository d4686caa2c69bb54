"""A job's log: read by position, and followed as it grows; of a distributed job one replica's, or all of them as one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Query, Response, WebSocket
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect
from trainyard.errors import UserError
from trainyard.jobs.states import ACTIVE, JobState

from trainyard_service.api.datasets import ReadingDep
from trainyard_service.api.jobs import ENDED, REFUSED, admitted, find
from trainyard_service.audit import AuditedRoute
from trainyard_service.context import Context, context_of
from trainyard_service.database.tables.jobs import JobRow
from trainyard_service.identity import signed_in_websocket
from trainyard_service.jobs import gang, kept
from trainyard_service.jobs.engine import JobEngine
from trainyard_service.jobs.log import LogFile, changes
from trainyard_service.jobs.merged_log import ALL, CURSOR, MergedLog, Source
from trainyard_service.jobs.part import install
from trainyard_service.language import language_of

router = APIRouter(tags=["jobs"], route_class=AuditedRoute)
Cursor = Annotated[str | None, Query(pattern=CURSOR, max_length=20_000)]
_SHOWN_AGAIN = 1 << 16
_AT_ONCE = 1 << 18
_PLAIN = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
_TEXT = "text/plain; charset=utf-8"


def merged(engine: JobEngine, session: Session, job: JobRow, replica: str = ALL, *, times: bool = False) -> MergedLog:
    """The logs of all replicas as one, or the lines of one of them; with when each was written, where ``times`` are wished.

    Raises:
        NotFound: it is one process, or has no such replica.
    """
    home = engine.context.home
    if replica != ALL:
        log = LogFile(*engine.output(session, job, replica))
        return MergedLog([Source("", log, kept.folders(home, job.id, replica or gang.names_of(job)[0]))], times=times)
    if not job.replicas:
        gang.must_be_one(job, ALL)
    logs = {name: LogFile(*engine.output(session, job, name)) for name in gang.names_of(job)}
    return MergedLog([Source(name, log, kept.folders(home, job.id, name)) for name, log in logs.items()], times=times)


@router.get("/jobs/{job_id}/log", response_class=Response)
def get_log(
    job_id: str,
    reading: ReadingDep,
    offset: int = 0,
    limit: Annotated[int, Query(ge=1, le=8 * 2**20)] = 2**20,
    replica: str = "",
    since: Cursor = None,
    until: Cursor = None,
    times: bool = False,
) -> Response:
    """Bytes of the log from ``offset`` (negative: from the end); the headers tell its size and where these bytes begin.

    ``replica`` names a process of a distributed job; without it the first worker speaks. ``all``: whole lines of all of them,
    with their names in front, in the order they were written; there a place is a cursor, which the headers ``Log-From`` and
    ``Log-Next`` tell: ``since`` one (or ``start``), ``until`` one, or else the end. ``times``: whole lines with their times in
    front, of one process too; its places are such cursors then.
    """
    with reading.context.database.read() as session:
        job = find(session, reading.caller, job_id)
        if in_lines := times or replica == ALL:
            together, final = merged(reading.engine, session, job, replica, times=times), not _goes_on(job)
        else:
            log = LogFile(*reading.engine.output(session, job, replica))
    if not in_lines:
        data, first, size = log.read(offset, limit)
        return Response(data, media_type=_TEXT, headers={"Log-Size": str(size), "Log-Offset": str(first), **_PLAIN})
    limit = min(limit, _AT_ONCE)  # lines are kept one by one until they are sorted
    piece = together.backward(until, limit, final=final) if since is None else together.forward(since, limit, final=final)
    headers = {"Log-Size": str(piece.size), "Log-From": piece.first, "Log-Next": piece.next, **_PLAIN}
    return Response(piece.data, media_type=_TEXT, headers=headers)


@dataclass
class Feed:
    """What one socket is sent of one log, and how far it is."""

    log: LogFile
    position: int
    cuts: bool

    @property
    def logs(self) -> Sequence[LogFile]:
        """The files to watch."""
        return (self.log,)

    async def send(self, socket: WebSocket, *, final: bool) -> None:
        """What is new; of a log that lost its middle the last lines, and with ``cuts`` a text frame that tells where."""
        while True:
            data, first, size = await run_in_threadpool(self.log.read, self.position, _AT_ONCE)
            if size < self.position:
                self.position = max(0, size - _SHOWN_AGAIN)
                if self.cuts:
                    await socket.send_text(json.dumps({"from": self.position}))
                continue
            if not data:
                return
            await socket.send_bytes(data)
            self.position = first + len(data)


@dataclass
class MergedFeed:
    """The same of the view of all replicas: whole lines only."""

    log: MergedLog
    position: str
    caught_up: bool = field(default=False, init=False)

    @property
    def logs(self) -> Sequence[LogFile]:
        """The files to watch."""
        return [one.log for one in self.log.sources]

    async def send(self, socket: WebSocket, *, final: bool) -> None:
        """What is new, once the past is told in the order in which it was written."""
        while True:
            timed = not self.caught_up
            piece = await run_in_threadpool(self.log.forward, self.position, _AT_ONCE, final=final, timed=timed)
            self.position = piece.next
            if not piece.data:
                self.caught_up = True
                return
            await socket.send_bytes(piece.data)


@router.websocket("/jobs/{job_id}/log/follow")
async def follow_log(
    socket: WebSocket,
    job_id: str,
    offset: int | None = None,
    cuts: bool = False,
    replica: str = "",
    since: Cursor = None,
    times: bool = False,
) -> None:
    """The log's bytes as they come, from ``offset`` or from the end on; closes when the job has ended and all is sent.

    A log that lost its middle goes on with its last lines; with ``cuts`` a text frame, ``{"from": offset}``, tells where.
    ``replica=all`` or ``times``: whole lines, as ``GET`` gives them, from the cursor ``since`` (or ``start``) on.
    """
    context = context_of(socket)
    job, caller = await admitted(socket, job_id)
    if job is None or caller is None:
        return
    try:
        if times or replica == ALL:
            feed: Feed | MergedFeed = await run_in_threadpool(_lines_feed, context, job.id, replica, since, times)
        else:
            feed = await run_in_threadpool(_feed, context, job.id, replica, offset, cuts)
    except UserError as error:
        await socket.send_text(json.dumps(error.to_json(language_of(socket)), ensure_ascii=False))
        await socket.close(REFUSED)
        return
    receiver = asyncio.create_task(_until_closed(socket))
    try:
        async for _ in changes(feed.logs, context.events, job.id, receiver):
            active = await run_in_threadpool(_is_active, context, job.id)
            await feed.send(socket, final=not active)
            if not active:
                break
            if not await run_in_threadpool(_still_may, socket):
                await socket.close(REFUSED)
                return
        if not receiver.done():
            await socket.close(ENDED)
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        receiver.cancel()


def _feed(context: Context, job_id: str, replica: str, begin: int | None, cuts: bool) -> Feed:
    engine = install(context)
    with context.database.read() as session:
        log = LogFile(*engine.output(session, session.get_one(JobRow, job_id), replica))
    return Feed(log, log.size() if begin is None else begin, cuts)


def _lines_feed(context: Context, job_id: str, replica: str, begin: str | None, times: bool) -> MergedFeed:
    engine = install(context)
    with context.database.read() as session:
        together = merged(engine, session, session.get_one(JobRow, job_id), replica, times=times)
    return MergedFeed(together, together.backward(None, 1, final=False).next if begin is None else begin)


async def _until_closed(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.receive_bytes()


def _goes_on(job: JobRow) -> bool:
    return JobState(job.state) in ACTIVE or job.state == JobState.QUEUED


def _is_active(context: Context, job_id: str) -> bool:
    with context.database.read() as session:
        job = session.get(JobRow, job_id)
        return job is not None and _goes_on(job)


def _still_may(socket: WebSocket) -> bool:
    try:
        signed_in_websocket(socket)
    except UserError:
        return False
    return True
