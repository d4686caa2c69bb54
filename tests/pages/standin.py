"""A small platform in one process for the tests of the pages: the Hub's answer to "whose token is this" and the service's REST.

It speaks the records of ``trainyard.records`` over real HTTP, so that kernels, sandbox, sockets and browser are the real ones.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
Answer = Callable[["Platform", int, dict[str, Any]], Any]
QUOTA = {"cpu": 16, "memory": 64 * 2**30, "gpu": 0, "jobs": 4, "disk": 500 * 2**30}
USE = {"cpu": 2, "memory": 4 * 2**30, "gpu": 0, "jobs": 1, "workspaces": 1, "disk": 31 * 2**30}


def iso(**ago: float) -> str:
    """A time before now."""
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


class Platform:
    """People by token, answers by path, and the calls that came in."""

    def __init__(self) -> None:
        self.people = {"token-alice": 2, "token-bob": 3, "token-admin": 1, "workspace-alice": 2}
        self.names = {1: "admin", 2: "Alice 爱丽丝", 3: "bob"}
        self.answers: dict[str, Any] = {}
        self.calls: list[tuple[str, str, int, Any]] = []
        self.followers: set[RequestHandler] = set()
        self.port = 0

    @property
    def hub_api(self) -> str:
        """Where the Hub's API answers."""
        return f"http://127.0.0.1:{self.port}/hub/api"

    @property
    def service(self) -> str:
        """Where the service answers."""
        return f"http://127.0.0.1:{self.port}/services/trainyard"

    def me(self, account: int) -> dict[str, Any]:
        """``GET /me``."""
        group = {
            "id": 1, "name": "vision", "gid": 30001, "description": "", "quota": QUOTA, "use": USE, "created": NOW.isoformat(),
            "members": [
                {"person": {"id": account, "name": self.names[account]}, "quota": {}, "use": USE, "since": NOW.isoformat()}
            ],
        }  # fmt: skip
        base = {
            "id": account, "name": self.names[account], "administrator": account == 1, "restricted": False, "language": "",
            "groups": [group], "storage": None, "unread_notices": 1, "applications_waiting": 1 if account == 1 else 0,
            "next_step": "bind-storage",
        }  # fmt: skip
        return {**base, **self.answers.get("me", {})}

    async def tell(self, topic: str, which: Any = None) -> None:
        """Send an event to everybody who follows."""
        for follower in list(self.followers):
            follower.write(f"data: {json.dumps({'topic': topic, 'id': which})}\n\n")
            await follower.flush()

    def start(self) -> HTTPServer:
        """Listen on a free port."""
        application = Application(
            [
                (r"/hub/api/user", HubUser),
                (r"/services/trainyard/api/v1/events", Events),
                (r"/services/trainyard/api/v1(/.*)", Rest),
            ],
            platform=self,
        )
        sockets = bind_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        server = HTTPServer(application)
        server.add_sockets(sockets)
        return server


class HubUser(RequestHandler):
    """The Hub's ``GET /user``."""

    def get(self) -> None:
        """Who the token belongs to, with the scopes of the pages' OAuth client."""
        token = self.request.headers.get("Authorization", "").split(" ")[-1]
        account = self.settings["platform"].people.get(token)
        if account is None:
            raise HTTPError(403)
        pages = [] if token.startswith("workspace-") else ["access:services!service=pages"]
        scopes = [*pages, "access:services!service=trainyard"]
        self.finish(
            {"name": f"u{account}", "kind": "user", "admin": account == 1, "groups": [], "scopes": scopes, "session_id": None}
        )


class Rest(RequestHandler):
    """The service's REST: ``platform.answers[path]`` or what is built in."""

    async def handle(self, path: str) -> None:
        """Answer one call as the service would."""
        platform: Platform = self.settings["platform"]
        account = platform.people.get(self.request.headers.get("Authorization", "").removeprefix("Bearer "))
        if account is None:
            return self.refuse(401, "not-signed-in", "You are not signed in.")
        try:
            body = json.loads(self.request.body) if self.request.body else None
        except ValueError:
            body = None
        platform.calls.append((self.request.method or "", path, account, body))
        query = {key: self.get_query_argument(key) for key in self.request.query_arguments}
        answer = platform.answers.get(f"{self.request.method} {path}", platform.answers.get(path))
        if path == "/me":
            answer = platform.me(account)
        if callable(answer):
            answer = answer(platform, account, body if body is not None else query)
        if asyncio.iscoroutine(answer):
            answer = await answer
        if isinstance(answer, tuple):
            return self.refuse(*answer)
        if answer is None and self.request.method == "GET":
            return self.refuse(404, "not-found", "There is no such thing.")
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(answer))
        return None

    get = post = put = patch = delete = handle

    def refuse(self, status: int, code: str, message: str, hint: str = "", field: str | None = None) -> None:
        """The service's error body."""
        self.set_status(status)
        self.finish({"error": {"code": code, "message": message, "hint": hint, "field": field}})


class Events(RequestHandler):
    """``GET /events`` that stays open."""

    async def get(self) -> None:
        """Wait for what ``Platform.tell`` says."""
        platform: Platform = self.settings["platform"]
        self.set_header("Content-Type", "text/event-stream")
        self.write(": hello\n\n")
        await self.flush()
        platform.followers.add(self)
        self._ended = asyncio.Event()
        try:
            await self._ended.wait()
        except StreamClosedError:
            pass
        finally:
            platform.followers.discard(self)

    def on_connection_close(self) -> None:
        """The follower left."""
        self._ended.set()
