"""What every part of the service is handed: settings, database, events, and the seams to Hub, launcher and clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection
from trainyard.home import Home
from trainyard.jobs.launch import Launcher

from trainyard_service.database.engine import Database
from trainyard_service.events import EventBus
from trainyard_service.settings import Settings
from trainyard_service.token_directory import JobTokens, NoJobTokens, TokenDirectory

Enforcer = Callable[[int], None]


@dataclass
class Context:
    """One running service. ``job_tokens`` and ``enforcers`` are filled by the parts that know jobs.

    ``enforcers`` are called (with an account id, after the commit) when a person was blocked or removed from a group.
    """

    settings: Settings
    database: Database
    events: EventBus
    hub: TokenDirectory
    launcher: Launcher
    job_tokens: JobTokens = field(default_factory=NoJobTokens)
    enforcers: list[Enforcer] = field(default_factory=list)
    parts: dict[str, Any] = field(default_factory=dict)

    @property
    def home(self) -> Home:
        """The state folder's paths."""
        return self.settings.places

    def enforce(self, account_id: int) -> None:
        """Make what runs fit what the person may now do, at once."""
        for enforcer in self.enforcers:
            enforcer(account_id)


def load_launcher(dotted: str, home: Home) -> Launcher:
    """The launcher class named ``module:Class``, made with the home."""
    module, _, name = dotted.partition(":")
    launcher: Launcher = getattr(import_module(module), name)(home)
    return launcher


def context_of(connection: HTTPConnection) -> Context:
    """The running service behind a request or websocket."""
    context: Context = connection.app.state.context
    return context


async def _context(connection: HTTPConnection) -> Context:
    return context_of(connection)


# dependencies that do not block are asynchronous: each other one is a trip to a thread
ContextDep = Annotated[Context, Depends(_context)]
