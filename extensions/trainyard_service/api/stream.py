"""``GET /events``: server-sent events of what the caller may see, resumable with ``Last-Event-ID``.

A reader that comes back too late (or after a restart of the service) gets ``{"topic": "reset"}`` first and asks for everything.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from trainyard.errors import UserError

from trainyard_service.context import Context, ContextDep
from trainyard_service.events import Event, EventBus
from trainyard_service.identity import Caller, known, signed_in

router = APIRouter(tags=["events"])
_ASK_AGAIN_SECONDS = 10.0
_BEAT_SECONDS = 15.0


def may_see(caller: Caller, event: Event) -> bool:
    """Whether the event is for the caller: an account of the audience, a member of its groups, or an administrator."""
    audience = event.audience
    if audience.everybody or caller.id in audience.accounts or any(group in caller.groups for group in audience.groups):
        return True
    return caller.administrator and audience.administrators


@router.get("/events", response_class=StreamingResponse)
async def events(
    request: Request,
    context: ContextDep,
    caller: Annotated[Caller, Depends(signed_in)],
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """An endless stream of ``{"topic", "id"}``; ends when the caller's token does."""
    lines = _lines(context, request, caller, last_event_id)
    return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _lines(context: Context, request: Request, caller: Caller, last: str | None) -> AsyncIterator[str]:
    bus = context.events
    after = _position(bus, last)
    begin = bus.newest if after is None else after
    yield "retry: 2000\n" + _message(bus, begin, _hello(last, after), "")
    asked = time.monotonic()
    async with bus.subscribe(begin) as changes:
        waiting = asyncio.ensure_future(anext(changes))
        try:
            while True:
                done, _ = await asyncio.wait({waiting}, timeout=_BEAT_SECONDS)
                if time.monotonic() - asked > _ASK_AGAIN_SECONDS:
                    try:
                        caller = await run_in_threadpool(known, request)
                    except UserError:
                        return
                    asked = time.monotonic()
                if not done:
                    yield ": beat\n\n"
                    continue
                try:
                    event = waiting.result()
                except StopAsyncIteration:
                    return
                waiting = asyncio.ensure_future(anext(changes))
                if may_see(caller, event):
                    yield _message(bus, event.number, event.topic, event.id)
        finally:
            waiting.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await waiting


def _message(bus: EventBus, number: int, topic: str, id: str) -> str:
    return f"id: {bus.life}-{number}\ndata: {json.dumps({'topic': topic, 'id': id})}\n\n"


def _position(bus: EventBus, last: str | None) -> int | None:
    """After which event to go on, or None when that is not known any more."""
    life, _, number = (last or "").partition("-")
    if life != bus.life or not number.isdecimal() or not bus.knows(int(number)):
        return None
    return int(number)


def _hello(last: str | None, after: int | None) -> str:
    return "reset" if last is not None and after is None else "hello"
