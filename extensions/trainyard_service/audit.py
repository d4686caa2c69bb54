"""The audit log: every state-changing call leaves who, what, when and the result, refusals included.

A router made with ``route_class=AuditedRoute`` audits its POST, PUT, PATCH and DELETE endpoints. A success is written in the
same transaction as the change itself; a refusal in one of its own. Endpoints add to the entry with ``note``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy import insert
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from trainyard.errors import UserError

from trainyard_service import bodies
from trainyard_service.database.base import Table
from trainyard_service.database.engine import Database
from trainyard_service.database.tables.audit import AuditRow

log = logging.getLogger(__name__)
_AUDITED = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_UNAUDITED = "trainyard_unaudited"
_BESIDE = "trainyard_beside_the_audit"
_INSERT = insert(Table.metadata.tables[AuditRow.__tablename__])
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass
class Entry:
    """What one call will leave; ``written`` once its row is in a committed or committing transaction."""

    action: str
    target: str = ""
    who: str = "nobody"
    detail: dict[str, Any] = field(default_factory=dict)
    written: bool = False

    def write(self, session: Session, result: str) -> None:
        """Store it."""
        told = {"who": self.who, "action": self.action, "target": self.target, "result": result, "detail": self.detail}
        session.connection().execute(_INSERT, told)
        self.written = True


_current: ContextVar[Entry | None] = ContextVar("trainyard_audit", default=None)


def unaudited(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint whose calls are many and change little (upload chunks, metrics of a run)."""
    setattr(endpoint, _UNAUDITED, True)
    return endpoint


def named(request: Request, who: str) -> None:
    """Say who the caller of the current request is."""
    entry = _current.get()
    if entry is not None:
        entry.who = who


def note(target: str | None = None, **detail: Any) -> None:
    """Add what an endpoint knows better than its path: the thing's name, old and new values. Never a secret."""
    entry = _current.get()
    if entry is not None:
        entry.target = target if target is not None else entry.target
        entry.detail.update(detail)


def leave_out() -> None:
    """Say that this call repeats one that left its entry already."""
    entry = _current.get()
    if entry is not None:
        entry.written = True


def record(session: Session, who: str, action: str, target: str = "", **detail: Any) -> None:
    """Write an entry for something that is no request: the reconciler, a command."""
    session.add(AuditRow(who=who, action=action, target=target, result=detail.pop("result", "ok"), detail=detail))


def beside(session: Session) -> None:
    """Say that what this transaction writes is not what the request was for (a counted failure): it carries no entry."""
    session.info[_BESIDE] = True


def before_commit(session: Session) -> None:
    """Hook of ``Database``: the first write of an audited request carries its entry."""
    entry = _current.get()
    if entry is not None and not entry.written and _BESIDE not in session.info:
        entry.write(session, "ok")


def _write_alone(database: Database, entry: Entry, result: str) -> None:
    entry.written = True  # or the hook would write it too
    with database.write() as session:
        entry.write(session, result)


class AuditedRoute(APIRoute):
    """A route whose state-changing methods are audited, and whose JSON body is looked through (see ``bodies``)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = bodies.checked(super().get_route_handler()) if self.body_field else super().get_route_handler()
        if not (self.methods or set()) & _AUDITED or getattr(self.endpoint, _UNAUDITED, False):
            return handler
        action = f"{self.endpoint.__module__.rsplit('.', 1)[-1]}.{self.endpoint.__name__}"

        async def audited(request: Request) -> Response:
            target = "/".join(str(value) for value in request.path_params.values())
            entry = Entry(action, target)
            remembered = _current.set(entry)
            try:
                response = await handler(request)
            except Exception as error:
                await _refused(request, entry, error)
                raise
            else:
                if not entry.written:
                    await run_in_threadpool(_write_alone, request.app.state.context.database, entry, "ok")
                return response
            finally:
                _current.reset(remembered)

        return audited


async def _refused(request: Request, entry: Entry, error: Exception) -> None:
    """Leave the refusal; that the log cannot be written must not hide the error itself."""
    code = error.code if isinstance(error, UserError) else "invalid"
    if not isinstance(error, (UserError, RequestValidationError)):
        code = "internal-failure"
    try:
        await run_in_threadpool(_write_alone, request.app.state.context.database, entry, code)
    except Exception:
        log.exception("audit entry lost", extra={"action": entry.action, "result": code})
